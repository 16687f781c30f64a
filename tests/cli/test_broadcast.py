"""``allpoints broadcast`` against a real server."""

import json
from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from tests.support.folders import grid_folder
from tests.support.serving import served


def test_it_is_sent_once_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with served(grid_folder(tmp_path)) as server:
        where = ["broadcast", str(server.folder)]
        assert main(where) == 0
        assert "nothing has been broadcast" in capsys.readouterr().out
        assert main([*where, "Fog on the ring road", "--key", "k", "--lang", "zh"]) == 0
        printed = capsys.readouterr().out
        assert "Fog on the ring road" in printed
        assert "已下达" in printed
        assert main([*where, "Fog on the ring road", "--key", "k", "--json"]) == 0
        body = json.loads(capsys.readouterr().out)
        assert sum(body["counts"].values()) == len(body["reached"])
        assert main(where) == 0
        assert body["id"] in capsys.readouterr().out
        assert main([*where, "x", "--capability", "flying"]) == BAD_INPUT
        assert "unknown_capability" in capsys.readouterr().err
