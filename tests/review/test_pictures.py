"""Pictures: they are written, show what they should, and name whose map it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from engine.review.pictures import credit_of, draw_map, draw_response_times
from engine.review.timeline import read_timeline
from geo_data.building import build_network
from tests.support.cities import grid_roads


def network(attribution: str = "© OpenStreetMap contributors"):
    roads = grid_roads()
    roads.attribution, roads.licence = attribution, "ODbL-1.0"
    return build_network(roads)


def test_a_map_of_openstreetmap_says_so() -> None:
    assert credit_of(network()) == "© OpenStreetMap contributors · ODbL-1.0"


@pytest.mark.parametrize("told", [True, False])
def test_pictures_are_written_even_of_nothing(tmp_path: Path, finished: Any, story: Any, told: bool) -> None:
    timeline = read_timeline(finished().events if told else story.events)
    draw_map(tmp_path / "map.png", network(), timeline, "Grid")
    draw_response_times(tmp_path / "times.png", timeline, "Asia/Shanghai", "Grid")
    for name in ("map.png", "times.png"):
        picture = imread(tmp_path / name)
        assert picture.shape[0] > 500
        assert np.mean(picture[..., :3] < 0.95) > 0.001  # something stands on the white
