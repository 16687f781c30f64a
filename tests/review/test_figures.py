"""Figures against plain definitions."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.review.figures import Spread, percentile, response_figures, response_minutes
from engine.review.timeline import read_timeline


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= round(share * len(values), 9)
    assert all(
        sum(value <= lower for value in values) < share * len(values) + 1e-9 for lower in values if lower < found
    )


def test_without_values_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None
    assert Spread.of([None]) == Spread(0, None, None)


def test_figures_of_a_story(finished: Callable[[], Any]) -> None:
    timeline = read_timeline(finished().events)
    figures = response_figures(timeline)
    assert figures.turnout == Spread(2, 70.0, 70.0)
    assert figures.travel == Spread(2, 240.0, 240.0)
    assert figures.response == Spread(2, 310.0, 310.0)
    assert figures.eta_error == Spread(2, 10.0, 10.0)
    assert response_figures(timeline, level=1).response.count == 1
    assert response_minutes(timeline) == {1: [310 / 60], 2: [310 / 60]}
