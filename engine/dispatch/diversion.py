"""Diversion: units under way take part in a decision, at a price and by a rule.

A unit whose order is approved but that has not arrived may be taken off it for a strictly higher level, at
``diversion_cost_ms``: what it costs that the crew has to be told, to turn round, and that the first caller waits anew.
Where a city says so, also at the same level, if the plan as a whole is better by ``diversion_saving_ms`` for each unit
that is taken. It happens to a unit once, until it has done with the order it was diverted to, and never after arrival.
The demand that it leaves is decided in the same plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.policies import Policies
from engine.dispatch.wanted import Wanted
from engine.fleet import READY, STATUS_CODE, Fleet, FleetView
from engine.model.lifecycle import UnitStatus

DIVERSION, DIVERSION_EQUAL = "diversion", "diversion_equal"
"""The codes of its handicap: off an order of a lower level, and of the same."""
MOST_HELD = 8
"""Units under way that one plan may take at the same level: each costs a ranking of its own."""
Serving = Callable[[int], Wanted | None]
"""What the order of the unit in a row serves, as a demand with that holder; None where that cannot be decided anew."""
_EN_ROUTE = STATUS_CODE[UnitStatus.EN_ROUTE]
_AVAILABLE = STATUS_CODE[UnitStatus.AVAILABLE]
_READY = np.uint64(READY)


@dataclass(frozen=True)
class Seen:
    """A fleet as the demands of one level see it: who may be diverted to them counts as ready. ``U`` units.

    Has the columns that rankings and reasons read, see `engine.fleet.FleetView`: ready, of those who may be diverted,
    stands in ``bits`` and ``status``, and the turnout of those who roll already is 0.

    Attributes
    ----------
    diverted
        bool (U,), who would be taken off an order; None where nobody would.
    cost_ms
        By code, int32 (U,), what that costs.
    outside
        bool (U,), who could do it and is of no team, or not of the one that goes already; None where that is all one.
    """

    first_at_node: NDArray[np.int32]
    next_entry: NDArray[np.int32]
    entry_ms: NDArray[np.int32]
    bits: NDArray[np.uint64]
    status: NDArray[np.int8]
    turnout_ms: NDArray[np.int32]
    arc: NDArray[np.int32]
    fraction: NDArray[np.float64]
    fixed_at: NDArray[np.int64]
    diverted: NDArray[np.bool_] | None = None
    cost_ms: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    outside: NDArray[np.bool_] | None = None

    def in_teams(self, fleet: Fleet | FleetView, capability: str, team: int | None) -> "Seen":
        """Return it with nobody able to do something who is of no team, or where one is named of another than that."""
        bit = np.uint64(fleet.capability_mask((capability,)))
        outside = (fleet.team < 0) if team is None else (fleet.team != team)
        outside &= (self.bits & bit) == bit
        return replace(self, bits=np.where(outside, self.bits & ~bit, self.bits), outside=outside)

    def able_to_any(self, fleet: Fleet | FleetView, capability: str, either: Sequence[str]) -> "Seen":
        """Return it with who can do any of several things counting as able to do the first."""
        able = (self.bits & fleet.any_mask((capability, *either))) != 0
        return replace(
            self, bits=np.where(able, self.bits | np.uint64(fleet.capability_mask((capability,))), self.bits)
        )

    def takes(self, row: int) -> bool:
        """Tell whether a unit would be taken off an order."""
        return self.diverted is not None and bool(self.diverted[row])


def seen_by(fleet: Fleet | FleetView, level: int, policies: Policies, *, may_divert: bool) -> Seen:
    """Return the fleet as demands of a level see it; as it is, without copies, where nobody may be diverted to them."""
    plain = Seen(
        fleet.first_at_node,
        fleet.next_entry,
        fleet.entry_ms,
        fleet.bits,
        fleet.status,
        fleet.turnout_ms,
        fleet.arc,
        fleet.fraction,
        fleet.fixed_at,
    )
    if not may_divert or level > policies.diversion_level:
        return plain
    lower = fleet.divertible > level
    same = fleet.divertible == level if policies.diversion_saving_ms else np.zeros_like(lower)
    its = lower | same
    if not its.any():
        return plain
    cost = {DIVERSION: np.where(lower, np.int32(policies.diversion_cost_ms), np.int32(0))}
    if policies.diversion_saving_ms:
        cost[DIVERSION_EQUAL] = np.where(same, np.int32(policies.diversion_saving_ms), np.int32(0))
    return Seen(
        fleet.first_at_node,
        fleet.next_entry,
        fleet.entry_ms,
        np.where(its, fleet.bits | _READY, fleet.bits),
        np.where(its, np.int8(_AVAILABLE), fleet.status),
        np.where(its & (fleet.status == _EN_ROUTE), np.int32(0), fleet.turnout_ms),
        fleet.arc,
        fleet.fraction,
        fleet.fixed_at,
        its,
        cost,
    )


def may_take(fleet: Fleet | FleetView, row: int, level: int, policies: Policies) -> bool:
    """Tell whether a unit that is under way may be taken off its order for a level."""
    held = int(fleet.divertible[row])
    if held <= 0 or level > policies.diversion_level:
        return False
    return held > level or (held == level and policies.diversion_saving_ms > 0)
