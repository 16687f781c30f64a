"""Simulated time."""

from engine.simulation.clock import Pace


def test_a_pace_of_sixty_waits_one_real_second_for_a_minute() -> None:
    pace = Pace(begins_at=1_000_000, speed=60)
    assert pace.wait_s(1_060_000, elapsed_s=0.25) == 0.75
    assert pace.wait_s(1_060_000, elapsed_s=2) == 0
    assert pace.now(elapsed_s=0.5) == 1_030_000


def test_without_a_pace_nobody_waits() -> None:
    assert Pace(begins_at=0, speed=0).wait_s(10**12, 0) == 0
