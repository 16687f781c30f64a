"""The Hilbert order: each step goes to a neighbour."""

import numpy as np

from geo_data.building.ordering import hilbert_order


def test_on_a_full_grid_every_step_goes_to_a_neighbour():
    column, row = (part.ravel() for part in np.meshgrid(np.arange(32), np.arange(32)))
    order = hilbert_order(column / 1e3, row / 1e3)
    assert sorted(order.tolist()) == list(range(32 * 32))
    steps = np.abs(np.diff(column[order])) + np.abs(np.diff(row[order]))
    assert (steps == 1).all()


def test_nodes_on_one_spot_keep_their_order():
    assert hilbert_order(np.zeros(5), np.zeros(5)).tolist() == [0, 1, 2, 3, 4]
    assert hilbert_order(np.empty(0), np.empty(0)).tolist() == []
