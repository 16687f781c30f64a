"""Neighbour cities are told once of a subject who may come their way, then what is new, then that it is over."""

import io
from datetime import datetime

import pytest
from rich.console import Console

from engine import DecideStep, EndIncident, Engine
from engine.cli.explain import _print_posts
from engine.core.neighbours import BorderExit, Neighbour
from engine.dispatch.policies import Policies
from engine.model.lookout_commands import LiftLookout
from engine.texts import LANGUAGES, text
from tests.core.test_calling import ROADS as TOWN
from tests.core.test_calling import STATIONS, UNITS, at, between
from tests.support.cards import county_with
from tests.support.cities import NOW
from tests.support.lookouts import Room

NAME = {"zh": "东城", "en": "Easton"}
HALF_WAY = between("C", "D", 0.5)
EAST = Neighbour(
    id="east", name=NAME, mailbox="neighbours", exits=(BorderExit(name="G1 east", lon=HALF_WAY[0], lat=HALF_WAY[1]),)
)
FAR = Neighbour(
    id="far", name=NAME, mailbox="superior", exits=(BorderExit(name="far", lon=at("I")[0], lat=at("I")[1]),)
)


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    """Run cards by which nobody need be asked to shut a road."""
    text = 'approve = { send = "verify_by_analyst", roadblock = "auto" }'
    return county_with(tmp_path_factory.mktemp("cards"), wanted_sighting=text)


def room_with(cards=None, neighbours=(EAST, FAR), stations=STATIONS[:1], units=UNITS, **more):
    if cards is not None:
        more["run_cards"] = cards
    policies = Policies(stale_position_ms=0, contain_horizon_ms=180_000, ahead_horizon_ms=0)
    return Room(units=units, stations=stations, network=TOWN, policies=policies, neighbours=neighbours, **more)


def chase(room, lonlat=None, lookout=None, **more):
    lookout = lookout or room.lookout()
    room.verified(lookout, 0, 0, **{"mode": "foot", "accuracy_m": 1.0, "lonlat": lonlat or at("B")} | more)
    return lookout, room.state.lookouts[lookout].incident


def told(room, who="neighbours"):
    return [(its.code, its.values) for its in room.mail(who) if its.code.startswith("neighbour_")]


def test_a_neighbour_is_told_once_though_the_plan_is_made_twice():
    room = room_with()
    lookout, incident = chase(room, heading_deg=88.0)
    assert room.state.pursuits[incident].proposal.verdict == "impossible"
    ((code, values),) = told(room)
    assert code == "neighbour_warned"
    earliest = values.pop("earliest")
    assert earliest.endswith("+08:00")
    # 500 m at 6 m/s.
    assert datetime.fromisoformat(earliest).timestamp() == pytest.approx(NOW / 1000 + 83.3, abs=1.0)
    assert values == {
        "notice": f"{incident}/east",
        "version": "1",
        "incident": incident,
        "neighbour": "east",
        "lookout": lookout,
        "reference": "TJ-1",
        "sighting": room.state.lookouts[lookout].track[-1],
        "exit": "G1 east",
        "exit_zh": "G1 east",
        "lon": f"{HALF_WAY[0]:.5f}",
        "lat": f"{HALF_WAY[1]:.5f}",
        "heading": "88",
        "mode": "foot",
    }
    assert not told(room, "superior"), "he cannot be there within the horizon"


def test_each_newer_sighting_amends_the_notice_and_the_end_takes_it_back():
    room = room_with()
    lookout, incident = chase(room)
    room.clock.time += 61_000
    chase(room, between("B", "C", 0.9), lookout)
    room.say(EndIncident(actor="d", incident=incident, state="resolved", reason="caught"))
    codes = [(code, values["version"]) for code, values in told(room)]
    assert codes == [("neighbour_warned", "1"), ("neighbour_amended", "2"), ("neighbour_over", "3")]
    assert len({values["notice"] for _, values in told(room)}) == 1
    first, second = (datetime.fromisoformat(values["earliest"]) for _, values in told(room)[:2])
    assert second != first
    assert told(room)[-1][1]["why"] == "resolved"
    assert not room.state.kept.neighbours_told


def test_a_sealed_subject_is_no_neighbours_matter(auto):
    room = room_with(auto, stations=STATIONS, neighbours=(EAST,))
    _, incident = chase(room)
    assert room.state.pursuits[incident].proposal.verdict == "sealed"
    assert not told(room)


