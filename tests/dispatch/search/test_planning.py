"""Search plans against every plan there is, and against the two rules that people follow without one."""

from itertools import chain, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.search import Search, after_look, plan_search
from engine.dispatch.search.planning import EXACT
from engine.model.errors import Refusal
from engine.model.limits import MOST_SEARCH_PLACES
from geo_data.speeds import NEVER


def worth(search, routes, calls):
    """Expected time until he is found, over the places that are looked at: the definition, look by look."""
    door, call = {}, {}
    for by, route in enumerate(routes):
        at = 0
        for turn, place in enumerate(route):
            way = search.first_ms[by, place] if turn == 0 else search.between_ms[route[turn - 1], place]
            if way >= NEVER:
                return np.inf
            at += int(way) + int(search.check_ms[place])
            door[place] = at
    for row in calls:
        at = 0
        for place in row:
            at += int(search.call_ms[place])
            call[place] = at
    total = share = 0.0
    for place, chance in enumerate(search.chance.tolist()):
        if place not in door and place not in call:
            continue
        share += chance
        if place in call and call[place] < door.get(place, np.inf):
            later = door.get(place)
            total += chance * (
                call[place] if later is None else search.call_sure * call[place] + (1 - search.call_sure) * later
            )
        else:
            total += chance * door[place]
    return total / share if share else np.inf


def dealt(things, hands):
    """Every way to deal things out in every order."""
    for owner in product(range(hands), repeat=len(things)):
        piles = [[thing for thing, own in zip(things, owner, strict=True) if own == hand] for hand in range(hands)]
        yield from product(*(permutations(pile) for pile in piles))


def made(seed, n, m, callers=0, gaps=False):
    rng = np.random.default_rng(seed)
    chance = rng.dirichlet(np.full(n, 0.7)) * rng.uniform(0.5, 1.0)
    first = rng.integers(10, 1_000, (m, n))
    if gaps:
        first[rng.random((m, n)) < 0.3] = NEVER
    call = rng.integers(20, 200, n)
    call[rng.random(n) < 0.3] = -1
    return Search(
        chance=chance,
        check_ms=rng.integers(0, 300, n),
        first_ms=first,
        between_ms=rng.integers(10, 1_000, (n, n)),
        callers=callers,
        call_ms=call if callers else np.empty(0, np.int64),
        call_sure=float(rng.uniform(0.3, 1.0)) if callers else 0.0,
    )


def places_of(rows):
    return [[look.place for look in row] for row in rows]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 3))
def test_no_plan_of_doors_expects_less(seed, n, m):
    search = made(seed, n, m)
    plan = plan_search(search)
    best = min(worth(search, routes, ()) for routes in dealt(range(n), m))
    assert plan.optimal
    assert plan.expected_ms == pytest.approx(best)
    assert plan.expected_ms == pytest.approx(worth(search, places_of(plan.routes), ()))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 2))
def test_who_cannot_reach_a_place_is_not_sent_there(seed, n, m):
    search = made(seed, n, m, gaps=True)
    plan = plan_search(search)
    reached = [place for place in range(n) if (search.first_ms[:, place] < NEVER).any()]
    assert plan.unreached == tuple(place for place in range(n) if place not in reached)
    best = min(worth(search, routes, ()) for routes in dealt(reached, m))
    if np.isfinite(best) and reached and search.chance[reached].sum():
        assert plan.expected_ms == pytest.approx(best)


def test_telephone_and_door_at_once_are_near_the_best():
    excess = []
    for seed in range(60):
        search = made(seed, 4, 2, callers=1)
        plan = plan_search(search)
        phones = np.flatnonzero(search.call_ms >= 0).tolist()
        best = min(worth(search, r, c) for r in dealt(range(4), 2) for c in dealt(phones, 1))
        assert plan.expected_ms == pytest.approx(worth(search, places_of(plan.routes), places_of(plan.calls)))
        excess.append(plan.expected_ms / best - 1.0)
    assert min(excess) > -1e-9
    assert np.mean(excess) < 0.01
    assert np.mean(np.array(excess) < 1e-9) > 0.8


def test_exchanges_come_near_the_optimum(monkeypatch):
    excess = []
    for seed in range(30):
        search = made(seed, 9, 3)
        best = plan_search(search).expected_ms
        with monkeypatch.context() as patch:
            patch.setattr("engine.dispatch.search.planning.EXACT", 0)
            plan = plan_search(search)
        assert not plan.optimal
        assert plan.expected_ms >= best * (1 - 1e-9)
        excess.append(plan.expected_ms / best - 1.0)
    assert np.mean(excess) < 0.05


def test_many_places_are_all_looked_at_once():
    search = made(5, MOST_SEARCH_PLACES, 6, callers=2)
    plan = plan_search(search)
    assert sorted(chain(*places_of(plan.routes))) == list(range(MOST_SEARCH_PLACES))
    assert sorted(chain(*places_of(plan.calls))) == np.flatnonzero(search.call_ms >= 0).tolist()
    assert plan == plan_search(search)


def test_a_far_likely_place_may_come_before_a_near_unlikely_one():
    search = Search(
        chance=np.array([0.05, 0.9]),
        check_ms=np.array([600, 10]),
        first_ms=np.array([[10, 100]]),
        between_ms=np.array([[0, 100], [100, 0]]),
    )
    assert places_of(plan_search(search).routes) == [[1, 0]]


def test_nobody_to_send_still_telephones():
    search = Search(
        chance=np.array([0.2, 0.3]),
        check_ms=np.zeros(2, np.int64),
        first_ms=np.empty((0, 2), np.int64),
        between_ms=np.zeros((2, 2), np.int64),
        callers=1,
        call_ms=np.array([60, 60]),
        call_sure=0.5,
    )
    plan = plan_search(search)
    assert plan.routes == ()
    assert places_of(plan.calls) == [[1, 0]]
    assert plan.unreached == (0, 1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), st.integers(0, 5), st.floats(0.0, 1.0))
def test_not_here_is_bayes_rule(parts, place, sure):
    place %= len(parts)
    chance = np.array(parts) / max(sum(parts), 1.0)
    after = after_look(chance, place, sure)
    elsewhere = max(1.0 - chance.sum(), 0.0)
    left = chance.sum() - chance[place] * sure + elsewhere
    if left < 1e-9:
        return
    for other, p in enumerate(chance):
        assert after[other] == pytest.approx(p * ((1 - sure) if other == place else 1.0) / left, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chance": np.array([0.7, 0.7])}, "chance"),
        ({"chance": np.array([0.0, 0.0])}, "chance"),
        ({"chance": np.array([-0.1, 0.5])}, "chance"),
        ({"chance": np.array([np.nan, 0.5])}, "chance"),
        ({"check_ms": np.zeros(3, np.int64)}, "check_ms"),
        ({"between_ms": np.zeros((2, 3), np.int64)}, "between_ms"),
        ({"call_sure": 1.5}, "call_sure"),
        ({"callers": 100}, "seekers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change, field):
    search = made(1, 2, 1)
    fields = {name: getattr(search, name) for name in ("chance", "check_ms", "first_ms", "between_ms")} | change
    with pytest.raises(Refusal) as refused:
        Search(**fields)
    assert refused.value.field == field


def test_a_look_cannot_be_surer_than_sure():
    with pytest.raises(Refusal):
        after_look(np.array([0.5]), 0, 1.1)


def test_as_many_as_are_planned_exactly():
    assert plan_search(made(3, EXACT, 4)).optimal
    assert not plan_search(made(3, EXACT + 1, 4)).optimal
