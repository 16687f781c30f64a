"""Who is nearest, found by the quicker of two exact ways: a search over the streets, or the hierarchy.

A search that has cost as much as the hierarchy would have gives up, and the hierarchy answers. What the hierarchy
cannot know, that a street was shut at once, is looked for in its answer: where a way passes one, a search answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.travel.choosing import NO_LIMIT, count_eligible, settled_before_giving_up
from engine.travel.climbing import climb_nearest
from engine.travel.customising import Ways
from engine.travel.queries import rank_nearest
from engine.travel.queue import word
from engine.travel.riders import Method, Ranking, Riders, columns_of
from engine.travel.unpacking import any_crosses
from engine.travel.weights import Weights
from engine.travel.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Question:
    """What `engine.travel.times.TravelTimes.nearest` is asked, checked."""

    arc: int
    fraction: float
    riders: Riders
    need: int
    k: int
    fresh_after: int
    handicap_ms: NDArray[np.int32] | None


def ranked(
    weights: Weights, desk: Workspace, counts: dict[str, int], asked: Question, method: Method | None
) -> Ranking:
    """Return the ranking; ``method`` None is what is predicted to be quicker, and ``counts`` is told what was used."""
    ranking = _rank(weights, desk, counts, asked, method)
    if ranking.method == "hierarchy" and _crosses_shut(weights, desk, asked, ranking):
        counts["shut"] += 1
        return _rank(weights, desk, counts, asked, "search")
    return ranking


def _rank(weights: Weights, desk: Workspace, counts: dict[str, int], asked: Question, method: Method | None) -> Ranking:
    units = len(asked.riders.bits)
    k = min(asked.k, units)
    unit, eta_ms, turnout_ms = np.empty(k, np.int32), np.empty(k, np.int64), np.empty(k, np.int64)
    out = unit, eta_ms, turnout_ms
    columns, handicap_ms = columns_of(asked.riders), asked.handicap_ms
    if handicap_ms is not None:
        columns = columns._replace(turnout_ms=columns.turnout_ms + handicap_ms)
    mask = word(asked.need)
    eligible, least_ms = count_eligible(columns, mask, asked.fresh_after)
    k = min(k, int(eligible))
    given = columns, asked.arc, asked.fraction, mask, asked.fresh_after, k, least_ms
    used: Method = "search" if method is None or k == 0 else method
    count, looked_at = (0, 0) if k == 0 else (-1, 0)
    most, labelled = NO_LIMIT, desk.stands(weights)
    if weights.metric is not None and method is None and k > 0:
        most = settled_before_giving_up(weights.network.n_nodes, int(eligible), k, labelled=labelled)
    if count < 0 and used == "search" and most > 0:
        count, looked_at = rank_nearest(weights.streets, desk.memory, desk.next_version(), *given, most, *out)
        counts["search" if count >= 0 else "gave_up"] += 1
    if count < 0 and weights.hierarchy is not None and weights.metric is not None:
        graph, metric, streets = weights.hierarchy.graph, weights.metric, weights.streets
        climb, version = desk.climb(2 * units)
        labels, stamp, most_new = desk.labels(units)
        count, seen = climb_nearest(graph, metric, streets, climb, version, labels, stamp, most_new, *given, *out)
        looked_at, used = looked_at + seen, "hierarchy"
        counts["hierarchy"] += 1
    unit, eta_ms, turnout_ms = unit[:count], eta_ms[:count], turnout_ms[:count]
    travel_ms, counted_ms = eta_ms - turnout_ms, np.zeros(count, np.int64)
    if handicap_ms is not None:
        counted_ms[:] = handicap_ms[unit]
        eta_ms, turnout_ms = eta_ms - counted_ms, turnout_ms - counted_ms
    return Ranking(unit, eta_ms, travel_ms, turnout_ms, counted_ms, int(eligible), int(looked_at), used)


def _crosses_shut(weights: Weights, desk: Workspace, asked: Question, ranking: Ranking) -> bool:
    """Tell whether a ranked unit's way passes an arc that was shut at once.

    If none does the ranking holds: shutting streets makes nobody's way shorter.
    """
    if not weights.marks.shut or weights.hierarchy is None or weights.metric is None:
        return False
    return bool(
        any_crosses(
            weights.hierarchy.graph,
            weights.metric,
            Ways(weights.arc_ms, weights.hierarchy.tail_rank),
            weights.streets,
            desk.trail,
            ranking.unit,
            asked.riders.arc,
            asked.riders.fraction,
            asked.arc,
            asked.fraction,
            desk.way,
        )
    )
