"""Loss of cover against MEXCLP's objective itself, with the unit and without."""

import numpy as np
import pytest

from engine.dispatch.cover import MOST_CELLS, PRIOR_CALLS, Cover, Demand, priced
from engine.dispatch.force import Force
from engine.fleet import Fleet
from engine.model.entities import Unit
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus
from engine.travel import TravelTimes
from geo_data.cells import cell_of
from geo_data.snapping import Snapper
from geo_data.speeds import NEVER, travel_ms
from geo_data.town import make_town

TOWN = make_town(3_000, 4).network()
ARC_MS = travel_ms(TOWN, "emergency")
TIMES = TravelTimes(TOWN, ARC_MS)
STANDARD_MS, BUSY = 180_000, 0.3


def force_of(units, seed=1, fixed_ms=0):
    rng = np.random.default_rng(seed)
    fleet = Fleet(TOWN, ARC_MS, Snapper(TOWN))
    nodes = rng.integers(0, TOWN.n_nodes, units)
    fleet.add(
        [
            Unit(
                id=UnitId(f"u{i}"),
                name=f"u{i}",
                capabilities=("patrol", "traffic") if i % 3 == 0 else ("patrol",),
                lon=float(TOWN.node_lon[node]),
                lat=float(TOWN.node_lat[node]),
                turnout_ms=int(rng.integers(0, 3)) * 20_000,
            )
            for i, node in enumerate(nodes)
        ],
        0,
    )
    return Force(times=TIMES, fleet=fleet, posts=fleet, stations=(), claims={}, fixed_ms=fixed_ms)


@pytest.fixture(scope="module")
def demand():
    return Demand(TOWN, ARC_MS, 8)


def covered(demand, force, rows):
    """MEXCLP's objective, cell by cell and unit by unit."""
    total = 0.0
    for i, share in enumerate(demand.share):
        n = 0
        for row in rows:
            centre = demand.centre[demand.cell_of_arc[force.fleet.arc[row]]]
            way = TIMES.matrix([centre], [0.0], [demand.centre[i]], [0.0])[0, 0]
            n += way + int(force.fleet.turnout_ms[row]) + force.fixed_ms <= STANDARD_MS
        total += share * (1.0 - BUSY**n)
    return total


@pytest.mark.parametrize("fixed_ms", [0, 30_000])
def test_a_loss_is_the_difference_of_the_objective_with_and_without_the_unit(demand, fixed_ms):
    force = force_of(6, fixed_ms=fixed_ms)
    losses = Cover(demand, TIMES, STANDARD_MS, BUSY).losses(force, "patrol", 0)
    every = list(range(6))
    whole = covered(demand, force, every)
    for row in every:
        without = covered(demand, force, [other for other in every if other != row])
        assert losses[row] == pytest.approx(whole - without, abs=1e-12)
    assert losses.max() > 0


def test_only_those_count_who_are_able_ready_and_seen(demand):
    force = force_of(9)
    cover = Cover(demand, TIMES, STANDARD_MS, BUSY)
    assert np.flatnonzero(cover.losses(force, "traffic", 0)).tolist() == [0, 3, 6]
    before = cover.losses(force, "traffic", 0)
    force.fleet.set_status(3, UnitStatus.BUSY)
    after = cover.losses(force, "traffic", 0)
    assert after[3] == 0
    assert (after[[0, 6]] >= before[[0, 6]]).all()
    assert not cover.losses(force, "traffic", 1).any()
    assert not cover.losses(force, "boat", 0).any()


def test_calls_move_the_shares_away_from_the_roads(demand):
    fresh = Demand(TOWN, ARC_MS, 8)
    assert fresh.share.sum() == pytest.approx(1.0)
    lon, lat = float(TOWN.node_lon[0]), float(TOWN.node_lat[0])
    at = int(np.searchsorted(fresh.cells, np.uint64(cell_of(lon, lat, 8))))
    before = fresh.share[at]
    fresh.count([lon] * 300, [lat] * 300)
    assert fresh.share[at] == pytest.approx((300 + PRIOR_CALLS * before) / (300 + PRIOR_CALLS))
    fresh.count([0.0], [0.0])
    assert fresh.share.sum() == pytest.approx(1.0)


def test_every_cell_has_a_centre_of_its_own_that_can_be_passed(demand):
    assert demand.cell_of_arc[demand.centre].tolist() == list(range(len(demand.cells)))
    assert (ARC_MS[demand.centre] < NEVER).all()


def test_a_grid_with_too_many_cells_becomes_coarser(monkeypatch):
    monkeypatch.setattr("engine.dispatch.cover.MOST_CELLS", 4)
    coarse = Demand(TOWN, ARC_MS, 9)
    assert len(coarse.cells) <= 4 < MOST_CELLS
    assert coarse.resolution < 9


def test_a_price_is_time_within_the_window_and_nothing_after_it():
    order, cost = priced(np.array([10, 20, 40, 90]), np.array([0.4, 0.1, 0.2, 0.0]), 0.4, 50)
    assert order.tolist() == [1, 2, 0, 3]
    assert cost.tolist() == [20, 30, 50, 90]
    order, cost = priced(np.array([10, 20]), np.zeros(2), 0.0, 50)
    assert (order.tolist(), cost.tolist()) == ([0, 1], [10, 20])
