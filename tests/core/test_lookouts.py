"""Lookouts: two people to seize somebody, an end by itself, and nobody is told who it was about after that."""

import pytest

from engine import Engine, Tick
from engine.model.entities import Details
from engine.model.ids import DESK
from engine.model.lifecycle import OPEN_ORDERS, IncidentState
from engine.model.limits import LONGEST_LOOKOUT_MS
from engine.model.lookout_commands import ApproveLookout, ExtendLookout, IssueLookout, LiftLookout
from engine.model.lookouts import LookoutTerms
from tests.support.lookouts import HOUR, NOW, WHO, Room


def test_to_seize_takes_two_people():
    room = Room()
    lookout = room.lookout(approve=False)
    assert room.state.lookouts[lookout].state == "proposed"
    assert room.notices(DESK, "lookout_to_approve")[0]["lookout"] == lookout
    refusal = room.say(ApproveLookout(actor="user:li", lookout=lookout)).refusal
    assert (refusal.code, refusal.value) == ("same_person", "'user:li'")
    assert room.say(ApproveLookout(actor="user:wu", lookout=lookout)).refusal is None
    its = room.state.lookouts[lookout]
    assert (its.state, its.asked_by, its.approved_by, its.approved_at) == ("active", "user:li", "user:wu", NOW)
    assert room.say(ApproveLookout(actor="user:he", lookout=lookout)).refusal.code == "wrong_state"


@pytest.mark.parametrize("list_class", ["observe", "inform"])
def test_to_look_takes_one(list_class):
    room = Room()
    assert room.state.lookouts[room.lookout(list_class)].state == "active"


def test_a_lookout_ends_by_itself_and_nobody_is_told_who_it_was_about():
    room = Room()
    lookout = room.lookout(told=("detectives",))
    assert room.state.subjects[lookout] == WHO
    assert room.engine.next_deadline() == NOW + 8 * HOUR
    room.clock.time = NOW + 8 * HOUR
    room.say(Tick(actor="system"))
    its = room.state.lookouts[lookout]
    assert (its.state, its.ended_at) == ("expired", room.clock.time)
    assert not room.state.subjects
    assert not [key for key, _ in room.state.deadlines.items() if key.startswith(lookout)]
    for who in (DESK, "detectives"):
        assert room.notices(who, "lookout_over") == [{"lookout": lookout, "reference": "TJ-1", "why": "expired"}]
    again = Engine(room.engine.city, journal=room.journal, clock=room.clock, snapshot=room.engine.snapshot())
    assert not again.state.subjects


def test_who_it_is_about_survives_a_restart_from_a_snapshot_while_it_holds():
    room = Room()
    lookout = room.lookout()
    sighting = room.seen(lookout, 2, 2, details=Details(text="with a woman"))
    snapshot = room.engine.snapshot()
    assert b"Zhang" not in snapshot
    assert b"woman" not in snapshot
    again = Engine(room.engine.city, journal=room.journal, clock=room.clock, snapshot=snapshot)
    assert again.state.subjects == {lookout: WHO}
    assert again.state.said_of_sightings[sighting.id].text == "with a woman"


def test_it_is_extended_by_who_says_why():
    room = Room()
    lookout = room.lookout()

    def extend(until, reason="still out"):
        return room.say(ExtendLookout(actor="user:li", lookout=lookout, until=until, reason=reason)).refusal

    assert extend(NOW + 7 * HOUR).field == "until"
    assert extend(NOW + LONGEST_LOOKOUT_MS + 1).field == "until"
    assert extend(NOW + 9 * HOUR, "").code == "missing"
    assert extend(NOW + 9 * HOUR) is None
    room.clock.time = NOW + 8 * HOUR
    room.say(Tick(actor="system"))
    assert room.state.lookouts[lookout].state == "active"
    room.clock.time = NOW + 9 * HOUR
    room.say(Tick(actor="system"))
    assert room.state.lookouts[lookout].state == "expired"
    assert extend(NOW + 20 * HOUR).code == "wrong_state"


def test_lifting_it_calls_its_pursuit_off_and_holds_what_waits():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 2, 2)
    incident = room.state.lookouts[lookout].incident
    room.clock.time += 60_000
    waiting = room.seen(lookout, 2, 3)
    assert waiting.state == "waiting"
    sent = [order.recipient for order in room.orders(lookout)]
    assert sent
    assert room.say(LiftLookout(actor="user:li", lookout=lookout, reason="caught")).refusal is None
    assert room.state.incidents[incident].state is IncidentState.CANCELLED
    assert not [order for order in room.state.orders.values() if order.state in OPEN_ORDERS]
    assert all(room.mail(recipient)[-1].item == "cancellation" for recipient in sent)
    assert not room.state.demands
    held = room.state.sightings[waiting.id]
    assert (held.state, held.held_for) == ("held", "lookout_lifted")
    assert room.say(LiftLookout(actor="user:li", lookout=lookout, reason="caught")).refusal.code == "wrong_state"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("reference", "", "wrong_length"),
        ("case_number", "x" * 200, "wrong_length"),
        ("type", "party", "unknown_type"),
        ("told", ("moon",), "unknown_office"),
        ("told", ("detectives",) * 17, "too_many"),
        ("until", NOW, "out_of_range"),
        ("until", NOW + LONGEST_LOOKOUT_MS + 1, "out_of_range"),
    ],
)
def test_what_is_wrong_with_a_lookout_is_named(field, value, code):
    room = Room()
    good = {"reference": "r", "list_class": "inform", "case_number": "c", "until": NOW + HOUR}
    terms = LookoutTerms(**good | {field: value})
    refusal = room.say(IssueLookout(actor="user:li", key="k", terms=terms, details=WHO)).refusal
    assert refusal.code == code
    assert refusal.field.startswith(field)


def test_a_reference_stands_for_one_lookout_at_a_time_and_the_same_key_changes_nothing():
    room = Room()
    first = room.lookout("inform", reference="TJ-1")
    terms = LookoutTerms(reference="TJ-1", list_class="inform", case_number="c", until=NOW + HOUR)
    assert room.say(IssueLookout(actor="user:li", key="other", terms=terms, details=WHO)).refusal.code == "twice"
    again = room.say(IssueLookout(actor="user:li", key="l1", terms=terms, details=WHO))
    assert (again.duplicate, again.lookout) == (True, first)
    room.say(LiftLookout(actor="user:li", lookout=first, reason="done"))
    assert room.say(IssueLookout(actor="user:li", key="other", terms=terms, details=WHO)).refusal is None


def test_a_lookout_says_who_it_is_about():
    room = Room()
    terms = LookoutTerms(reference="r", list_class="inform", case_number="c", until=NOW + HOUR)
    refusal = room.say(IssueLookout(actor="user:li", key="k", terms=terms, details=Details())).refusal
    assert (refusal.code, refusal.field) == ("wrong_length", "details.label")
