"""officers.csv and roster.csv are taken whole, or refused with file, line, column and reason."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.cli.main import main
from engine.core.city_folder import CityError, load_folder, load_roster
from tests.support.folders import grid_folder

OFFICERS = """\
# 人员
id,name,rank,sworn,capabilities,equipment,station,team
0101,Wang,superintendent,yes,negotiator,firearm shield,S1,east
0102,Li,constable,no,,radio,S1,
0103,Zhao,,,,,,
"""
ROSTER = """\
officer,unit,shift,days,from,to,role,beats
0101,P1,early,working,,,patrol,
0102,P1,early,2026-10-01..2026-10-07 off,,,,
0103,D1,,mon tue,20:00,08:00,duty_group,B1
"""
SHIFTS = """
[[shifts]]
name = "early"
title = { zh = "早班", en = "Early" }
from = "08:00"
to = "16:00"

[[holidays]]
from = 2026-10-01
to = 2026-10-07
"""
RING = [[113, 36.5], [113.01, 36.5], [113.01, 36.51], [113, 36.5]]
BEAT = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"id": "B1", "name": "Beat one", "kind": "beat"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[113, 36.5], [113.01, 36.5], [113.01, 36.51], [113, 36.5]]],
            },
        }
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = grid_folder(tmp_path_factory.mktemp("grid"), tokens=False)
    with (folder / "calendar.toml").open("a") as calendar:
        calendar.write(SHIFTS)
    (folder / "areas.geojson").write_text(json.dumps(BEAT))
    (folder / "officers.csv").write_text(OFFICERS)
    (folder / "roster.csv").write_text(ROSTER)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def at(*parts):
    return int(datetime(*parts, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000


def test_people_and_duties_are_read(folder):
    city = load_folder(folder).city
    crews = city.roster.crews(at(2026, 9, 30, 9))
    assert list(crews) == ["P1"]
    assert (crews["P1"].officers, crews["P1"].rank, crews["P1"].sworn) == (("0101",), "superintendent", 1)
    assert crews["P1"].capabilities == ("negotiator", "patrol")
    assert list(city.roster.crews(at(2026, 10, 1, 9))) == ["P1"]  # a holiday: the other one
    night = city.roster.crews(at(2026, 9, 29, 3))["D1"]
    assert (night.officers, night.beats) == (("0103",), ("B1",))
    assert load_roster(folder).crews(at(2026, 9, 29, 3))["D1"] == night


def test_the_citys_digest_follows_people_duties_and_holidays(folder):
    digests = {load_folder(folder).city.digest}
    for file, old, new in (
        ("roster.csv", "mon tue", "mon"),
        ("officers.csv", "0102,Li,constable,no", "0102,Li,constable,yes"),
        ("calendar.toml", "to = 2026-10-07", "to = 2026-10-08"),
    ):
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))
        digests.add(load_folder(folder).city.digest)
    (folder / "roster.csv").unlink()
    digests.add(load_folder(folder).city.digest)
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("officers.csv", "superintendent", "general", r"officers.csv:3: rank: .general.*a rank.*: constable,"),
        ("officers.csv", "0103,", "0102,", r"officers.csv:5: id: .0102.*each id may stand once"),
        ("officers.csv", "negotiator", "juggler", r"officers.csv:3: capabilities: .juggler"),
        ("officers.csv", "radio", "sword", r"officers.csv:4: equipment: .sword"),
        ("officers.csv", "radio,S1", "radio,S9", r"officers.csv:4: station: .S9.*station: S1, S2"),
        ("officers.csv", "constable,no", "constable,perhaps", r"officers.csv:4: sworn: .perhaps.*yes or no"),
        ("officers.csv", "id,name,rank", "id,name,grade", r"officers.csv:2: column: .grade"),
        ("roster.csv", "0103,D1", "0109,D1", r"roster.csv:4: officer: .0109.*officers.csv: 0101, 0102, 0103"),
        ("roster.csv", "0103,D1", "0103,D9", r"roster.csv:4: unit: .D9.*unit: P1, P2, D1"),
        ("roster.csv", "P1,early,working", "P1,noon,working", r"roster.csv:2: shift: .noon.*\(\[\[shifts\]\]\): early"),
        ("roster.csv", "D1,,mon", "D1,early,mon", r"roster.csv:4: shift: .early.*instead of it from and to"),
        ("roster.csv", "20:00,08:00", "20:00,", r"roster.csv:4: to: .* is not taken; a time such as 08:30"),
        ("roster.csv", "20:00,08:00", "20:60,08:00", r"roster.csv:4: from: .20:60"),
        ("roster.csv", "mon tue", "mon working", r"roster.csv:4: days: .mon working.*working, off or all, or weekdays"),
        ("roster.csv", "2026-10-01..2026-10-07", "2026-10-07..2026-10-01", r"roster.csv:3: days:"),
        ("roster.csv", "2026-10-01..2026-10-07", "2026-02-30", r"roster.csv:3: days:"),
        ("roster.csv", "duty_group,B1", "duty_group,B7", r"roster.csv:4: beats: .B7.*areas of kind beat.*: B1"),
        ("roster.csv", "duty_group,B1", "nothing,B1", r"roster.csv:4: role: .nothing"),
        ("calendar.toml", 'to = "16:00"', 'to = "25:00"', r"calendar.toml:\d+: shifts"),
    ],
)
def test_what_is_wrong_is_named(folder, file, old, new, said):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    for load in (load_folder, load_roster):
        with pytest.raises(CityError, match=said):
            load(folder)


def test_nobody_is_in_two_places_at_one_time(folder):
    with (folder / "roster.csv").open("a") as lines:
        lines.write("0103,P2,,tue,07:00,12:00,,\n")
    with pytest.raises(CityError, match=r"roster.csv:5: officer: '0103 from 2024-01-02 07:00.*line 4 has them in D1"):
        load_folder(folder)


def test_rest_between_shifts_is_a_warning_or_a_refusal_as_the_city_says(folder):
    with (folder / "roster.csv").open("a") as lines:
        lines.write("0103,P2,,tue,12:00,16:00,,\n")
    warned = [str(warning) for warning in load_folder(folder).warnings]
    said = "roster.csv:5: rest: '0103 from 2024-01-02 12:00: 4 h' is not taken; at least 8 h of rest after line 4"
    assert said in warned
    settings = (folder / "city.toml").read_text()
    (folder / "city.toml").write_text(settings.replace('short_rest = "warn"', 'short_rest = "refuse"'))
    with pytest.raises(CityError, match="rest"):
        load_folder(folder)
    (folder / "city.toml").write_text(
        settings.replace('short_rest = "warn"', 'short_rest = "refuse"').replace("28800000", "14400000")
    )
    assert not [warning for warning in load_folder(folder).warnings if warning.field == "rest"]


def test_shifts_that_follow_at_once_are_one_and_no_longer_than_a_day(folder):
    with (folder / "roster.csv").open("a") as lines:
        lines.write("0103,P2,,tue,08:00,20:00,,\n")  # after the night from Monday: 24 h, and then the night again
    found = [str(warning) for warning in load_folder(folder).warnings if warning.field == "rest"]
    limit = "at least 8 h of rest after 24 h on duty"
    assert found == [f"roster.csv:4: rest: '0103 from 2024-01-02 20:00: 36 h on duty' is not taken; {limit}"]


def test_a_folder_without_a_roster_is_as_before(folder):
    (folder / "roster.csv").unlink()
    assert load_folder(folder).city.roster is None
    assert "without roster.csv nobody of it is ever on duty" in str(load_folder(folder).warnings)
    (folder / "officers.csv").unlink()
    assert load_roster(folder) is None


def test_who_is_on_duty_is_printed_in_both_languages(folder, capsys):
    assert main(["roster", str(folder), "--at", "2026-09-30T09:30"]) == 0
    said = capsys.readouterr().out
    assert "On duty at 2026-09-30 09:30: 1 people in 1 units" in said
    assert "Wang (Superintendent)" in said
    assert "09-30 16:00" in said
    assert "Off duty: D1" in said
    assert main(["roster", str(folder), "--at", "2026-09-30T09:30", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "Wang(警司)" in said
    assert "不当班:D1" in said
    assert "下次交接班:2026-09-30 16:00" in said
    assert main(["roster", str(folder), "--at", "2026-09-30T01:30:00+00:00", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["units"][0]["crew"]["officers"] == ["0101"]
    assert found["next_change"] == at(2026, 9, 30, 16)
    assert main(["roster", str(folder), "--at", "noon"]) == 2
    assert "--at" in capsys.readouterr().err


def test_beats_and_branches_are_read_and_held(folder):
    units = (folder / "units.csv").read_text().splitlines()
    head = next(number for number, line in enumerate(units) if line.startswith("id,"))
    more = [f"{line},east,B1" if line.startswith("P1") else f"{line},," for line in units[head + 1 :]]
    (folder / "units.csv").write_text("\n".join([*units[:head], f"{units[head]},branch,beats", *more]))
    city = load_folder(folder).city
    assert [(unit.branch, unit.beats) for unit in city.units] == [("east", ("B1",)), ("", ()), ("", ())]
    assert city.beats_of(113.006, 36.503) == ("B1",)
    assert city.beats_of(113.02, 36.51) == ()
    (folder / "units.csv").write_text((folder / "units.csv").read_text().replace("east,B1", "east,B9"))
    with pytest.raises(CityError, match="beats of P1: 'B9' is not taken; ids of areas of kind beat"):
        load_folder(folder)
