"""The command line: quick help, one table of commands, and errors in lines that people read."""

import importlib
import subprocess
import sys

import pytest

from engine.cli.main import BAD_INPUT, COMMANDS, FAILED, main
from engine.model.errors import NotStored, Refusal

HEAVY = (
    "numpy",
    "numba",
    "ortools",
    "osmnx",
    "osmium",
    "matplotlib",
    "geopandas",
    "uvicorn",
    "websockets",
    "starlette",
)


def test_help_names_every_command_and_imports_nothing_heavy():
    code = f"""
import sys
from engine.cli.main import main
try:
    main(["--help"])
except SystemExit:
    print([name for name in {HEAVY} if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    for name in COMMANDS:
        assert f"\n    {name} " in said or f"\n    {name}\n" in said
    assert said.splitlines()[-1] == "[]"
    assert "派警" in said


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_module_and_help_in_both_languages(name: str, capsys: pytest.CaptureFixture[str]):
    module, summary = COMMANDS[name]
    assert callable(importlib.import_module(module).run)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in summary)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"allpoints {name}" in capsys.readouterr().out


def test_no_command_is_an_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == BAD_INPUT
    with pytest.raises(SystemExit):
        main(["dispatch"])
    assert "invalid choice: 'dispatch'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refusal("unknown_type", "type", "flood", "a run card"), BAD_INPUT),
        (NotStored("the disk is full"), FAILED),
        (FileNotFoundError(2, "No such file", "x.osm"), BAD_INPUT),
    ],
)
def test_errors_are_one_line(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(_):
        raise error

    monkeypatch.setattr("engine.cli.warm.run", fail)
    assert main(["warm"]) == status
    said = capsys.readouterr().err
    assert said.startswith("allpoints: ")
    assert said.count("\n") == 1


def test_a_mistake_of_ours_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch):
    def fail(_):
        raise ValueError("a bug")

    monkeypatch.setattr("engine.cli.warm.run", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["warm"])


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["alert", "city", "--type", "noise", "--at", "-8.57,41.18"], "at", (-8.57, 41.18)),
        (["init", "city", "--bbox", "-8.7,-41.2,-8.5,-41.1"], "bbox", (-8.7, -41.2, -8.5, -41.1)),
        (["build", "--format", "bbox", "--", "-8.7,41.1,-8.5,41.2"], "source", "-8.7,41.1,-8.5,41.2"),
    ],
)
def test_places_west_of_greenwich_need_no_equals_sign(
    words: list[str], name: str, value: object, monkeypatch: pytest.MonkeyPatch
):
    seen: list[object] = []
    monkeypatch.setattr(f"engine.cli.{words[0]}.run", lambda args: seen.append(getattr(args, name)) or 0)
    assert main(words) == 0
    assert seen == [value]
