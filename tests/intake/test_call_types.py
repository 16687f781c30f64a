"""The table from call type and priority to incident type and level."""

import tomllib
from pathlib import Path

import pytest

from engine.intake.call_log import read_call_log
from engine.intake.call_types import SAN_FRANCISCO_CALL_TYPES, CallTypes
from engine.model.errors import Refusal


def test_a_row_of_the_shipped_table() -> None:
    types = CallTypes.load()
    assert types.of("Structure Fire", "3") == ("structure_fire", 1)
    assert types.of("Medical Incident", "2") == ("medical", 3)


def test_what_the_table_does_not_know_is_refused_by_name() -> None:
    types = CallTypes.load()
    with pytest.raises(Refusal, match="Alien Landing"):
        types.of("Alien Landing", "3")
    with pytest.raises(Refusal, match="'7'"):
        types.of("Alarms", "7")


@pytest.mark.parametrize(
    "content", ["[call_types", '[call_types]\n"A" = { 3 = 1 }', '[call_types]\n"A" = { type = "a", 3 = 9 }']
)
def test_a_broken_table_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "types.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(Refusal, match=r"types\.toml"):
        CallTypes.load(path)


def test_the_table_covers_the_whole_log(data: Path) -> None:
    types, table = CallTypes.load(), tomllib.loads(SAN_FRANCISCO_CALL_TYPES.read_text("utf-8"))
    log = read_call_log(data / "san_francisco" / "fire_calls_2020-04.csv")
    found = {types.of(call.call_type, call.priority) for call in log.calls}
    assert {incident_type for incident_type, _ in found} == {row["type"] for row in table["call_types"].values()}
