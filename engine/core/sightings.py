"""Sightings: taken, held where they cannot be right, merged where they are of one passage, verified, passed on.

Nothing is thrown away: what cannot be right stands held, with the reason, until a person releases or rejects it. What
is verified as true, by a person or by a policy that the city has named, enters the track and is pushed at once.
"""

import math
from collections.abc import Sequence

from engine.core.draft import Draft
from engine.core.lookouts import known_lookout
from engine.core.orders import check_key
from engine.core.plausible import metres_between, why_not
from engine.core.pursuit import lose, sighted
from engine.core.standing_lookouts import sighting_key
from engine.core.steps import line_by_card, mailbox_of
from engine.core.world import World
from engine.dispatch.cards.model import DISPATCHER
from engine.model import lookout_events as le
from engine.model.entities import Asked, Details
from engine.model.errors import Refusal
from engine.model.ids import DESK, LookoutId, SightingId
from engine.model.limits import (
    LEAST_ACCURACY_M,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_OPEN_SIGHTINGS,
    WORST_ACCURACY_M,
)
from engine.model.lookout_commands import ReportSighting, SettleHeld, VerifySighting
from engine.model.lookouts import OPEN_SIGHTINGS, VERIFIABLE, HeldFor, Lookout, LookoutState, Sighting, SightingReport
from geo_data.snapping import OffRoad

BY_CARD = "run_card"
"""The policy that lets a sighting go: its run card wants nobody's leave."""
_HELD_IN: dict[LookoutState, HeldFor] = {
    "proposed": "lookout_not_approved",
    "lifted": "lookout_lifted",
    "expired": "lookout_expired",
}


def report_sighting(world: World, draft: Draft, command: ReportSighting) -> None:
    """Take a sighting. The same source and reference again change nothing."""
    said = command.sighting
    _check(world, said)
    if sighting_key(said.source, said.source_ref) in world.state.kept.keys:
        return
    lookout = _meant(world, said.lookout)
    held_for = _why_held(world, lookout, said, draft.now)
    twin = _same_passage(world, lookout, said) if held_for is None else None
    line = () if lookout is None else _line(world, lookout)
    sighting = SightingId(draft.mint("sighting"))
    draft.emit(
        le.SightingReported(
            id=sighting,
            lookout=lookout.id if lookout is not None else None,
            source=said.source,
            source_ref=said.source_ref,
            lon=said.lon,
            lat=said.lat,
            seen_at=said.at,
            confidence=said.confidence,
            mode=said.mode,
            accuracy_m=said.accuracy_m,
            heading_deg=said.heading_deg,
            line=line,
            held_for=held_for,
            merged_into=twin.id if twin is not None else None,
        ),
        personal=_words(said, known=lookout is not None),
    )
    if held_for is not None or lookout is None:
        draft.tell_desk("sighting_held", sighting=sighting, why=held_for or "unknown_lookout", source=said.source)
    elif twin is None:
        _put_before(world, draft, lookout, sighting)
    elif twin.state == "waiting" and (policy := _policy(world, lookout, world.state.sightings[sighting])):
        _verified_by(world, draft, twin.id, policy)


def verify_sighting(world: World, draft: Draft, command: VerifySighting) -> None:
    """Take a person's word on a sighting; a later word stands in place of the first."""
    if _is_said_before(world, command.key):
        return
    its = _known(world, command.sighting)
    if its.state not in VERIFIABLE or its.lookout is None:
        why = f", {its.held_for}" if its.state == "held" else ""
        raise Refusal("wrong_state", "sighting", its.id, f"waiting or verified; it is {its.state}{why}")
    if command.verdict == its.state:
        raise Refusal("already_decided", "verdict", command.verdict, f"decided by {its.decided_by}")
    known_lookout(world, its.lookout)
    names = [asked.by for asked in its.line] or [DISPATCHER]
    acting_as = command.acting_as or names[its.asked]
    if acting_as not in names:
        raise Refusal("not_asked", "acting_as", acting_as, ", ".join(names))
    _check_reason(command.reason)
    was = its.state
    draft.emit(
        le.SightingVerified(
            id=its.id, verdict=command.verdict, acting_as=acting_as, reason=command.reason, key=command.key
        ),
    )
    if command.verdict == "true":
        sighted(world, draft, world.state.sightings[its.id])
    elif was == "true":
        lose(world, draft, its)


