"""Who can be ahead of a subject who flees, rather than who is nearest behind.

His likely ways are drawn beforehand, each with when he comes by where. A unit is ahead of him on a way where its block
stands before he comes by, with time to spare; it has one place to stand at, so its chance is the share of his ways that
lead by there after that. What a unit counts is when he is met, on the mean: on the ways that lead by, when he does; on
all others no sooner than the end of what was looked at, and as much later as it is away from where he was seen. Where
nobody is ahead anywhere that order is the order of who is nearest.

That count less the ETA is a handicap, ``behind``, so that all else about a decision stays as it is. Places are sought
by one search from all units for who is where first, which bounds what anybody can do anywhere: the best chance of all
is found. The others are told by the `MOST_PLACES` places where that bound is greatest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.diversion import Seen
from engine.dispatch.force import Force
from engine.model.ids import SightingId
from engine.model.recommendation import Candidate, Chased, Meeting, WhyChased
from engine.travel import NEVER
from engine.travel.arrivals import arrivals
from engine.travel.polyline import encode_polyline
from engine.travel.routes import drawn

BEHIND = "behind"
"""The code of its handicap."""
SETUP_MS = 20_000
"""From arriving at a place to standing in his way."""
SPARE_MS = 5_000
"""By so much a block must stand before he comes by to count: what is planned may be carried out so much later."""
LEAST, LEAST_UNKNOWN = 0.1, 0.5
"""Shares of his ways: on fewer nobody goes ahead of him; where nobody knows his heading, on fewer than half."""
MOST_PLACES = 64
FARTHEST_MS = 3_600_000
"""Who is farther from where he was seen is ahead of nobody."""


@dataclass(frozen=True)
class Ways:
    """The ways he may take, by place. ``p`` places, ``k`` nodes, ``t`` visits.

    Attributes
    ----------
    node, place
        int32 (k,): the nodes that he can come to, and the place of each: a junction may have several.
    first
        int32 (p + 1,): the visits of each place.
    ms
        int64 (t,), from now: when ways come by a place; each way once.
    routes
        How many ways there are.
    """

    node: NDArray[np.int32]
    place: NDArray[np.int32]
    first: NDArray[np.int32]
    ms: NDArray[np.int64]
    routes: int


@dataclass(frozen=True, kw_only=True)
class Pursued:
    """A subject as a demand of a pursuit sees them: their ways, or why nobody is sent ahead."""

    sighting: SightingId
    why: WhyChased
    horizon_ms: int = 0
    known_heading: bool = False
    ways: Ways | None = None


@dataclass(frozen=True)
class Ahead:
    """What comes of it for one demand. ``U`` units, ``c`` places to stand at.

    Attributes
    ----------
    said
        How it was reckoned.
    behind_ms
        int32 (U,), the handicap; None where nobody is ahead.
    at
        int32 (U,): the place of each unit; -1 for who goes to where he was seen.
    arc
        int32 (c,): a street that begins at the place.
    eta_ms, meets, at_ms
        int64 (U,): as `Meeting` has them.
    """

    said: Chased
    behind_ms: NDArray[np.int32] | None = None
    at: NDArray[np.int32] | None = None
    arc: NDArray[np.int32] | None = None
    eta_ms: NDArray[np.int64] | None = None
    meets: NDArray[np.int64] | None = None
    at_ms: NDArray[np.int64] | None = None

    def place(self, row: int) -> int | None:
        """Return a street at the beginning of which a unit is to stand; None where it is ahead of nobody."""
        if self.at is None or self.arc is None or self.at[row] < 0:
            return None
        return int(self.arc[self.at[row]])

    def way(self, row: int, force: Force) -> str:
        """Return a unit's way to where it is ahead, as a polyline."""
        arc, fleet = self.place(row), force.fleet
        assert arc is not None
        arcs, start, end, _ = force.times.way(int(fleet.arc[row]), float(fleet.fraction[row]), arc, 0.0)
        return encode_polyline(drawn(force.times.network, arcs, start, end)[1])

    def meeting(self, row: int, force: Force) -> Meeting | None:
        """Return where a unit is ahead of him; None where it is not."""
        arc = self.place(row)
        if arc is None or self.eta_ms is None or self.meets is None or self.at_ms is None:
            return None
        network = force.times.network
        node, eta_ms, at_ms = int(network.arc_tail[arc]), int(self.eta_ms[row]), int(self.at_ms[row])
        return Meeting(
            lon=float(network.node_lon[node]),
            lat=float(network.node_lat[node]),
            eta_ms=eta_ms,
            ahead_ms=at_ms - eta_ms - SETUP_MS,
            meets=int(self.meets[row]),
            at_ms=at_ms,
        )


