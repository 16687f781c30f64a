"""``allpoints lookout`` against a real server: two people, an extension, an end; in both languages."""

from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from engine.service.access import Access
from tests.support.folders import grid_folder
from tests.support.serving import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"))) as running:
        yield running


def test_a_lookout_from_its_request_to_its_end(
    server: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    folder = str(server.folder)
    words = ["lookout", "add", folder, "--reference", "TJ-1", "--label", "张三", "--class", "seize", "--case", "A-12"]
    assert main([*words, "--for", "12h", "--key", "one"]) == 0
    assert "grid-lookout-1 waits for approval, seize at once: TJ-1, until" in capsys.readouterr().out
    assert main([*words, "--for", "12h", "--key", "one"]) == 0
    assert "grid-lookout-1" in capsys.readouterr().out
    with Access(Path(folder)) as access:
        second = access.add("commander", "wu")
    with monkeypatch.context() as patched:
        patched.setenv("ALLPOINTS_CREDENTIAL", second)
        assert main(["lookout", "approve", folder, "grid-lookout-1"]) == 0
    assert "grid-lookout-1 holds" in capsys.readouterr().out
    extend = ["lookout", "extend", folder, "grid-lookout-1", "--until", "2099-01-01T00:00+08:00", "--reason", "x"]
    assert main(extend) == BAD_INPUT
    assert "until: 4070880000000 is not taken (out_of_range)" in capsys.readouterr().err
    assert main(["lookout", "extend", folder, "grid-lookout-1", "--for", "2d", "--reason", "still out"]) == 0
    capsys.readouterr()
    assert main(["lookout", "--lang", "zh", "list", folder]) == 0
    assert "grid-lookout-1 生效 立即控制 TJ-1,至" in capsys.readouterr().out
    assert main(["lookout", "show", folder, "grid-lookout-1", "--reason", "to brief the shift"]) == 0
    assert "张三" in capsys.readouterr().out
    assert main(["lookout", "lift", folder, "grid-lookout-1", "--reason", "caught"]) == 0
    assert "grid-lookout-1 lifted, seize at once: TJ-1, until" in capsys.readouterr().out
    assert main(["lookout", "lift", folder, "grid-lookout-1/x", "--reason", "caught"]) == BAD_INPUT
