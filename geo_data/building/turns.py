"""Junctions taken apart, so that a way through one can be forbidden or cost something.

Each street end at such a junction becomes two nodes on one spot: one that those reach who come by the street, one from
which those leave who take it. Turn arcs of length 0 join them, one for every way through, whose class says which turn
it is; where a restriction forbids a turn its arc has no ``normal`` bit, for restrictions do not bind who walks or
responds to an emergency. Searches then are exact without knowing of turns. Directed streets are counted as in
`Arcs`: edge ``i`` along is ``i``, against is ``e + i``, which is also how the street ends that they leave by count.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import Mode, RawRoads, Restriction, RoadClass
from geo_data.snapping import metres_per_degree

TurnsKept = Literal["none", "restrictions", "all"]
"""Which junctions are taken apart: none, those with a restriction, or also all where three or more streets meet."""

_SIGHT_M = 15.0
"""A turn's angle is between places this far from the junction, for the last bend before it says little."""
_STRAIGHT_DEG, _BACK_DEG = 45.0, 170.0

Modes = NDArray[np.uint8]
Nodes = NDArray[np.int32]


@dataclass(frozen=True)
class Arcs:
    """Directed streets, ``2 e`` of them, and turn arcs, ``t``, between nodes of which some stand for a street's end.

    Attributes
    ----------
    tail, head
        int32 (2 e,), where a directed street begins and ends.
    node
        int32, the node of the raw roads that each node stands for.
    enter, leave
        int32 (t,), the directed streets that a turn leads from and to.
    forbidden
        bool (t,), not for the mode ``normal``.
    kind
        uint8 (t,), the turn's `RoadClass`.
    apart
        bool (n,), raw nodes that were taken apart.
    unused
        Restrictions that were not used, by reason.
    """

    tail: Nodes
    head: Nodes
    node: Nodes
    enter: Nodes
    leave: Nodes
    forbidden: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    apart: NDArray[np.bool_]
    unused: dict[str, int]

    @property
    def turn_tail(self) -> Nodes:
        """Where turns begin, int32 (t,)."""
        return self.head[self.enter]

    @property
    def turn_head(self) -> Nodes:
        """Where turns end, int32 (t,)."""
        return self.tail[self.leave]

    def turn_modes(self, modes: Modes) -> Modes:
        """Return who may take each turn, uint8 (t,), given who may take each directed street."""
        into, out = modes[self.enter], modes[self.leave]
        both = into & out
        responds = np.uint8(Mode.EMERGENCY | Mode.CONTRAFLOW)
        against = ((both & Mode.EMERGENCY) == 0) & ((into & responds) != 0) & ((out & responds) != 0)
        turn = (both & ~np.uint8(Mode.CONTRAFLOW)) | against * np.uint8(Mode.CONTRAFLOW)
        return np.asarray(np.where(self.forbidden, turn & ~np.uint8(Mode.NORMAL), turn), np.uint8)


def take_apart(raw: RawRoads, modes: Modes, kept: TurnsKept) -> Arcs:
    """Lay out the directed streets, with the junctions apart that have to be.

    Parameters
    ----------
    raw
        The streets.
    modes
        uint8 (2 e,), who may take each directed street.
    kept
        Which junctions are taken apart.
    """
    edges, nodes = len(raw.tail), len(raw.node_lon)
    tail = np.concatenate((raw.tail, raw.head))
    head = np.concatenate((raw.head, raw.tail))
    apart = np.zeros(nodes, np.bool_)
    none = np.empty(0, np.int32)
    if kept == "none":
        node = np.arange(nodes, dtype=np.int32)
        unused = {"not_asked_for": len(raw.turn_from)} if len(raw.turn_from) else {}
        return Arcs(tail, head, node, none, none, none.astype(np.bool_), none.astype(np.uint8), apart, unused)
    enter, leave, kind, unused = _restrictions(raw, modes)
    apart[tail[leave]] = True
    if kept == "all":
        driven = ((modes[:edges] | modes[edges:]) & Mode.NORMAL) != 0
        apart |= np.bincount(tail[np.concatenate((driven, driven))], minlength=nodes) >= 3
    # A street end counts as the directed street that leaves by it; who comes by it takes the other direction.
    present = (modes | np.roll(modes, edges)) != 0
    ends = np.flatnonzero(apart[tail] & present)
    ends = ends[np.argsort(tail[ends], kind="stable")]
    at = tail[ends]
    other = (ends + edges) % (2 * edges)
    tail[ends] = nodes + 2 * np.arange(len(ends)) + 1
    head[other] = nodes + 2 * np.arange(len(ends))
    count = np.bincount(at, minlength=nodes)
    first = (np.cumsum(count) - count)[at]
    by = np.repeat(np.arange(len(ends)), count[at])
    to = np.repeat(first, count[at]) + np.arange(len(by)) - np.repeat(np.cumsum(count[at]) - count[at], count[at])
    turn_enter, turn_leave = other[by].astype(np.int32), ends[to].astype(np.int32)
    return Arcs(
        tail,
        head,
        np.concatenate((np.arange(nodes), np.repeat(at, 2))).astype(np.int32),
        turn_enter,
        turn_leave,
        _forbidden(turn_enter, turn_leave, enter, leave, kind, 2 * edges),
        _kinds(raw, ends, by, to),
        apart,
        unused,
    )