def behind_ms(said: Chased, candidate: Candidate) -> int:
    """Return what counts against a candidate for not being ahead of a subject, from what was frozen of it."""
    its = candidate.meeting
    meets, at_ms = (0, 0) if its is None else (its.meets, its.at_ms)
    chase_ms = said.horizon_ms + candidate.eta_ms
    met_ms = (meets * at_ms + (said.routes - meets) * chase_ms) // said.routes
    return met_ms - candidate.eta_ms + said.shift_ms


def look_ahead(
    pursued: Pursued, arc: int, fraction: float, force: Force, seen: Seen, need: int, fresh_after: int
) -> Ahead:
    """Return who of those that could go is ahead of a subject, and where.

    Parameters
    ----------
    arc, fraction
        Where he was seen.
    seen
        The fleet as the demand sees it.
    need
        Bits that a unit must have.
    fresh_after
        Positions that were true before this instant do not count.
    """
    ways, horizon_ms = pursued.ways, pursued.horizon_ms
    if ways is None:
        return Ahead(Chased(sighting=pursued.sighting, why=pursued.why))
    arcs, nodes_place = _places(ways, force, seen, need, fresh_after, horizon_ms)
    why: WhyChased = "nobody_ahead"
    mask = np.uint64(need)
    rows = np.flatnonzero(((seen.bits & mask) == mask) & (seen.arc >= 0) & (seen.fixed_at >= fresh_after))
    if len(arcs) and len(rows):
        ends = np.append(arcs, arc), np.append(np.zeros(len(arcs)), fraction)
        ms = force.times.matrix(seen.arc[rows], seen.fraction[rows], *ends).astype(np.int64)
        eta_ms = ms + seen.turnout_ms[rows, None] + force.fixed_ms
        eta_ms[ms >= NEVER] = NEVER
        found = _standing(ways, nodes_place, eta_ms, horizon_ms)
        least = LEAST if pursued.known_heading else LEAST_UNKNOWN
        enough = (found.meets >= max(1, least * ways.routes)) & (eta_ms[:, -1] <= FARTHEST_MS)
        if enough.any():
            return _told(pursued, len(seen.bits), arcs, rows[enough], eta_ms[enough], found.take(enough))
        why = "no_way_likelier" if found.meets.any() and not pursued.known_heading else why
    return Ahead(Chased(sighting=pursued.sighting, why=why, routes=ways.routes, horizon_ms=horizon_ms))


