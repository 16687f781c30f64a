"""Lookouts as commands: asked for, agreed to by a second person, extended, lifted; and their end by itself.

To seize somebody takes two people: whoever asks, and another who agrees. Everything about a lookout ends with it: who
the subject is is told to nobody any more, its pursuit is called off, and what waits to be verified is held.
"""

from engine.core.draft import Draft
from engine.core.orders import check_key, spell
from engine.core.reporting import finish_incident
from engine.core.steps import mailbox_of
from engine.core.world import World
from engine.model import lookout_events as le
from engine.model.errors import Refusal
from engine.model.ids import DESK, LookoutId
from engine.model.lifecycle import INCIDENT, IncidentState
from engine.model.limits import LONGEST_ID, LONGEST_LOOKOUT_MS, LONGEST_NAME, LONGEST_TEXT, MOST_LOOKOUTS, MOST_TOLD
from engine.model.lookout_commands import ApproveLookout, ExtendLookout, IssueLookout, LiftLookout
from engine.model.lookouts import Lookout, LookoutEnd, LookoutState, LookoutTerms

OPEN: tuple[LookoutState, ...] = ("proposed", "active")
"""A lookout in one of these has not ended."""


def known_lookout(world: World, lookout_id: LookoutId) -> Lookout:
    """Return a lookout that has not ended, or refuse its id."""
    its = world.state.lookouts.get(lookout_id)
    if its is None:
        raise Refusal("unknown_lookout", "lookout", lookout_id, "a lookout that is kept")
    if its.state not in OPEN:
        limit = f"one that has not ended; {its.ended_by} ended it ({its.state}) at {spell(its.ended_at or 0)}"
        raise Refusal("wrong_state", "lookout", lookout_id, limit)
    return its


def issue_lookout(world: World, draft: Draft, command: IssueLookout) -> None:
    """Let a lookout hold, or wait for a second person where it is to seize. The same key again changes nothing."""
    check_key(command.key)
    if command.key in world.state.kept.keys:
        return
    terms, details = command.terms, command.details
    _check_terms(world, terms, draft.now)
    for name, least, most in (("label", 1, LONGEST_NAME), ("text", 0, LONGEST_TEXT)):
        _check_length(f"details.{name}", getattr(details, name), most, least)
    lookout = LookoutId(draft.mint("lookout"))
    waits = terms.list_class == "seize"
    draft.emit(le.LookoutIssued(id=lookout, terms=terms, key=command.key, waits=waits), personal=details)
    if waits:
        draft.tell_desk("lookout_to_approve", lookout=lookout, reference=terms.reference, by=draft.actor)


def approve_lookout(world: World, draft: Draft, command: ApproveLookout) -> None:
    """Let a lookout hold that has waited for a second person."""
    its = known_lookout(world, command.lookout)
    if its.state != "proposed":
        limit = f"proposed; {its.approved_by or its.asked_by} let it hold"
        raise Refusal("wrong_state", "lookout", its.id, limit)
    if draft.actor == its.asked_by:
        raise Refusal("same_person", "actor", draft.actor, "somebody else than who asked for it")
    draft.emit(le.LookoutApproved(id=its.id))


def extend_lookout(world: World, draft: Draft, command: ExtendLookout) -> None:
    """Let a lookout hold longer than it would."""
    its = known_lookout(world, command.lookout)
    _check_reason(command.reason)
    _check_until(command.until, max(draft.now, its.terms.until), draft.now)
    draft.emit(le.LookoutExtended(id=its.id, until=command.until, reason=command.reason))


def lift_lookout(world: World, draft: Draft, command: LiftLookout) -> None:
    """End a lookout by somebody's word."""
    its = known_lookout(world, command.lookout)
    _check_reason(command.reason)
    _end(world, draft, its, "lifted", command.reason)


def expire_lookout(world: World, draft: Draft, lookout: LookoutId) -> None:
    """End a lookout whose time is over."""
    _end(world, draft, world.state.lookouts[lookout], "expired", "")


def _end(world: World, draft: Draft, its: Lookout, why: LookoutEnd, reason: str) -> None:
    incident = world.state.incidents.get(its.incident) if its.incident is not None else None
    if incident is not None and IncidentState.CANCELLED in INCIDENT[incident.state]:
        finish_incident(world, draft, incident, IncidentState.CANCELLED, f"lookout_{why}")
    draft.emit(le.LookoutEnded(id=its.id, why=why, reason=reason))
    for recipient in dict.fromkeys((DESK, *(mailbox_of(who) for who in its.terms.told))):
        draft.notify(recipient, "lookout_over", lookout=its.id, reference=its.terms.reference, why=why)


def _check_terms(world: World, terms: LookoutTerms, now: int) -> None:
    cards, told = world.city.run_cards.cards, world.city.run_cards.words.told
    open_ones = [its for its in world.state.lookouts.values() if its.state in OPEN]
    if len(open_ones) >= MOST_LOOKOUTS:
        raise Refusal("too_many", "lookouts", len(open_ones), f"{MOST_LOOKOUTS} at one time")
    for name in ("reference", "case_number"):
        _check_length(name, getattr(terms, name), LONGEST_ID, 1)
    if any(its.terms.reference == terms.reference for its in open_ones):
        raise Refusal("twice", "reference", terms.reference, "a reference that no lookout has which has not ended")
    if terms.type not in cards:
        raise Refusal("unknown_type", "type", terms.type, f"a run card of this city: {', '.join(sorted(cards))}")
    if len(terms.told) > MOST_TOLD:
        raise Refusal("too_many", "told", len(terms.told), MOST_TOLD)
    for number, who in enumerate(terms.told):
        if who not in world.city.run_cards.offices:
            known = ", ".join(sorted(told)) or "nobody: the run cards name none"
            raise Refusal("unknown_office", f"told[{number}]", who, known)
    _check_until(terms.until, now, now)


def _check_until(until: int, after: int, now: int) -> None:
    if not after < until <= now + LONGEST_LOOKOUT_MS:
        raise Refusal("out_of_range", "until", until, f"after {after}, at most {LONGEST_LOOKOUT_MS} ms ahead of {now}")


def _check_reason(reason: str) -> None:
    if not reason:
        raise Refusal("missing", "reason", "", "why")
    _check_length("reason", reason, LONGEST_ID, 1)


def _check_length(field: str, value: str, most: int, least: int) -> None:
    if not least <= len(value) <= most:
        raise Refusal("wrong_length", field, value, f"{least} to {most} characters")
