"""Why not: the first reason for which a unit is not sent, in one fixed order, as codes and values.

The same test that makes a unit eligible gives its reason when it is not, so the two cannot disagree.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.dispatch.diversion import Seen
from engine.dispatch.force import Force
from engine.fleet import READY, SHIFT_OVER, STATUS_CODE, STATUSES
from engine.model.ids import UnitId
from engine.model.lifecycle import UNDER_ORDER, UnitStatus
from engine.model.recommendation import Bar, Excluded, WhyNot
from engine.travel import Ranking

_ANYONE = 0
_ALWAYS = -(1 << 62)
_OFF_DUTY = STATUS_CODE[UnitStatus.OFF_DUTY]
_OUT_OF_SERVICE = STATUS_CODE[UnitStatus.OUT_OF_SERVICE]
_BUSY = STATUS_CODE[UnitStatus.BUSY]
_ON_SCENE = STATUS_CODE[UnitStatus.ON_SCENE]
_COUNTED: tuple[WhyNot, ...] = (
    "lacks_capability",
    "off_duty",
    "out_of_service",
    "on_order",
    "busy",
    "no_position",
    "stale_position",
)
"""The reasons that lie in the unit, in the order they are looked for."""
_BY_STATUS: dict[UnitStatus, WhyNot] = {
    UnitStatus.OFF_DUTY: "off_duty",
    UnitStatus.OUT_OF_SERVICE: "out_of_service",
    UnitStatus.BUSY: "busy",
    **dict.fromkeys(UNDER_ORDER, "on_order"),
}
_OF_STATUS = np.array([_COUNTED.index(_BY_STATUS[s]) if s in _BY_STATUS else -1 for s in STATUSES], np.int64)
"""Where in `_COUNTED` the reason stands that a status is by itself, by the status' code; -1 for none."""
_LACKS: dict[str, WhyNot] = {"equipment": "lacks_equipment", "rank": "lacks_rank"}
"""The reason for each kind of name in `Barred.bringing`."""
_SINGLE: tuple[WhyNot, ...] = ("refused_before", "held_in_reserve", "taken_by_other_need")
"""The reasons that lie in the demand, not in the unit."""


@dataclass(frozen=True, kw_only=True)
class Barred:
    """What bars units from one demand besides what they are: rows that refused it, rows that another demand takes."""

    refused: frozenset[int]
    taken: frozenset[int]
    fresh_after: int
    now: int
    reserved: frozenset[int] = frozenset()
    """Rows that stay back for more urgent levels."""
    bringing: tuple[str, ...] = ()
    """What a unit must have besides the capability, by the names of the bits."""


def nearest_anyone(arc: int, fraction: float, force: Force, most: int) -> Ranking:
    """Return the units nearest to a place whatever they can do and are doing: whom `excluded_units` looks at."""
    return force.nearest(arc, fraction, force.fleet, _ANYONE, max(1, most), _ALWAYS)


def excluded_units(
    anyone: Ranking,
    force: Force,
    seen: Seen,
    capability: str,
    barred: Barred,
    *,
    sooner_than_ms: int | None,
    most: int,
) -> tuple[Excluded, ...]:
    """Return the units that would be there sooner than the chosen one (or, with none chosen, soonest), and why not."""
    found: list[Excluded] = []
    mask = force.fleet.capability_mask((capability,))
    for row, eta_ms in zip(anyone.unit.tolist(), anyone.eta_ms.tolist(), strict=True):
        if len(found) == most or (sooner_than_ms is not None and eta_ms >= sooner_than_ms):
            break
        reason = why_not(force, seen, row, mask, barred)
        if reason is not None:
            bar = _bar(force, row) if reason[0] == "on_order" else ""
            found.append(Excluded(UnitId(force.fleet.ids[row]), reason[0], eta_ms, reason[1], bar))
    return tuple(found)


def _bar(force: Force, row: int) -> Bar:
    """Return why a unit that is on an order is not diverted."""
    if force.fleet.divertible[row] == SHIFT_OVER:
        return "shift_over"
    if force.fleet.divertible[row]:
        return "level" if force.fleet.divertible[row] > 0 else "under_station"
    return "arrived" if force.fleet.status[row] == _ON_SCENE else "diverted_before"


def why_not(force: Force, seen: Seen, row: int, mask: int, barred: Barred) -> tuple[WhyNot, str] | None:
    """Return the first reason and its fact, or None for a unit that can be sent; ``mask`` is what it must have."""
    fleet = force.fleet
    bits, status = int(seen.bits[row]), int(seen.status[row])
    if seen.outside is not None and seen.outside[row]:
        return "other_team", ""
    if bits & mask != mask:
        return "lacks_capability", ""
    for name in barred.bringing:
        if not bits & fleet.capability_mask((name,)):
            kind, _, its = name.partition(":")
            return _LACKS[kind], its
    if status == _OFF_DUTY:
        return "off_duty", ""
    if status == _OUT_OF_SERVICE:
        return "out_of_service", ""
    claim = force.claims.get(UnitId(fleet.ids[row]))
    if claim is not None and not seen.takes(row):
        return "on_order", claim
    if status == _BUSY or not bits & READY:
        return "busy", ""
    if fleet.arc[row] < 0:
        return "no_position", ""
    if fleet.fixed_at[row] < barred.fresh_after:
        return "stale_position", str((barred.now - int(fleet.fixed_at[row])) // 1000)
    if row in barred.refused:
        return "refused_before", ""
    if row in barred.reserved:
        return "held_in_reserve", ""
    if row in barred.taken:
        return "taken_by_other_need", ""
    return None


def reason_counts(force: Force, seen: Seen, capability: str, barred: Barred) -> dict[str, int]:
    """Count all units that cannot be sent by their first reason, over whole columns at once."""
    from engine.fleet.kernels import count_by_first, word  # noqa: PLC0415 - numba, wanted once something is decided

    mask = force.fleet.capability_mask((capability,))
    found = np.zeros(len(_COUNTED), np.int64)
    count_by_first(
        seen.bits,
        seen.status,
        seen.arc,
        seen.fixed_at,
        word(force.fleet.capability_mask((capability, *barred.bringing))),
        word(READY),
        barred.fresh_after,
        _OF_STATUS,
        found,
    )
    counts: dict[WhyNot, int] = dict(zip(_COUNTED, found.tolist(), strict=True))
    counts |= _lacking(force, seen, mask, barred.bringing, counts["lacks_capability"])
    if seen.outside is not None:  # their bit was taken from them, so that they have been counted as unable
        counts["other_team"] = int(np.count_nonzero(seen.outside))
        counts["lacks_capability"] -= counts["other_team"]
    for row in barred.refused | barred.reserved | barred.taken:
        reason = why_not(force, seen, row, mask, barred)
        if reason is not None and reason[0] in _SINGLE:
            counts[reason[0]] = counts.get(reason[0], 0) + 1
    return {name: count for name, count in counts.items() if count}


def _lacking(force: Force, seen: Seen, mask: int, bringing: Sequence[str], lacking: int) -> dict[WhyNot, int]:
    """Return how many lack the capability, and of the others how many what is to be brought, by the first they lack."""
    if not bringing:
        return {}
    counts = Counter[WhyNot]()
    left = (seen.bits & np.uint64(mask)) == np.uint64(mask)
    for name in bringing:
        has = (seen.bits & np.uint64(force.fleet.capability_mask((name,)))) != 0
        counts[_LACKS[name.partition(":")[0]]] += int(np.count_nonzero(left & ~has))
        left &= has
    return {"lacks_capability": lacking - counts.total(), **counts}