def _places(
    ways: Ways, force: Force, seen: Seen, need: int, fresh_after: int, horizon_ms: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return where somebody can stand before most of his ways come by: a street that begins there, and the place."""
    ready_ms = arrivals(force.times, seen, need, fresh_after, horizon_ms).ms + force.fixed_ms + SETUP_MS + SPARE_MS
    soonest = np.full(len(ways.first) - 1, np.iinfo(np.int64).max)
    np.minimum.at(soonest, ways.place, ready_ms[ways.node])
    whose = np.repeat(np.arange(len(soonest)), np.diff(ways.first))
    in_time = (ways.ms >= soonest[whose]) & (ways.ms <= horizon_ms)
    meets = np.bincount(whose[in_time], minlength=len(soonest))
    order = np.argsort(-meets, kind="stable")
    order = order[meets[order] > 0]
    network, inner_ms = force.times.network, force.times.weights.inner_ms
    turns = network.is_turn
    arcs: list[int] = []
    places: list[int] = []
    for place in order.tolist():
        begin = (np.arange(*network.first_out[node : node + 2]) for node in ways.node[ways.place == place].tolist())
        leading = np.concatenate(list(begin))
        leading = leading[(inner_ms[leading] < NEVER) & ~turns[leading]]
        if len(leading):  # a street, so that who is there has passed the junction's turns
            arcs.append(int(leading[0]))
            places.append(place)
        if len(arcs) == MOST_PLACES:
            break
    return np.array(arcs, np.int32), np.array(places, np.int32)


@dataclass(frozen=True)
class _Standing:
    """The best place of each unit, by position in what was asked."""

    at: NDArray[np.int32]
    eta_ms: NDArray[np.int64]
    meets: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    met_ms: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> "_Standing":
        return _Standing(self.at[rows], self.eta_ms[rows], self.meets[rows], self.at_ms[rows], self.met_ms[rows])


def _standing(ways: Ways, places: NDArray[np.int32], eta_ms: NDArray[np.int64], horizon_ms: int) -> _Standing:
    """Choose for each unit the place that it meets him soonest at, on the mean; the last column is where he was seen.

    ``eta_ms`` int64 (u, c + 1).
    """
    units, chase_ms = len(eta_ms), eta_ms[:, -1] + horizon_ms
    eta, meets_most, soonest_at = (np.zeros(units, np.int64) for _ in range(3))
    best = _Standing(np.full(units, -1, np.int32), eta, meets_most, soonest_at, chase_ms.copy())
    for column, place in enumerate(places.tolist()):
        visits = np.sort(ways.ms[ways.first[place] : ways.first[place + 1]])
        visits = visits[visits <= horizon_ms]
        before = np.searchsorted(visits, eta_ms[:, column] + SETUP_MS + SPARE_MS)
        meets = len(visits) - before
        after_ms = np.append(np.cumsum(visits[::-1])[::-1], 0)[before]
        at_ms = (after_ms + meets // 2) // np.maximum(meets, 1)
        met_ms = (meets * at_ms + (ways.routes - meets) * chase_ms) // ways.routes
        sooner = (meets > 0) & (met_ms < best.met_ms)
        best.at[sooner] = column
        best.eta_ms[sooner] = eta_ms[sooner, column]
        best.meets[sooner], best.at_ms[sooner], best.met_ms[sooner] = meets[sooner], at_ms[sooner], met_ms[sooner]
    return best


def _told(
    pursued: Pursued,
    units: int,
    arcs: NDArray[np.int32],
    rows: NDArray[np.int64],
    eta_ms: NDArray[np.int64],
    found: _Standing,
) -> Ahead:
    """Lay out what was found for those who are ahead as columns of all units."""
    assert pursued.ways is not None
    over_ms = found.met_ms - eta_ms[:, -1]
    shift_ms = max(0, -int(over_ms.min()))
    behind = np.full(units, pursued.horizon_ms + shift_ms, np.int32)
    behind[rows] = over_ms + shift_ms
    at = np.full(units, -1, np.int32)
    columns = [np.zeros(units, np.int64) for _ in range(3)]
    at[rows] = found.at
    for column, its in zip(columns, (found.eta_ms, found.meets, found.at_ms), strict=True):
        column[rows] = its
    said = Chased(
        sighting=pursued.sighting,
        why="ahead",
        routes=pursued.ways.routes,
        horizon_ms=pursued.horizon_ms,
        shift_ms=shift_ms,
    )
    return Ahead(said, behind, at, arcs, *columns)
