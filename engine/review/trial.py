"""Changed run cards tried on what was: for each incident of a record, what its card said and what it would say.

Who would have gone is told with how it is known. ``recorded``: chosen then, and still wanted. ``next``: another free
candidate that the record names with its exact time. ``reckoned``: found by the decision itself among those whom the
record has as free at that instant, each where it last says they were: at their base at first, then at the scene of
their last order; positions between, and live speeds, are streams and not in a record. Every incident is tried by
itself: units are taken to have done what they did, so one change does not carry on into the next incident.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.core.city import City
from engine.core.state import State
from engine.core.world import World
from engine.dispatch.decide import Wanted, decide
from engine.dispatch.run_cards import Response, RunCards, Seconds
from engine.model import events as e
from engine.model.demand_events import DemandUnmet, Recommended
from engine.model.ids import DemandId, UnitId
from engine.model.lifecycle import OrderState
from engine.model.recommendation import Candidate, Recommendation
from geo_data.snapping import OffRoad

Verdict = Literal["same", "changed", "stated", "no_card"]
"""``stated``: sent by what its source said or by an earlier card, not by today's. ``no_card``: its type has none."""
Known = Literal["recorded", "next", "reckoned"]


@dataclass(frozen=True, kw_only=True)
class Going:
    """Somebody for one need; ``recipient`` is empty when nobody able was free."""

    capability: str
    recipient: str
    eta_ms: int | None
    known: Known


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a card says for an incident."""

    level: int
    force: Mapping[str, int]
    leave: str
    """The approver of ``send``."""
    clocks: Mapping[str, Seconds]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One incident under the cards as they are and as they would be."""

    incident: str
    type: str
    at: int
    verdict: Verdict
    was: Said | None = None
    would: Said | None = None
    stay: tuple[Going, ...] = ()
    """Chosen then, and still wanted."""
    more: tuple[Going, ...] = ()
    spared: tuple[Going, ...] = ()
    """Chosen then, and wanted no more."""


@dataclass(kw_only=True)
class _Chosen:
    """What the record says of the choice for one incident: by capability, who was chosen and who came next."""

    first: dict[str, Recommendation] = field(default_factory=dict)
    """By demand, the first recommendation."""

    def going(self, capability: str) -> list[Going]:
        """Return who was chosen for a capability, in the order of its demands."""
        return [
            _going(one.chosen, capability, "recorded") for one in self.first.values() if one.capability == capability
        ]

    def others(self, capability: str) -> list[Candidate]:
        """Return the further candidates of a capability, soonest first; nobody who was chosen for anything."""
        taken = {one.chosen.recipient for one in self.first.values() if one.chosen}
        found: dict[str, Candidate] = {}
        for one in self.first.values():
            if one.capability == capability:
                for other in one.others:
                    if other.recipient not in taken:
                        found.setdefault(other.recipient, other)
        return sorted(found.values(), key=lambda other: (other.eta_ms, other.recipient))


def _going(candidate: Candidate | None, capability: str, known: Known) -> Going:
    if candidate is None:
        return Going(capability=capability, recipient="", eta_ms=None, known=known)
    eta_ms = candidate.eta_ms if candidate.kind == "unit" else None
    return Going(capability=capability, recipient=candidate.recipient, eta_ms=eta_ms, known=known)


def try_cards(
    city: City, changed: RunCards, read: Callable[[], Iterable[e.Event]], *, since: int, until: int
) -> list[Tried]:
    """Try changed cards on the incidents that were opened between two instants.

    Parameters
    ----------
    city
        The city as it is, with the cards that were in force.
    changed
        The cards that would be.
    read
        Returns a record's events from the first on; called twice.
    since, until
        Milliseconds since the epoch, both included.

    Returns
    -------
    list of Tried
        In the order in which the incidents were opened; exercises are left out.
    """
    return _Trial(city, changed, since, until).run(read)