def settle_held(world: World, draft: Draft, command: SettleHeld) -> None:
    """Let a held sighting go on to be verified, or reject it, by a person's word."""
    if _is_said_before(world, command.key):
        return
    its = _known(world, command.sighting)
    if its.state != "held":
        raise Refusal("wrong_state", "sighting", its.id, f"held; it is {its.state}")
    _check_reason(command.reason)
    if command.what == "reject":
        draft.emit(le.SightingRejected(id=its.id, reason=command.reason, key=command.key))
        return
    lookout_id = command.lookout or its.lookout
    if lookout_id is None:
        raise Refusal("missing", "lookout", "", "which lookout is meant")
    lookout = known_lookout(world, lookout_id)
    if lookout.state != "active":
        raise Refusal("wrong_state", "lookout", lookout.id, "one that a second person has agreed to")
    try:
        world.place(its.lon, its.lat)
    except OffRoad as off:
        limit = f"within {off.limit_m:g} m of a road of this city; it is {off.distance_m:.0f} m away"
        raise Refusal("off_road", "sighting", its.id, limit) from None
    draft.emit(
        le.SightingReleased(
            id=its.id,
            lookout=lookout.id,
            line=_line(world, lookout),
            seen_at=min(its.at, draft.now),
            reason=command.reason,
            key=command.key,
        )
    )
    _put_before(world, draft, lookout, its.id)


def pass_sighting_on(world: World, draft: Draft, sighting: SightingId, due_at: int) -> None:
    """Ask the next in line: nobody has verified it in time."""
    its = world.state.sightings[sighting]
    draft.emit(le.SightingPassedOn(id=sighting, to=its.line[its.asked + 1].by, due_at=due_at))
    _ask(draft, world.state.sightings[sighting])


def track_of(world: World, lookout: Lookout) -> list[Sighting]:
    """Return the verified sightings of a lookout, oldest first."""
    return [world.state.sightings[name] for name in lookout.track]


def _put_before(world: World, draft: Draft, lookout: Lookout, sighting: SightingId) -> None:
    """Let a named policy verify a sighting, or ask whoever is first in line."""
    its = world.state.sightings[sighting]
    policy = _policy(world, lookout, its)
    if policy:
        _verified_by(world, draft, sighting, policy)
    else:
        _ask(draft, its)


def _verified_by(world: World, draft: Draft, sighting: SightingId, policy: str) -> None:
    draft.emit(le.SightingVerified(id=sighting, verdict="true"), actor=f"policy:{policy}")
    sighted(world, draft, world.state.sightings[sighting])


def _policy(world: World, lookout: Lookout, its: Sighting) -> str:
    """Return the policy by which a sighting needs no person; empty where it does."""
    if not its.line:
        return BY_CARD
    for policy in world.city.verification:
        if policy.lets_go(its.source, its.confidence, lookout.terms.list_class):
            return policy.name
    return ""


def _ask(draft: Draft, its: Sighting) -> None:
    by = its.line[its.asked].by
    for recipient in dict.fromkeys((mailbox_of(by), DESK)):
        lookout = str(its.lookout)
        draft.notify(recipient, "sighting_to_verify", sighting=its.id, lookout=lookout, by=by, source=its.source)


def _line(world: World, lookout: Lookout) -> tuple[Asked, ...]:
    """Return who may verify sightings of a lookout; empty where its run card lets them go."""
    kind = lookout.terms.type
    card = world.city.run_cards.cards.get(kind)
    if card is None:  # the city's file has dropped it since
        return (Asked(DISPATCHER),)
    return line_by_card(world, kind, card.level, "send")


