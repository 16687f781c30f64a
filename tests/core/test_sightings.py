"""Sightings: what cannot be right is held with the reason, a passage counts once, people or named policies verify."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Tick
from engine.core.plausible import FASTEST_MPS, JUMP_M, SLACK_MS, metres_between
from engine.dispatch.policies import Policies, VerificationPolicy
from engine.model.entities import Details
from engine.model.ids import DESK, number_of
from engine.model.limits import MOST_OPEN_SIGHTINGS
from engine.model.lookout_commands import LiftLookout
from tests.support.lookouts import HOUR, NOW, Room, place


def held_for(room, *args, **more):
    """Report a sighting that must be held; return why, as the desk was told too."""
    sighting = room.seen(*args, **more)
    assert sighting.state == "held"
    assert room.notices(DESK, "sighting_held")[-1]["sighting"] == sighting.id
    assert room.notices(DESK, "sighting_held")[-1]["why"] == sighting.held_for
    assert not room.state.incidents
    return sighting.held_for


def test_one_in_the_future_is_held():
    room = Room()
    lookout = room.lookout()
    assert held_for(room, lookout, 2, 2, at=NOW + 5_001) == "in_the_future"
    assert room.seen(lookout, 2, 2, at=NOW + 5_000).state == "waiting"


def test_one_of_an_expired_lookout_is_held_even_before_the_clock_has_been_looked_at():
    room = Room()
    lookout = room.lookout()
    room.clock.time = NOW + 8 * HOUR
    assert held_for(room, lookout, 2, 2) == "lookout_expired"
    room.say(Tick(actor="system"))
    assert held_for(room, lookout, 2, 3) == "lookout_expired"


def test_one_of_a_lifted_lookout_and_of_one_that_nobody_has_approved_is_held():
    room = Room()
    lookout = room.lookout()
    room.say(LiftLookout(actor="user:li", lookout=lookout, reason="caught"))
    assert held_for(room, lookout, 2, 2) == "lookout_lifted"
    assert held_for(room, room.lookout(approve=False), 2, 2) == "lookout_not_approved"


def test_one_of_an_unknown_subject_is_held_and_what_it_calls_the_subject_is_personal():
    room = Room()
    assert held_for(room, "Zhang San", 2, 2) == "unknown_lookout"
    (sighting,) = room.state.sightings.values()
    assert sighting.lookout is None
    assert room.state.said_of_sightings[sighting.id] == Details(label="Zhang San")
    assert b"Zhang" not in room.engine.snapshot()


def test_one_that_jumps_300_km_is_held():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 2, 2, mode="car")
    room.clock.time += 6 * HOUR
    lon, lat = place(2, 2)
    sighting = room.seen(lookout, 0, 0, lonlat=(lon, lat + 300 / 111.0), mode="car")
    assert (sighting.state, sighting.held_for) == ("held", "jump")
    near = room.seen(lookout, 0, 0, lonlat=(lon, lat + 1.0), mode="car")
    assert near.held_for == "off_road"


def test_one_that_is_too_old_is_held():
    room = Room()
    assert held_for(room, room.lookout(), 2, 2, at=NOW - 1_800_001) == "too_old"


def test_who_walks_does_not_drive_and_the_other_way_round():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 0, 0)
    room.clock.time += 120_000
    assert room.seen(lookout, 5, 4).held_for == "too_fast"
    assert room.seen(lookout, 5, 4, mode="car", source="anpr").state == "waiting"


def test_what_is_near_in_a_line_may_be_far_by_road():
    room = Room()
    lookout = room.lookout()
    room.verified(lookout, 0.5, 0, accuracy_m=0)
    room.clock.time += 1_000
    # 1.1 km in a line are 14 s on a motorway; by streets it is 1.6 km, in half a minute nobody can have come so far.
    sighting = room.seen(lookout, 2.5, 2, accuracy_m=0, mode="car")
    assert sighting.held_for == "too_fast_by_road"


def test_a_passage_counts_once():
    room = Room()
    lookout = room.lookout()
    first = room.seen(lookout, 2, 2)
    again = room.seen(lookout, 2.2, 2, at=NOW - 20_000, source="camera-8")
    assert (again.state, again.merged_into) == ("merged", first.id)
    assert len(room.notices(DESK, "sighting_to_verify")) == 1
    later = room.seen(lookout, 2.2, 2, at=NOW - 60_001)
    farther = room.seen(lookout, 3, 2, at=NOW - 20_000)
    other = room.seen(room.lookout(), 2, 2)
    assert [its.state for its in (later, farther, other)] == ["waiting"] * 3


def test_the_same_report_again_changes_nothing():
    room = Room()
    lookout = room.lookout()
    first = room.seen(lookout, 2, 2, ref="f-1")
    seq = room.state.seq
    reply = room.report(lookout, 5, 4, ref="f-1")
    assert (reply.duplicate, reply.sighting, room.state.seq) == (True, first.id, seq)


def test_it_may_be_meant_by_the_reference_of_its_list():
    room = Room()
    lookout = room.lookout(reference="TJ-2026-118")
    assert room.seen("TJ-2026-118", 2, 2).lookout == lookout


@pytest.mark.parametrize("verdict", ["not_him", "cannot_tell"])
def test_what_is_not_true_sends_nobody_and_may_be_seen_otherwise_later(verdict):
    room = Room()
    lookout = room.lookout()
    sighting = room.seen(lookout, 2, 2)
    assert room.verify(sighting, verdict, reason="too tall").refusal is None
    its = room.state.sightings[sighting.id]
    assert (its.state, its.decided_by, its.decided_as) == (verdict, "user:chen", "verify_by_analyst")
    assert not room.state.incidents
    assert room.verify(sighting, verdict).refusal.code == "already_decided"
    assert room.verify(sighting, "true").refusal is None
    assert room.state.lookouts[lookout].track == (sighting.id,)


def test_who_does_not_verify_is_passed_over():
    room = Room()
    sighting = room.seen(room.lookout(), 2, 2)
    assert room.notices("verify_by_analyst", "sighting_to_verify")
    assert room.verify(sighting, acting_as="inspector").refusal.code == "not_asked"
    for seconds, who in ((120, "commander"), (120, "duty_leader")):
        room.clock.time += seconds * 1000
        room.say(Tick(actor="system"))
        assert [values["by"] for values in room.notices(who, "sighting_to_verify")] == [who]
    assert room.verify(sighting).refusal is None
    assert room.state.sightings[sighting.id].decided_as == "duty_leader"
    assert not [key for key, _ in room.state.deadlines.items() if key.startswith(sighting.id)]


ANPR = VerificationPolicy(name="plates", sources=("anpr",), confidence=0.95, list_classes=("seize",))


def test_a_named_policy_lets_a_sighting_go_and_the_record_names_it():
    room = Room(verification=(ANPR,))
    lookout = room.lookout()
    assert room.seen(lookout, 0, 4, source="anpr", confidence=0.94).state == "waiting"
    assert room.seen(lookout, 5, 4, confidence=0.99).state == "waiting"
    assert room.seen(room.lookout("observe"), 5, 4, source="anpr", confidence=0.99).state == "waiting"
    gone = room.seen(lookout, 2, 2, source="anpr", confidence=0.95)
    assert (gone.state, gone.decided_by) == ("true", "policy:plates")
    assert room.orders(lookout)


def test_a_sure_source_lets_the_passage_go_that_another_has_reported_first():
    room = Room(verification=(ANPR,))
    lookout = room.lookout()
    first = room.seen(lookout, 2, 2)
    second = room.seen(lookout, 2, 2, source="anpr", confidence=0.99)
    assert second.merged_into == first.id
    assert room.state.sightings[first.id].decided_by == "policy:plates"


def test_what_is_held_is_released_or_rejected_by_a_person():
    room = Room()
    lookout = room.lookout()
    ahead = room.seen(lookout, 2, 2, at=NOW + 600_000)
    assert room.verify(ahead).refusal.code == "wrong_state"
    assert room.settle(ahead, "release", reason="its clock is ten minutes ahead").refusal is None
    its = room.state.sightings[ahead.id]
    assert (its.state, its.at, its.held_for) == ("waiting", NOW, "in_the_future")
    assert room.verify(ahead).refusal is None
    assert room.orders(lookout)
    nobody = room.seen("somebody", 3, 3)
    assert room.settle(nobody, "release").refusal.code == "missing"
    assert room.settle(nobody, "release", lookout="grid-lookout-99").refusal.code == "unknown_lookout"
    assert room.settle(nobody, "reject", reason="a name").refusal is None
    assert room.state.sightings[nobody.id].state == "rejected"
    assert room.settle(nobody, "release").refusal.code == "wrong_state"
    named = room.seen("TJ 1", 3, 3)
    assert room.settle(named, "release", lookout=lookout).refusal is None
    assert room.state.sightings[named.id].lookout == lookout


def test_what_was_said_of_a_held_sighting_changes_nothing_when_it_is_said_again():
    room = Room()
    lookout = room.lookout()
    ahead = room.seen(lookout, 2, 2, at=NOW + 600_000)
    assert room.settle(ahead, "release", key="k").refusal is None
    assert room.verify(ahead).refusal is None
    nobody = room.seen("somebody", 3, 3)
    assert room.settle(nobody, "reject", key="l").refusal is None
    stood = len(list(room.journal.read()))
    for sighting, what, key, state in ((ahead, "release", "k", "true"), (nobody, "reject", "l", "rejected")):
        again = room.settle(sighting, what, key=key)
        assert (again.refusal, again.duplicate, again.sighting) == (None, True, sighting.id)
        assert room.state.sightings[sighting.id].state == state
        assert room.settle(sighting, what, key="m").refusal.code == "wrong_state"
    assert len(list(room.journal.read())) == stood
    assert room.settle(nobody, "reject", key="k" * 1_000).refusal.code == "wrong_length"


def test_what_is_held_for_its_place_or_its_lookout_is_not_released_as_it_is():
    room = Room()
    lookout = room.lookout()
    far = room.seen(lookout, 0, 0, lonlat=(100.0, 30.0))
    assert room.settle(far, "release").refusal.code == "off_road"
    proposed = room.seen(room.lookout(approve=False), 2, 2)
    assert room.settle(proposed, "release").refusal.code == "wrong_state"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("lonlat", (181.0, 0.0), "out_of_range"),
        ("lonlat", (113.0, float("nan")), "out_of_range"),
        ("confidence", 1.01, "out_of_range"),
        ("heading_deg", -1.0, "out_of_range"),
        ("accuracy_m", 10_001.0, "out_of_range"),
        ("source", "", "wrong_length"),
        ("ref", "a\nb", "wrong_length"),
    ],
)
def test_what_is_wrong_with_a_sighting_is_named(field, value, code):
    room = Room()
    refusal = room.report(room.lookout(), 2, 2, **{field: value}).refusal
    assert refusal.code == code
    assert not room.state.sightings


def test_a_flood_is_refused_by_name():
    room = Room()
    lookout = room.lookout()
    for _ in range(MOST_OPEN_SIGHTINGS):
        assert room.report(lookout, 2, 2, at=NOW + HOUR).refusal is None
    assert room.report(lookout, 2, 2).refusal.code == "too_many"


def test_sightings_are_forgotten_after_a_day():
    room = Room(policies=Policies(stale_position_ms=0))
    lookout = room.lookout(until=NOW + 72 * HOUR)
    first = room.verified(lookout, 2, 2)
    room.clock.time += 25 * HOUR
    second = room.verified(lookout, 5, 4)
    assert room.state.lookouts[lookout].track == (second.id,)
    assert first.id not in room.state.sightings


PLACES = st.tuples(st.integers(0, 5), st.integers(0, 4))


@settings(max_examples=60)
@given(
    walk=st.lists(
        st.tuples(PLACES, st.integers(0, 400), st.integers(-600, 0), st.sampled_from(("foot", "two_wheels", "car"))),
        max_size=12,
    ),
)
def test_a_track_is_in_order_and_nowhere_faster_than_can_be(walk):
    """Whatever comes in, in whatever order: what enters a track by itself could have been gone."""
    room = Room(policies=Policies(stale_position_ms=0, sighting_merge_ms=0))
    lookout = room.lookout()
    for (column, row), wait_s, late_s, mode in walk:
        room.clock.time += wait_s * 1000
        sighting = room.seen(lookout, column, row, at=room.clock.time + late_s * 1000, mode=mode)
        if sighting.state == "waiting":
            assert room.verify(sighting).refusal is None
    track = [room.state.sightings[name] for name in room.state.lookouts[lookout].track]
    assert track == sorted(track, key=lambda its: (its.at, number_of(its.id)))
    assert {its.id for its in track} == {its.id for its in room.state.sightings.values() if its.state == "true"}
    for one, other in itertools.pairwise(track):
        fastest = max(FASTEST_MPS[one.mode], FASTEST_MPS[other.mode])
        apart_m = metres_between(one, other) - one.accuracy_m - other.accuracy_m
        assert apart_m <= fastest * (other.at - one.at + SLACK_MS) / 1000 + 1e-6
        assert apart_m < JUMP_M
