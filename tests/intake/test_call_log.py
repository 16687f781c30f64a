"""Files of calls: both formats, and every kind of line that must be named and refused."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.call_log import read_call_log
from engine.model.errors import Refusal

FIRE = {
    "Call Number": "200983546",
    "Unit ID": "E32",
    "Call Type": "Medical Incident",
    "Received DtTm": "04/07/2020 11:53:08 PM",
    "Entry DtTm": "04/07/2020 11:55:30 PM",
    "Dispatch DtTm": "04/07/2020 11:55:56 PM",
    "Response DtTm": "04/07/2020 11:58:22 PM",
    "On Scene DtTm": "04/08/2020 12:00:00 AM",
    "Transport DtTm": "",
    "Hospital DtTm": "",
    "Available DtTm": "04/08/2020 12:15:40 AM",
    "Priority": "3",
    "Unit Type": "RESCUE CAPTAIN",
    "Location": "(37.73217458500619, -122.42779351441527)",
}


def write(folder: Path, *rows: dict[str, str], header: list[str] | None = None) -> Path:
    path = folder / "calls.csv"
    names = header or list(rows[0])
    lines = [",".join(names)]
    lines += [",".join(f'"{row[name]}"' for name in row) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000


def refusal(path: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read_call_log(path)
    return caught.value


def test_a_line_of_the_fire_log_is_read_in_utc_with_longitude_first(tmp_path: Path) -> None:
    log = read_call_log(write(tmp_path, FIRE))
    (call,) = log.calls
    assert (call.lon, call.lat) == (-122.42779351441527, 37.73217458500619)
    assert call.received_at == utc(2020, 4, 8, 6, 53, 8)
    assert call.entered_at == utc(2020, 4, 8, 6, 55, 30)
    (response,) = call.responses
    assert response.kind == "rescue_captain"
    assert response.on_scene_at == utc(2020, 4, 8, 7, 0, 0)
    assert response.transport_at is None
    assert not log.plain


def test_the_units_of_one_call_are_gathered(tmp_path: Path) -> None:
    log = read_call_log(write(tmp_path, FIRE, {**FIRE, "Unit ID": "85", "Unit Type": "MEDIC"}))
    assert [response.unit for response in log.calls[0].responses] == ["E32", "85"]
    assert log.calls[0].kinds == ("medic", "rescue_captain")


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("Received DtTm", "04/07/2020 13:53:08 PM", "bad_value"),
        ("Received DtTm", "2020-04-07T23:53:08", "bad_value"),
        ("Received DtTm", "02/30/2020 11:53:08 PM", "bad_value"),
        ("Received DtTm", "03/08/2020 02:30:00 AM", "bad_value"),  # left out by daylight saving
        ("Received DtTm", "", "bad_value"),
        ("Dispatch DtTm", "", "bad_value"),
        ("Call Number", "", "bad_value"),
        ("Unit Type", " ", "bad_value"),
        ("Location", "(nan, nan)", "bad_value"),
        ("Location", "", "bad_value"),
        ("Location", "(-122.42779351441527, 37.73217458500619)", "out_of_range"),  # latitude and longitude exchanged
    ],
)
def test_a_bad_value_is_named_with_file_line_and_column(tmp_path: Path, column: str, value: str, code: str) -> None:
    good = {**FIRE, "Unit ID": "E11"}
    error = refusal(write(tmp_path, good, {**FIRE, column: value}))
    assert error.code == code
    assert error.field == f"calls.csv:3: {column}"
    assert error.limit


def test_lines_that_disagree_about_their_call_are_refused(tmp_path: Path) -> None:
    other = {**FIRE, "Unit ID": "E11", "Call Type": "Alarms"}
    assert refusal(write(tmp_path, FIRE, other)).field == "calls.csv:3: Call Number"
    assert refusal(write(tmp_path, FIRE, FIRE)).field == "calls.csv:3: Unit ID"


def test_columns_must_be_known_complete_and_single(tmp_path: Path) -> None:
    extra = refusal(write(tmp_path, {**FIRE, "Colour of engine": "red"}))
    assert (extra.code, extra.value) == ("unknown_column", "'Colour of engine'")
    lacking = {name: value for name, value in FIRE.items() if name != "Location"}
    missing = refusal(write(tmp_path, lacking))
    assert missing.code == "missing_column"
    assert "Location" in missing.limit
    doubled = refusal(write(tmp_path, FIRE, header=[*list(FIRE)[:-1], "Priority"]))
    assert (doubled.code, doubled.value) == ("unknown_column", "'Priority'")


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.csv").code == "bad_file"
    path = write(tmp_path, FIRE)
    path.write_bytes(path.read_bytes()[:-40])  # truncated in the middle of a line
    assert refusal(path).code in {"bad_file", "bad_value"}
    path.write_bytes(b"\xff\xfe\x00")
    assert refusal(path).code == "bad_file"
    path.write_text("at,lon,lat,type,level\n", "utf-8")
    assert refusal(path).value == "'no calls'"


def test_the_plain_format(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text(
        "lat,lon,type,level,at\n32.17,120.05,robbery,1,2026-05-01T20:00:00+08:00\n32.18,120.06,dispute,,1777636800000\n",
        "utf-8",
    )
    log = read_call_log(path)
    assert log.plain
    assert [(call.call_type, call.level, call.lon) for call in log.calls] == [
        ("robbery", 1, 120.05),
        ("dispute", None, 120.06),
    ]
    assert log.calls[0].entered_at == utc(2026, 5, 1, 12, 0, 0) == log.calls[1].entered_at
    for bad, column in (("2026-05-01T20:00:00,120,32,x,1", "at"), ("0,nan,32,x,1", "lon"), ("0,1,2,x,5", "level")):
        path.write_text(f"at,lon,lat,type,level\n{bad}\n", "utf-8")
        assert refusal(path).field == f"plain.csv:2: {column}"


@given(st.datetimes(datetime(2019, 1, 1), datetime(2021, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_every_instant_comes_back_but_in_the_hour_that_autumn_repeats(at: datetime) -> None:
    from engine.intake.call_log import _fire_time, _Row

    at = at.replace(microsecond=0)
    local = at.astimezone(ZoneInfo("America/Los_Angeles"))
    text = local.strftime("%m/%d/%Y %I:%M:%S %p")
    read = _fire_time(_Row("f", 2, {"t": 0}, [text]), "t")
    assert read is not None
    assert (int(at.timestamp()) * 1000 - read) == (3_600_000 if local.fold else 0)


def test_the_real_log_is_read_whole(data: Path) -> None:
    log = read_call_log(data / "san_francisco" / "fire_calls_2020-04.csv")
    assert len(log.calls) == 5_292
    assert sum(len(call.responses) for call in log.calls) == 10_410
    assert len({response.unit for call in log.calls for response in call.responses}) == 199
    assert sum("engine" in call.kinds for call in log.calls) == 2_748
    assert datetime.fromtimestamp(log.calls[0].entered_at / 1000, UTC).date().isoformat() == "2020-04-07"
