"""A patrol's map over a real network of the house."""

import pytest

from engine.simulation.drive import Drive
from engine.simulation.navigator import RoadNavigator
from geo_data.snapping import OffRoad
from tests.support.cities import city, place


def test_the_way_follows_the_grid_at_its_speed():
    way = RoadNavigator(city()).way(*place(0, 0), *place(3, 2))
    drive = Drive(way, 0)
    assert way.points[0] == pytest.approx(place(0, 0))
    assert way.points[-1] == pytest.approx(place(3, 2))
    assert drive.length_m / (way.travel_ms / 1000) == pytest.approx(30 / 3.6, rel=0.01)  # no diagonal: street by street


def test_a_place_in_the_sea_has_no_way():
    with pytest.raises(OffRoad):
        RoadNavigator(city()).way(*place(0, 0), 0.0, 0.0)