def _meant(world: World, given: str) -> Lookout | None:
    """Return the lookout of an id or a reference; of several with one reference the newest."""
    found = world.state.lookouts.get(LookoutId(given))
    by_reference = (its for its in reversed(world.state.lookouts.values()) if its.terms.reference == given)
    return found or next(by_reference, None)


def _why_held(world: World, lookout: Lookout | None, said: SightingReport, now: int) -> HeldFor | None:
    """Return the first reason why a sighting cannot be right."""
    policies = world.city.policies
    if lookout is None:
        return "unknown_lookout"
    if lookout.state in _HELD_IN:
        return _HELD_IN[lookout.state]
    if lookout.terms.until <= now:  # its deadline is not met yet
        return "lookout_expired"
    if said.at > now + policies.sighting_ahead_ms:
        return "in_the_future"
    if said.at < now - policies.sighting_age_ms:
        return "too_old"
    implausible = why_not(world, track_of(world, lookout), said)
    if implausible == "jump":
        return implausible
    try:
        world.place(said.lon, said.lat)
    except OffRoad:
        return "off_road"
    return implausible


def _same_passage(world: World, lookout: Lookout | None, said: SightingReport) -> Sighting | None:
    """Return the sighting, waiting or true, of the same passage: the same lookout, near in time and in place."""
    policies = world.city.policies
    for its in reversed(world.state.sightings.values()):
        near_in_time = abs(its.at - said.at) <= policies.sighting_merge_ms
        if lookout is None or its.lookout != lookout.id or its.state not in ("waiting", "true") or not near_in_time:
            continue
        if metres_between(its, said) <= policies.sighting_merge_m:
            return its
    return None


def _words(said: SightingReport, *, known: bool) -> Details | None:
    """Return the personal part; what was meant by an unknown reference may be a name, and stands in it."""
    words = said.details if known else Details(text=said.details.text, label=said.lookout)
    return words if words != Details() else None


def _known(world: World, sighting: SightingId) -> Sighting:
    its = world.state.sightings.get(sighting)
    if its is None:
        raise Refusal("unknown_sighting", "sighting", sighting, "a sighting of the last day")
    return its


def _is_said_before(world: World, key: str) -> bool:
    """Say whether the same key was taken before; who says a thing without one says it each time."""
    if not key:
        return False
    check_key(key)
    return key in world.state.kept.keys


def _check_reason(reason: str) -> None:
    if len(reason) > LONGEST_ID:
        raise Refusal("too_long", "reason", reason, f"{LONGEST_ID} characters")


def _check(world: World, said: SightingReport) -> None:
    """Hold a sighting against what any can be; whether this one can be right is another question."""
    for name in ("lookout", "source", "source_ref"):
        value = getattr(said, name)
        if not 0 < len(value) <= LONGEST_ID or "\n" in value:
            raise Refusal("wrong_length", name, value, f"one line of 1 to {LONGEST_ID} characters")
    if len(said.details.text) > LONGEST_TEXT:
        raise Refusal("too_long", "details.text", said.details.text, f"{LONGEST_TEXT} characters")
    bounds: Sequence[tuple[str, float | None, float, float]] = (
        ("lon", said.lon, -180.0, 180.0),
        ("lat", said.lat, -90.0, 90.0),
        ("confidence", said.confidence, 0.0, 1.0),
        ("heading_deg", said.heading_deg, 0.0, 360.0),
        ("accuracy_m", said.accuracy_m, LEAST_ACCURACY_M, WORST_ACCURACY_M),
    )
    for field, number, least, most in bounds:
        if number is not None and not (math.isfinite(number) and least <= number <= most):
            raise Refusal("out_of_range", field, number, f"{least:g} to {most:g}")
    open_ones = sum(its.state in OPEN_SIGHTINGS for its in world.state.sightings.values())
    if open_ones >= MOST_OPEN_SIGHTINGS:
        raise Refusal("too_many", "sightings", open_ones, f"{MOST_OPEN_SIGHTINGS} that wait or are held")
