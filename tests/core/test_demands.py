"""However demands come, change and go, each way to find them gives what going through all of them gives."""

import random

import msgspec

from engine.core.demands import Demands
from engine.core.state import Demand, Kept, State


def drawn(chance, number, old=None):
    choice = chance.choice
    fields = {
        "order": choice((None, None, "o-1", "o-2")),
        "station": choice((None, None, "s-1", "s-2")),
        "incident": choice(("i-1", "i-2", "i-3")),
        "unmet": choice((False, True)),
    }
    if old is not None:
        return msgspec.structs.replace(old, **fields)
    return Demand(id=f"g-demand-{number}", capability="patrol", level=2, **fields)


def check(demands):
    every = list(demands.values())
    for name in ("i-1", "i-2", "i-3", "none"):
        assert demands.of_incident(name) == [its for its in every if its.incident == name]
    for name in ("o-1", "o-2", "none"):
        assert demands.of_unit_order(name) == [its for its in every if its.order == name]
    for name in ("s-1", "s-2", "none"):
        assert demands.of_station_order(name) == [its for its in every if its.station == name]
    assert demands.without_unit() == [its for its in every if its.order is None]


def test_each_way_finds_what_going_through_all_finds():
    for seed in range(20):
        chance, demands, number = random.Random(seed), Demands(), 0
        for _ in range(200):
            known = list(demands)
            what = chance.randrange(4)
            if what < 2 or not known:
                number += 1
                demands[f"g-demand-{number}"] = drawn(chance, number)
            elif what == 2:
                name = chance.choice(known)
                demands[name] = drawn(chance, 0, demands[name])
            elif chance.random() < 0.5:
                gone = chance.choice(known)
                assert demands.pop(gone).id == gone
            else:
                del demands[chance.choice(known)]
            check(demands)
        assert demands.pop("none", None) is None


def test_a_snapshot_holds_them_and_gives_them_back_with_every_way_to_find_them():
    state = State(Kept())
    chance = random.Random(1)
    for number in range(1, 40):
        state.demands[f"g-demand-{number}"] = drawn(chance, number)
    restored = State.restored(state.snapshot())
    assert restored.demands == state.demands
    check(restored.demands)
