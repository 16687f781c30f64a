"""The shadow recommendation on a grid: nearest at home, unless busy."""

from dataclasses import dataclass

from engine.dispatch.policies import Policies
from engine.review.first_station import recommend_each
from tests.support.cities import city, place, unit


@dataclass(frozen=True)
class Asked:
    entered_at: int
    lon: float
    lat: float


UNITS = (unit("E1", 0, 0, "engine"), unit("E2", 5, 0, "engine"), unit("M1", 2, 0, "medic"))
BUSY = {"E1": (100, 200), "E2": (150, 300)}


def busy(name, at):
    begins, ends = BUSY[name]
    return begins < at <= ends


def recommended(*instants):
    where = city(policies=Policies(stale_position_ms=0))
    engines = UNITS[:2]
    asked = [Asked(at, *place(1, 0)) for at in instants]
    return list(recommend_each(where, engines, "engine", asked, busy))


def test_the_nearest_that_is_not_busy_just_before_is_sent():
    assert recommended(50, 101, 151, 201, 301) == ["E1", "E2", None, "E1", "E1"]