def test_a_seal_that_nobody_may_hold_is_none_and_while_leave_is_waited_for_nobody_is_told():
    room = room_with(stations=STATIONS, neighbours=(EAST,))
    _, incident = chase(room)
    assert room.state.pursuits[incident].proposal.verdict == "sealed"
    assert not told(room)
    (step,) = [step for step in room.state.steps_of(incident) if step.step == "roadblock"]
    room.say(DecideStep(actor="user:chen", step=step.id, granted=False))
    assert [code for code, _ in told(room)] == ["neighbour_warned"]


def test_who_is_shut_in_later_is_expected_no_more(auto):
    room = room_with(auto, stations=STATIONS)
    lookout, _ = chase(room, between("C", "D", 0.9))  # 10 s before the checkpoint, which takes 40
    assert [code for code, _ in told(room)] == ["neighbour_warned"]
    room.clock.time += 120_000
    chase(room, at("B"), lookout)
    assert [(code, values.get("why")) for code, values in told(room)][1:] == [("neighbour_over", "shut_in")]


def test_who_can_be_there_no_more_is_said_so_and_who_can_again_is_told_under_the_next_version():
    room = room_with()
    lookout, _ = chase(room)
    room.clock.time += 400_000
    chase(room, at("F"), lookout)
    assert [(code, values.get("why")) for code, values in told(room)][1:] == [("neighbour_over", "out_of_reach")]
    room.clock.time += 400_000
    chase(room, at("B"), lookout)
    assert [(code, values["version"]) for code, values in told(room)][2:] == [("neighbour_warned", "3")]
    assert len({values["notice"] for _, values in told(room)}) == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_lookout_that_is_lifted_takes_the_notice_back_unless_it_was(again):
    room = room_with()
    lookout, _ = chase(room)
    if again:
        room.clock.time += 400_000
        chase(room, at("F"), lookout)
    room.say(LiftLookout(actor="d", lookout=lookout, reason="r"))
    assert [code for code, _ in told(room)] == ["neighbour_warned", "neighbour_over"]
    assert not room.state.kept.neighbours_told


def test_what_leads_into_a_neighbours_ground_leads_to_it():
    (west, south), (east, north) = between("C", "D", 0.6), at("I")
    east += 0.01  # beyond where the road ends: what is less than 2 km of streets is no way out
    ring = ((west, south - 0.01), (east, south - 0.01), (east, north + 0.01), (west, north + 0.01))
    room = room_with(neighbours=(Neighbour(id="east", name=NAME, mailbox="neighbours", boundary=(*ring, ring[0])),))
    chase(room)
    ((_, values),) = told(room)
    assert (values["lon"], values["lat"]) == tuple(f"{value:.5f}" for value in at("D"))
    assert datetime.fromisoformat(values["earliest"]).timestamp() == pytest.approx(NOW / 1000 + 133.3, abs=1.0)


def test_who_is_beyond_already_may_be_there_at_once():
    room = room_with(units=UNITS[:1])
    chase(room, HALF_WAY)
    ((_, values),) = told(room)
    assert datetime.fromisoformat(values["earliest"]).timestamp() == pytest.approx(NOW / 1000, abs=2.0)


def test_an_exercise_is_told_as_one():
    room = room_with()
    chase(room, lookout=room.lookout(exercise=True))
    assert told(room)[0][1]["exercise"] == "yes"


def test_the_words_and_explain_are_in_both_languages():
    room = room_with()
    lookout, incident = chase(room)
    room.say(EndIncident(actor="d", incident=incident, state="resolved"))
    for language in LANGUAGES:
        for code, values in told(room):
            assert "TJ-1" in text(f"notice.{code}", language, **values)
        console = Console(file=io.StringIO(), width=140)
        planned = [event.body.proposal for event in room.journal.read() if event.kind == "containment_planned"]
        _print_posts(console, planned[-1], language)
        said = console.file.getvalue()
        assert NAME[language] in said
        assert "G1 east" in said
    assert lookout


def test_a_replay_has_told_the_same():
    room = room_with()
    lookout, _ = chase(room)
    room.clock.time += 61_000
    chase(room, between("B", "C", 0.9), lookout)
    again = Engine(room.engine.city, journal=room.journal, clock=room.clock)
    assert again.snapshot() == room.engine.snapshot()
    restored = Engine(room.engine.city, journal=room.journal, clock=room.clock, snapshot=room.engine.snapshot())
    assert restored.state.kept.neighbours_told == room.state.kept.neighbours_told
