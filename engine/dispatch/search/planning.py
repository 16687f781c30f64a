"""A search plan: for every seeker the places it looks at in turn, and for every caller the telephones.

The measure is the expected time until he is found, given that he is at one of the places: ``sum p_i E_i / sum p_i``,
where ``E_i`` is when the looks at place ``i`` find him (search theory: B. O. Koopman, "Search and Screening", 1946;
with travel it is the graph search problem, E. Koutsoupias, C. Papadimitriou, M. Yannakakis, "Searching a fixed graph",
ICALP 1996, here with several seekers). A look at the door is sure. A telephone call finds him with probability
``call_sure``, and the door is looked at all the same: then ``E_i`` is ``sure * call + (1 - sure) * door`` where the
call comes first.

Up to `EXACT` places without telephones the plan is the optimum, by dynamic programming over sets; otherwise it is the
best of exchanges from there, or from the cheapest insertion.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.search import kernels
from engine.model.errors import Refusal
from engine.model.limits import MOST_SEARCH_PLACES, MOST_SEEKERS
from geo_data.speeds import NEVER

EXACT = 11
"""So many places are planned exactly; one more takes three times as long."""


@dataclass(frozen=True)
class Search:
    """What is to be planned.

    Parameters
    ----------
    chance
        float64 (n,), the probability of each place, none negative, together above 0 and at most 1.
    check_ms
        int64 (n,), how long a look at the door takes.
    first_ms
        int64 (m, n), from now until each seeker can be at each place; `NEVER` where it cannot.
    between_ms
        int64 (n, n), the way from place to place.
    callers
        How many people telephone.
    call_ms
        int64 (n,), how long a call takes, -1 where there is no telephone. All -1 if left out.
    call_sure
        The probability that a call finds him where he is.

    Raises
    ------
    Refusal
        ``malformed`` or ``out_of_range``, by the field.
    """

    chance: NDArray[np.float64]
    check_ms: NDArray[np.int64]
    first_ms: NDArray[np.int64]
    between_ms: NDArray[np.int64]
    callers: int = 0
    call_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    call_sure: float = 0.0

    def __post_init__(self) -> None:
        n, m = len(self.chance), len(self.first_ms)
        if not len(self.call_ms):
            object.__setattr__(self, "call_ms", np.full(n, -1, np.int64))
        if not 1 <= n <= MOST_SEARCH_PLACES:
            raise Refusal("out_of_range", "places", n, f"1 to {MOST_SEARCH_PLACES}")
        if not 0 <= m <= MOST_SEEKERS or not 0 <= self.callers <= MOST_SEEKERS:
            raise Refusal("out_of_range", "seekers", max(m, self.callers), f"at most {MOST_SEEKERS}")
        shapes = {"check_ms": (n,), "first_ms": (m, n), "between_ms": (n, n), "call_ms": (n,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise Refusal("malformed", name, str(getattr(self, name).shape), f"an array of shape {shape}")
        if not np.isfinite(self.chance).all() or self.chance.min() < 0.0 or not 0.0 < self.chance.sum() <= 1.0 + 1e-9:
            raise Refusal(
                "out_of_range", "chance", float(self.chance.sum()), "none below 0, together above 0, at most 1"
            )
        if not 0.0 <= self.call_sure <= 1.0:
            raise Refusal("out_of_range", "call_sure", self.call_sure, "0 to 1")


@dataclass(frozen=True)
class Look:
    """One look: at which place, by whom, and when it is over, ms from now."""

    place: int
    by: int
    done_ms: int


@dataclass(frozen=True)
class SearchPlan:
    """Who looks where.

    Parameters
    ----------
    routes
        By seeker, its looks in turn.
    calls
        By caller, the calls in turn.
    unreached
        Places that no seeker can reach.
    expected_ms
        Until he is found, given that he is at a place that somebody looks at; None where nobody looks anywhere.
    optimal
        Whether it is proven that no plan expects less.
    """

    routes: tuple[tuple[Look, ...], ...]
    calls: tuple[tuple[Look, ...], ...]
    unreached: tuple[int, ...]
    expected_ms: float | None
    optimal: bool


def plan_search(search: Search, *, thorough: bool = True) -> SearchPlan:
    """Plan who looks where; deterministic.

    Where the optimum is not asked of sets, exchanges follow only if ``thorough``: a fair figure takes a hundredth.
    """
    n, m = len(search.chance), len(search.first_ms)
    reached = np.flatnonzero((search.first_ms < NEVER).any(axis=0)) if m else np.empty(0, np.int64)
    phones = np.flatnonzero(search.call_ms >= 0) if search.callers and search.call_sure > 0.0 else reached[:0]
    times = kernels.Times(
        search.chance.astype(np.float64),
        search.check_ms.astype(np.int64),
        search.first_ms.astype(np.int64).reshape(m, n),
        search.between_ms.astype(np.int64),
        search.call_ms.astype(np.int64),
        float(search.call_sure),
    )
    exact = len(reached) <= EXACT
    turns = np.full((m + search.callers, n), -1, np.int64)
    held = np.zeros(m + search.callers, np.int64)
    if len(reached):
        (kernels.by_sets if exact else kernels.by_insertion)(times, reached, turns[:m], held[:m])
    if len(phones):
        kernels.deal_calls(times, phones, turns[m:], held[m:])
    optimal = exact and not len(phones)
    if not optimal and thorough:
        kernels.exchange(times, m, turns, held)
    return _told(search, times, turns, held, reached, optimal=optimal)


def _told(
    search: Search,
    times: kernels.Times,
    turns: NDArray[np.int64],
    held: NDArray[np.int64],
    reached: NDArray[np.int64],
    *,
    optimal: bool,
) -> SearchPlan:
    m = len(search.first_ms)
    door, call = kernels.when(times, m, turns, held)
    looks = [
        tuple(
            Look(int(place), by if by < m else by - m, int((door if by < m else call)[place])) for place in row[:count]
        )
        for by, (row, count) in enumerate(zip(turns, held, strict=True))
    ]
    seen = np.minimum(door, call) < kernels.NOT_LOOKED
    share = float(search.chance[seen].sum())
    expected = kernels.expected(times, door, call) / share if share > 0.0 else None
    return SearchPlan(
        routes=tuple(looks[:m]),
        calls=tuple(looks[m:]),
        unreached=tuple(np.setdiff1d(np.arange(len(search.chance)), reached).tolist()),
        expected_ms=expected,
        optimal=optimal,
    )