def _restrictions(raw: RawRoads, modes: Modes) -> tuple[Nodes, Nodes, NDArray[np.uint8], dict[str, int]]:
    """Return the restrictions that can be used, as directed streets and kinds, and how many cannot, by reason."""
    edges = len(raw.tail)
    via, by, to = raw.turn_via, raw.turn_from, raw.turn_to
    enter = np.where(raw.head[by] == via, by, by + edges)
    leave = np.where(raw.tail[to] == via, to, to + edges)
    meets = ((raw.head[by] == via) | (raw.tail[by] == via)) & ((raw.tail[to] == via) | (raw.head[to] == via))
    loop = (raw.tail[by] == raw.head[by]) | (raw.tail[to] == raw.head[to])
    driven = ((modes[enter] & modes[leave]) & Mode.NORMAL) != 0
    reasons = {"not_at_the_node": ~meets, "by_a_loop": meets & loop, "not_driven": meets & ~loop & ~driven}
    used = meets & ~loop & driven
    unused = {reason: int(rows.sum()) for reason, rows in reasons.items() if rows.any()}
    return enter[used].astype(np.int32), leave[used].astype(np.int32), raw.turn_kind[used], unused


def _forbidden(
    turn_enter: Nodes, turn_leave: Nodes, enter: Nodes, leave: Nodes, kind: NDArray[np.uint8], arcs: int
) -> NDArray[np.bool_]:
    """Tell which turns the restrictions forbid: those named, and all but those named where only they are allowed."""
    turn = turn_enter.astype(np.int64) * arcs + turn_leave
    said = enter.astype(np.int64) * arcs + leave
    only = kind == Restriction.ONLY
    bound = np.isin(turn_enter, enter[only])
    result: NDArray[np.bool_] = np.isin(turn, said[~only]) | (bound & ~np.isin(turn, said[only]))
    return result


def _kinds(raw: RawRoads, ends: NDArray[np.int64], by: NDArray[np.int64], to: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return what turn it is to come by one street end and leave by another, places in ``ends``."""
    east, north = _directions(raw, ends)
    # Who comes by a street end comes against the direction in which it leaves.
    came_east, came_north, goes_east, goes_north = -east[by], -north[by], east[to], north[to]
    cross = came_east * goes_north - came_north * goes_east
    angle_deg = np.degrees(np.arctan2(cross, came_east * goes_east + came_north * goes_north))
    kind = np.where(angle_deg > 0, RoadClass.TURN_LEFT, RoadClass.TURN_RIGHT)
    kind = np.where(np.abs(angle_deg) < _STRAIGHT_DEG, RoadClass.TURN_STRAIGHT, kind)
    return np.where((by == to) | (np.abs(angle_deg) >= _BACK_DEG), RoadClass.TURN_U, kind).astype(np.uint8)


def _directions(raw: RawRoads, ends: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the directions in which streets leave by their ends, east and north in metres, no unit vectors."""
    edges = len(raw.tail)
    edge, from_tail = ends % edges, ends < edges
    step = np.where(from_tail, 1, -1)
    low, high = raw.point_first[edge], raw.point_first[edge + 1] - 1
    begin = np.where(from_tail, low, high)
    per_lon, per_lat = metres_per_degree(float(np.mean(raw.node_lat)))
    x, y = raw.point_lon * per_lon, raw.point_lat * per_lat
    here, rest_m = begin.copy(), np.full(len(ends), _SIGHT_M)
    east, north = np.zeros(len(ends)), np.zeros(len(ends))
    going = np.ones(len(ends), np.bool_)
    while going.any():
        following = np.clip(here + step, low, high)
        dx, dy = x[following] - x[here], y[following] - y[here]
        long_m = np.hypot(dx, dy)
        share = np.where(long_m > rest_m, rest_m / np.maximum(long_m, 1e-9), 1.0) * going
        east, north = east + share * dx, north + share * dy
        rest_m = rest_m - long_m
        going &= (rest_m > 0) & (following != here)
        here = following
    return east, north
