"""Events about what an incident needs and who should go: part of `engine.model.events.Body`."""

import msgspec

from engine.model.entities import Dispatch
from engine.model.ids import DemandId, IncidentId, OrderId, PlanId, UnitId
from engine.model.recommendation import Recommendation


class _Body(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class DemandRaised(_Body, frozen=True, gc=False, tag="demand_raised"):
    """One unit of one capability is wanted for an incident. It waits until an order meets it."""

    demand: DemandId
    incident: IncidentId
    capability: str
    level: int
    dispatch: Dispatch = "units"
    either: tuple[str, ...] = ()
    """Other capabilities that meet it as well."""
    together: bool = False
    """A unit that goes to the incident for another demand may meet it as well."""
    rank: str = ""
    """The least rank that somebody in the unit must have; empty for any."""
    equipment: tuple[str, ...] = ()
    """What the unit must bring."""
    one_team: int = 0
    """Which need of its incident it is of, counted from 1, where all units of that are of one team; else 0."""
    need: int = 0
    """Which need of its incident it is of, counted from 1, where that wants a number of people; else 0."""
    people: int = 0
    sworn: int = 0
    """How many people, and sworn officers among them, all units of the need must come to."""
    extra: bool = False
    """It adds a unit to those that the need counts, because these have too few people."""
    prefer: tuple[str, ...] = ()
    """Capabilities of which it is better if the unit has one; nobody is waited for."""
    but: tuple[UnitId, ...] = ()
    """Who is not sent: the unit that it is about."""
    beside: OrderId | None = None
    """The order that it adds a unit to, because nobody has answered that one in time."""
    asked_by: OrderId | None = None
    """The order whose recipient asked for it."""
    relieves: DemandId | None = None
    """The demand that it stands for once somebody has accepted it: its recipient has returned it."""
    returned: OrderId | None = None
    """The order that was returned; its recipient does not get this one."""
    under: OrderId | None = None
    """The order to the station that answers for it from the beginning."""
    post: bool = False
    """A plan of a pursuit says who goes for it: nobody else is sought."""


class DemandUnmet(_Body, frozen=True, gc=False, tag="demand_unmet"):
    """A shortage, stated: nobody able is free now. The demand waits and is looked at again when anybody is."""

    demand: DemandId
    incident: IncidentId
    capability: str
    recommendation: Recommendation


class DemandDropped(_Body, frozen=True, gc=False, tag="demand_dropped"):
    """Nobody is wanted for it any more."""

    demand: DemandId
    reason: str
    into: DemandId | None = None
    """The demand that stands for it from here on: it was handed over."""


class Recommended(_Body, frozen=True, gc=False, tag="recommended"):
    """Who should go for a demand, and why."""

    demand: DemandId
    incident: IncidentId
    recommendation: Recommendation


class PlanRequested(_Body, frozen=True, gc=False, tag="plan_requested"):
    """Demands are to be decided together by a worker."""

    plan: PlanId
    demands: tuple[DemandId, ...]
    state_version: int


class PlanApplied(_Body, frozen=True, gc=False, tag="plan_applied"):
    """What a worker's plan came to: the demands whose lines still held, and those that wait again."""

    plan: PlanId
    held: tuple[DemandId, ...]
    outdated: tuple[DemandId, ...]
    failed: str = ""
