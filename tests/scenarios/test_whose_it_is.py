"""A village theft by day is the beat officer's, a crime the case officer's, at midnight both are the duty group's."""

from dataclasses import replace

import pytest

from engine import Engine, Need, Policies, ReportAlert
from engine.core.city import Beat, Jurisdiction
from engine.texts.reading import explain
from tests.support.cards import county_and
from tests.support.cities import SetClock, alert, city, place, station, unit
from tests.support.rosters import at, duty, officer, roster

CARDS = """id = "village_theft"
parent = "theft_past"
name = { zh = "村里小偷小摸", en = "Village theft" }
approve = { send = "auto" }
dispatch = "units"
day = [{ capability = "beat" }]
night = [{ capability = "duty_group" }]

[[cards]]
id = "burglary_found"
parent = "theft_past"
name = { zh = "入室盗窃", en = "Burglary found afterwards" }
approve = { send = "auto" }
dispatch = "units"
day = [{ capability = "case" }]
night = [{ capability = "duty_group" }]"""
UNITS = (
    unit("north", 5, 0, station="S1"),  # whose village it is, and farther away than the other
    unit("south", 1, 1, station="S1"),
    unit("case", 5, 4, station="S1"),
    unit("duty", 0, 4, station="S1"),
    unit("patrol", 0, 0, station="S1"),
)
WANG, LI = officer("1", rank="constable"), officer("2", rank="constable")


def crew(leader, aide, *more, **said):
    """Return the lines of an officer and of the auxiliary with them: nobody goes alone."""
    return duty(leader, *more, **said), duty(aide, *more)


SHIFTS = roster(
    *crew("1", "1a", "north", 8, 18, "working", roles=("beat",), beats=("B1",)),
    *crew("2", "2a", "south", 8, 18, "working", roles=("beat",), beats=("B2",)),
    *crew("3", "3a", "case", 8, 18, "working", roles=("case",)),
    # By night the same people are the duty group, one crew in turn.
    *crew("1", "1a", "duty", 20, 7, frozenset((1, 3, 5)), roles=("duty_group",)),
    *crew("3", "3a", "duty", 20, 7, frozenset((2, 4, 6, 7)), roles=("duty_group",)),
    officers=(WANG, LI, *(officer(name, sworn=False) for name in ("1a", "2a", "3a"))),
)


def ground(west, south, east, north):
    ring = tuple(place(*corner) for corner in ((west, south), (east, south), (east, north), (west, north)))
    return (((*ring, ring[0]),),)


@pytest.fixture
def the_city(tmp_path):
    made = city(
        UNITS,
        (station("S1", 0, 0),),
        Policies(stale_position_ms=0),
        run_cards=county_and(tmp_path, CARDS),
        roster=SHIFTS,
    )
    beats = (Beat("B1", ground(-0.5, -0.5, 0.8, 0.8)), Beat("B2", ground(0.9, -0.5, 6, 5)))
    return replace(made, beats=beats)


def goes(the_city, when, kind, column=0, row=0):
    engine = Engine(the_city, clock=SetClock(when))
    reply = engine.submit(ReportAlert(actor="desk", alert=alert(kind, column, row, kind=kind, at=when)))[0]
    assert reply.refusal is None, reply.refusal
    (order,) = (engine.state.orders[its] for its in engine.state.incidents[reply.incident].orders)
    return order.recipient, engine.recommendations(reply.incident)[-1]


@pytest.mark.parametrize("clock", [9, 12, 17])
def test_by_day_the_theft_is_the_beat_officers_and_the_crime_the_case_officers(the_city, clock):
    monday = at(2026, 9, 28, clock)
    who, table = goes(the_city, monday, "village_theft")
    assert who == "north"
    (nearer,) = table.others
    assert (nearer.recipient, nearer.penalties_ms) == ("south", {"other_beat": 600_000})
    assert nearer.eta_ms < table.chosen.eta_ms
    assert "another beat's +10:00" in explain(table, "en")
    assert "非本责任区 +10:00" in explain(table, "zh")
    assert goes(the_city, monday, "burglary_found")[0] == "case"


@pytest.mark.parametrize("day", [28, 29])
def test_at_midnight_both_are_the_duty_groups(the_city, day):
    for kind in ("village_theft", "burglary_found"):
        assert goes(the_city, at(2026, 9, day, 0), kind)[0] == "duty"
        assert goes(the_city, at(2026, 9, day, 23, 59), kind)[0] == "duty"


def test_another_beat_officer_goes_where_that_is_faster_by_more_than_the_city_allows_for(the_city):
    impatient = replace(the_city, policies=Policies(stale_position_ms=0, other_beat_ms=30_000))
    assert goes(impatient, at(2026, 9, 28, 9), "village_theft")[0] == "south"
    far = goes(the_city, at(2026, 9, 28, 9), "village_theft", 5, 4)
    assert far[0] == "south"  # the place is in the other beat


def test_level_one_has_whoever_is_there_first(the_city):
    when = at(2026, 9, 28, 9)
    engine = Engine(the_city, clock=SetClock(when))
    given = alert(1, 0, 0, kind="village_theft", level=1, at=when)
    reply = engine.submit(ReportAlert(actor="desk", alert=given))[0]
    assert engine.state.orders[reply.orders[0]].recipient in {"south", "patrol"}
    assert not any(one.penalties_ms for table in engine.recommendations(reply.incident) for one in table.others)


def test_own_station_and_branch_go_first_unless_another_is_faster_by_more_than_so_many_seconds():
    branches = {"S1": "west", "S2": "west", "S3": "east"}
    stations = tuple(station(name, i, 0, branch=branch) for i, (name, branch) in enumerate(branches.items()))
    at_home = (("own", 5, "S1"), ("same", 3, "S2"), ("other", 1, "S3"))
    units = tuple(unit(name, column, 2, station=home) for name, column, home in at_home)
    ours = (Jurisdiction("A1", "S1", ground(-0.5, -0.5, 6, 5)),)

    def who(station_ms, branch_ms):
        policies = Policies(stale_position_ms=0, other_station_ms=station_ms, other_branch_ms=branch_ms)
        made = replace(city(units, stations, policies), jurisdictions=ours)
        engine = Engine(made, clock=SetClock())
        given = alert(1, 0, 2, kind="drunk_person", level=3, needs=(Need("patrol"),))
        reply = engine.submit(ReportAlert(actor="desk", alert=given))[0]
        return engine.recommendations(reply.incident)[0]

    assert who(0, 0).chosen.recipient == "other"
    table = who(0, 600_000)
    assert (table.chosen.recipient, table.chosen.penalties_ms) == ("same", {})
    assert table.others[-1].penalties_ms == {"other_branch": 600_000}
    table = who(600_000, 600_000)
    assert table.chosen.recipient == "own"
    assert table.others[-1].penalties_ms == {"other_station": 600_000, "other_branch": 600_000}
    assert who(1_000, 0).chosen.recipient == "other"  # faster by more than a second