class _Trial:
    def __init__(self, city: City, changed: RunCards, since: int, until: int) -> None:
        self.city = city
        self.changed = changed
        self.since, self.until = since, until
        self.chosen: dict[str, _Chosen] = {}
        self.policies = replace(city.policies, stale_position_ms=0)

    def run(self, read: Callable[[], Iterable[e.Event]]) -> list[Tried]:
        for event in read():
            self._remember(event)
        world = World(replace(self.city, run_cards=self.changed), State(), self.since)
        found: list[Tried] = []
        for event in read():
            if event.at > self.until:
                break
            world.follow(event)
            body = event.body
            if isinstance(body, e.IncidentOpened) and body.incident in self.chosen:
                found.append(self._try(world, event.at, body))
            elif isinstance(body, e.OrderAdvanced) and body.to is OrderState.ON_SCENE:
                _stand_at_the_scene(world, body, event.at)
        return found

    def _remember(self, event: e.Event) -> None:
        body = event.body
        if isinstance(body, e.IncidentOpened):
            if self.since <= event.at <= self.until and not body.exercise:
                self.chosen[body.incident] = _Chosen()
        elif isinstance(body, Recommended | DemandUnmet) and body.incident in self.chosen:
            self.chosen[body.incident].first.setdefault(body.demand, body.recommendation)

    def _try(self, world: World, at: int, body: e.IncidentOpened) -> Tried:
        old, new = self.city.run_cards.cards.get(body.type), self.changed.cards.get(body.type)
        if old is None or new is None:
            return self._unchanged(body, at, "no_card")
        period = self.city.calendar.period_at(body.first_alert_at)
        was = old.at(body.level, period)
        if body.needs not in (was.needs, self.city.needs(was)):
            return self._unchanged(body, at, "stated")
        # A level that is not the card's own was said by somebody, and would be said again.
        would = new.at(new.level if body.level == old.level else body.level, period)
        chosen = self.chosen[body.incident]
        stay, more, spared, lacking = self._compare(chosen, _counts(was), _counts(would))
        more += self._reckon(world, at, body, lacking, (*stay, *more))
        known, found = _said(was), _said(would)
        return Tried(
            incident=body.incident,
            type=body.type,
            at=at,
            verdict="same" if known == found else "changed",
            was=known,
            would=found,
            stay=tuple(stay),
            more=tuple(more),
            spared=tuple(spared),
        )

    def _unchanged(self, body: e.IncidentOpened, at: int, verdict: Verdict) -> Tried:
        return Tried(incident=body.incident, type=body.type, at=at, verdict=verdict)

    def _compare(
        self, chosen: _Chosen, was: Mapping[str, int], would: Mapping[str, int]
    ) -> tuple[list[Going], list[Going], list[Going], dict[str, int]]:
        """Return who stays, who of the record's further candidates goes as well, who does not, and what still lacks."""
        stay: list[Going] = []
        more: list[Going] = []
        spared: list[Going] = []
        lacking: dict[str, int] = {}
        taken: set[str] = set()
        for capability in dict.fromkeys((*was, *would)):
            recorded = chosen.going(capability)
            count = would.get(capability, 0)
            stay += recorded[:count]
            spared += recorded[count:]
            extra = count - was.get(capability, 0)
            free = [other for other in chosen.others(capability) if other.recipient not in taken][: max(0, extra)]
            taken.update(other.recipient for other in free)
            more += [_going(other, capability, "next") for other in free]
            if extra > len(free):
                lacking[capability] = extra - len(free)
        return stay, more, spared, lacking

    def _reckon(
        self,
        world: World,
        at: int,
        body: e.IncidentOpened,
        lacking: Mapping[str, int],
        besides: Sequence[Going],
    ) -> list[Going]:
        """Return who would have been chosen for needs that the record says nothing of, besides those who go anyway."""
        if not lacking:
            return []
        try:
            spot = world.spot(body.incident)
        except OffRoad:
            return [_going(None, name, "reckoned") for name, count in lacking.items() for _ in range(count)]
        world.speeds.turn(at)
        world.speeds.traffic.catch_up(at)
        world.reweigh()
        gone = frozenset(world.fleet.index(one.recipient) for one in besides if one.recipient in world.fleet)
        wanted = [
            Wanted(
                demand=DemandId(f"{name} {number}"),
                incident=body.incident,
                capability=name,
                level=body.level,
                arc=spot.arc,
                fraction=spot.fraction,
                refused_by=gone,
            )
            for name, count in lacking.items()
            for number in range(count)
        ]
        decisions = decide(wanted, world.force, self.policies, at)
        return [
            _going(decision.recommendation.chosen, want.capability, "reckoned")
            for want, decision in zip(wanted, decisions, strict=True)
        ]


def _counts(response: Response) -> dict[str, int]:
    found: Counter[str] = Counter()
    for need in response.force:
        found[need.capability] += need.count
    return dict(found)


def _said(response: Response) -> Said:
    return Said(
        level=response.level,
        force=_counts(response),
        leave=response.approve["send"].by,
        clocks=response.clocks,
    )


def _stand_at_the_scene(world: World, body: e.OrderAdvanced, at: int) -> None:
    order = world.state.orders.get(body.order)
    if order is not None and order.recipient_kind == "unit" and UnitId(order.recipient) in world.fleet:
        world.fleet.move([world.fleet.index(order.recipient)], [order.lon], [order.lat], [at])
