"""The fleet's columns and lists against a plain model, step by step, and what is refused or counted."""

import h3
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.fleet import NEVER_FIXED, READY, STATUS_CODE, Fleet, Reason, warm
from engine.fleet.kernels import fill_cells, find_in_cells, link_all, move_units
from engine.model.entities import Unit
from engine.model.errors import Refusal
from engine.model.lifecycle import UnitStatus
from engine.travel import TravelTimes
from geo_data.snapping import OffRoad, Snapper
from geo_data.speeds import NEVER, travel_ms
from tests.support.crew import Crew, passed
from tests.support.networks import LAT, LON, Street, degrees, network, random_network

ROADS = random_network(11, nodes=20, streets=40, size_m=3000)
SNAPPER = Snapper(ROADS)
MS = travel_ms(ROADS)


def unit(name, x=0.0, y=0.0, **more):
    lon, lat = (float(v) for v in degrees(x, y))
    return Unit(id=name, name=name, capabilities=more.pop("capabilities", ("patrol",)), lon=lon, lat=lat, **more)


def a_fleet(**more):
    return Fleet(ROADS, MS, SNAPPER, **more)


def entries_by_node(fleet):
    """Walk all lists both ways; return the entries at each node that has any."""
    found = {}
    for node in np.flatnonzero(fleet.first_at_node >= 0).tolist():
        entry, before, here = int(fleet.first_at_node[node]), -1, []
        while entry >= 0:
            assert int(fleet._previous_entry[entry]) == before
            here.append(entry)
            before, entry = entry, int(fleet.next_entry[entry])
        found[node] = sorted(here)
    return found


class FleetMachine(RuleBasedStateMachine):
    """Positions, statuses and closures in any order."""

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed):
        self.fleet, self.ms, self.model, self.now = a_fleet(), MS, {}, 1_000
        self.status = {}
        self.add(3)
        self.rng = np.random.default_rng(seed)

    @rule(count=st.integers(1, 40))
    def add(self, count):
        first = len(self.fleet)
        units = [unit(f"U{first + i}", 70.0 * i, 40.0 * i, on_duty=i % 3 > 0, turnout_ms=i) for i in range(count)]
        moves = self.fleet.add(units, self.now)
        for one, reason in zip(units, moves.reason, strict=True):
            self.status[one.id] = UnitStatus.AVAILABLE if one.on_duty else UnitStatus.OFF_DUTY
            taken = reason == Reason.TAKEN
            self.model[one.id] = (one.lon, one.lat, self.now, False, None) if taken else None

    @rule(picks=st.lists(st.integers(0, 10_000), max_size=30), age=st.integers(0, 40), wild=st.booleans())
    def move(self, picks, age, wild):
        self.now += 20
        rows = np.array([p % len(self.fleet) for p in picks], np.int64)
        lon, lat = degrees(*self.rng.uniform(-900 if wild else 0, 3900 if wild else 3000, (2, len(rows))))
        heading = np.where(self.rng.random(len(rows)) < 0.5, np.nan, self.rng.uniform(0, 360, len(rows)))
        at = self.now - self.rng.integers(0, age + 1, len(rows))
        last = {row: int(self.fleet.arc[row]) for row in rows.tolist()}
        moves = self.fleet.move(rows, lon, lat, at, heading)
        for i, row in enumerate(rows.tolist()):
            name = self.fleet.ids[row]
            known = self.model[name]
            if known and at[i] < known[2]:
                assert moves.reason[i] == Reason.OLDER
                continue
            try:
                deg = None if np.isnan(heading[i]) else float(heading[i])
                snap = SNAPPER.snap(float(lon[i]), float(lat[i]), heading_deg=deg, last_arc=last[row])
            except OffRoad:
                assert moves.reason[i] == Reason.OFF_ROAD
                assert moves.distance_m[i] == np.inf
                continue
            assert moves.reason[i] == Reason.TAKEN
            assert moves.distance_m[i] == pytest.approx(snap.distance_m, abs=1e-9)
            last[row] = snap.arc
            self.model[name] = (lon[i], lat[i], int(at[i]), True, snap)

    @rule(pick=st.integers(0, 10_000), status=st.sampled_from(list(UnitStatus)))
    def set_status(self, pick, status):
        row = pick % len(self.fleet)
        self.fleet.set_status(row, status)
        self.status[self.fleet.ids[row]] = status

    @rule(seed=st.integers(0, 100))
    def close_streets(self, seed):
        self.ms = MS.copy()
        self.ms[np.random.default_rng(seed).random(len(MS)) < 0.3] = NEVER
        self.fleet.reweigh(self.ms)

    @invariant()
    def a_copy_of_some_is_as_if_there_were_nobody_else(self):
        rows = list(range(len(self.fleet) - 1, -1, -3))
        some, whole = self.fleet.only(rows), entries_by_node(self.fleet)
        found = {}
        for node in np.flatnonzero(some.first_at_node >= 0).tolist():
            entry, here = int(some.first_at_node[node]), []
            while entry >= 0:
                here.append(2 * rows[entry // 2] + entry % 2)
                assert some.entry_ms[entry] == self.fleet.entry_ms[here[-1]]
                entry = int(some.next_entry[entry])
            found[node] = sorted(here)
        kept = {node: [entry for entry in its if entry // 2 in rows] for node, its in whole.items()}
        assert found == {node: its for node, its in kept.items() if its}
        assert [some.index(self.fleet.ids[row]) for row in rows] == list(range(len(rows)))
        assert some.bits.tolist() == self.fleet.bits[rows].tolist()

    @invariant()
    def columns_are_the_model(self):
        fleet = self.fleet
        for row, name in enumerate(fleet.ids):
            known = self.model[name]
            assert fleet.index(name) == row
            assert fleet.status[row] == STATUS_CODE[self.status[name]]
            assert bool(int(fleet.bits[row]) & READY) == (self.status[name] == UnitStatus.AVAILABLE)
            if known is None:
                assert (fleet.arc[row], fleet.fixed_at[row]) == (-1, NEVER_FIXED)
                continue
            lon, lat, at, reported, snap = known
            assert (fleet.lon[row], fleet.lat[row], fleet.fixed_at[row], fleet.reported[row]) == (
                lon,
                lat,
                at,
                reported,
            )
            assert int(fleet.cell[row]) == h3.str_to_int(h3.latlng_to_cell(lat, lon, 9))
            if snap is not None:
                assert (fleet.arc[row], fleet.fraction[row]) == (snap.arc, pytest.approx(snap.fraction, abs=1e-12))

    @invariant()
    def lists_by_node_hold_every_open_end_once(self):
        want = {}
        for row in range(len(self.fleet)):
            arc, fraction = int(self.fleet.arc[row]), float(self.fleet.fraction[row])
            for side, (on, at) in enumerate(((arc, fraction), (int(ROADS.arc_reverse[arc]), 1 - fraction))):
                if arc >= 0 and on >= 0 and self.ms[on] < NEVER:
                    want.setdefault(int(ROADS.arc_head[on]), []).append(2 * row + side)
                    assert self.fleet.entry_ms[2 * row + side] == self.ms[on] - passed(self.ms[on], at)
        assert entries_by_node(self.fleet) == {node: sorted(entries) for node, entries in want.items()}

    @invariant()
    def cells_hold_everybody_once(self):
        cells = self.fleet.cell
        for cell in np.unique(cells[cells > 0])[:5]:
            assert self.fleet.in_cells([cell]).tolist() == np.flatnonzero(cells == cell).tolist()
        everywhere = self.fleet.in_cells(np.concatenate((cells, np.array([1, 2], np.uint64))))
        assert everywhere.tolist() == np.flatnonzero(cells > 0).tolist()

    @invariant()
    def travel_times_find_the_same_as_over_columns_laid_by_hand(self):
        fleet = self.fleet
        places = list(zip(fleet.arc.tolist(), fleet.fraction.tolist(), strict=True))
        crew = Crew(ROADS, self.ms, places, bits=fleet.bits, turnout_ms=fleet.turnout_ms, fixed_at=fleet.fixed_at)
        times = TravelTimes(ROADS, self.ms)
        for riders in (fleet, fleet.frozen()):
            got = times.nearest(3, 0.25, riders, READY, 4, self.now - 30)
            want = times.nearest(3, 0.25, crew, READY, 4, self.now - 30)
            assert (got.unit.tolist(), got.eta_ms.tolist()) == (want.unit.tolist(), want.eta_ms.tolist())


TestFleetMachine = FleetMachine.TestCase
TestFleetMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_capabilities_are_bits_and_what_nobody_has_is_met_by_nobody():
    fleet = a_fleet()
    fleet.add([unit("A", capabilities=("engine", "rescue")), unit("B", capabilities=("engine",))], 5)
    both, engine = fleet.capability_mask(("engine", "rescue")), fleet.capability_mask(("engine",))
    assert [int(b) & both == both for b in fleet.bits] == [True, False]
    assert [int(b) & engine == engine for b in fleet.bits] == [True, True]
    nobody = fleet.capability_mask(("helicopter",))
    assert [int(b) & nobody == nobody for b in fleet.bits] == [False, False]
    assert fleet.capabilities(0) == ("engine", "rescue")
    assert fleet.capability_mask(()) == 0


def test_adding_a_known_unit_again_changes_what_it_can_do_and_not_where_it_is():
    fleet = a_fleet()
    fleet.add([unit("A", 100, 100)], 5)
    lon, lat = (float(v) for v in degrees(1500, 1500))
    fleet.move([0], [lon], [lat], [50])
    fleet.set_status(0, UnitStatus.BUSY)
    fleet.add([unit("B", 0, 0), unit("A", 0, 0, capabilities=("boat",), turnout_ms=9)], 60)
    assert (fleet.ids, fleet.index("A"), "A" in fleet, "C" in fleet) == (["A", "B"], 0, True, False)
    assert (fleet.lon[0], fleet.fixed_at[0], fleet.turnout_ms[0]) == (lon, 50, 9)
    assert fleet.capabilities(0) == ("boat",)
    assert not int(fleet.bits[0]) & READY


def test_every_position_that_is_not_taken_has_its_reason_and_is_counted():
    fleet = a_fleet()
    fleet.add([unit("A", 100, 100)], 1_000)
    lon, lat = (float(v) for v in degrees(200, 200))
    before = fleet.lon[0], fleet.arc[0], fleet.fixed_at[0]
    moves = fleet.move(
        [0, 0, 0, 0, 0, 7, -1],
        [lon, lon + 1, np.nan, lon, lon, lon, lon],
        [lat, lat, lat, np.inf, lat, lat, lat],
        [999, 2_000, 2_000, 2_000, 9_000, 2_000, 2_000],
        latest_at=5_000,
    )
    assert [Reason(r).name for r in moves.reason] == [
        "OLDER", "OFF_ROAD", "NOT_A_POSITION", "NOT_A_POSITION", "FUTURE", "UNKNOWN_ROW", "UNKNOWN_ROW",
    ]  # fmt: skip
    assert (fleet.lon[0], fleet.arc[0], fleet.fixed_at[0]) == before
    assert fleet.counts == {
        "taken": 0, "older": 1, "off_road": 1, "not_a_position": 2, "future": 1, "unknown_row": 2,
    }  # fmt: skip
    fleet.move([0], [lon], [lat], [1_000])
    assert fleet.counts["taken"] == 1


def test_a_unit_that_starts_off_the_roads_is_kept_with_no_place():
    fleet = a_fleet()
    moves = fleet.add([unit("A", 100, 100), unit("B", 90_000, 0)], 1_000)
    assert moves.reason.tolist() == [Reason.TAKEN, Reason.OFF_ROAD]
    assert fleet.arc[1] == -1
    ranking = TravelTimes(ROADS, MS).nearest(0, 0.5, fleet, 0, 9, -(1 << 62))
    assert ranking.unit.tolist() == [0]


def test_a_checkpoint_brings_back_positions_at_their_true_age():
    fleet = a_fleet()
    fleet.add([unit(f"U{i}", 50 * i, 60 * i) for i in range(9)], 1_000)
    lon, lat = degrees(np.arange(300, 900, 100.0), np.arange(300, 900, 100.0))
    fleet.move(np.arange(6), lon, lat, np.arange(6) + 2_000, np.arange(6) * 60.0)
    content = fleet.checkpoint()
    other = a_fleet()
    other.add([unit(f"U{i}", 50 * i, 60 * i) for i in (8, 3, 4, 5)], 7_000_000)  # later than every position
    assert other.restore(content) == 3
    for name in ("U3", "U4", "U5"):
        mine, theirs = other.index(name), fleet.index(name)
        assert other.fixed_at[mine] == fleet.fixed_at[theirs]
        assert (other.lon[mine], other.lat[mine]) == (fleet.lon[theirs], fleet.lat[theirs])
        assert other.reported[mine]
    assert other.fixed_at[other.index("U8")] == 7_000_000
    other.move([other.index("U3")], [lon[0]], [lat[0]], [9_000_000])
    assert other.restore(content) == 2  # what was sent since is younger


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda c: c[:-5], "checkpoint"),
        (lambda c: b"", "checkpoint"),
        (lambda c: c + b"x", "checkpoint"),
        (lambda c: b"\x07", "checkpoint.v"),
        (lambda c: c.replace(b"\xa1v\x01", b"\xa1v\x02"), "checkpoint.v"),
        (lambda c: c.replace(b"\xa3ids", b"\xa3idz"), "checkpoint.ids"),
        (lambda c: c.replace(b"\xa3lat", b"\xa3lax"), "checkpoint.lat"),
    ],
)
def test_a_broken_checkpoint_is_refused_and_changes_nothing(spoil, field):
    fleet = a_fleet()
    fleet.add([unit("A", 100, 100)], 1_000)
    lon, lat = (float(v) for v in degrees(200, 200))
    fleet.move([0], [lon], [lat], [2_000])
    content = fleet.checkpoint()
    before = fleet.fixed_at.copy()
    with pytest.raises(Refusal) as error:
        fleet.restore(spoil(content))
    assert (error.value.code, error.value.field) == ("bad_checkpoint", field)
    assert np.array_equal(fleet.fixed_at, before)


def test_what_does_not_fit_is_refused_by_name_and_changes_nothing():
    fleet = a_fleet(capacity=2)
    many = tuple(f"c{i}" for i in range(63))
    for units, field in (
        ([unit("A", capabilities=many)], "units.capabilities"),
        ([unit("A"), unit("B"), unit("C")], "units"),
        ([unit("A", turnout_ms=-1)], r"units\[0\].turnout_ms"),
    ):
        with pytest.raises(Refusal, match=field):
            fleet.add(units, 0)
    assert len(fleet) == 0
    fleet.add([unit("A", capabilities=many[:62])], 0)
    assert len(fleet.capabilities(0)) == 62
    with pytest.raises(Refusal, match="unit"):
        fleet.index("Z")
    with pytest.raises(Refusal, match="arc_ms"):
        fleet.reweigh(MS[:-1])


def test_the_table_of_cells_outlives_a_long_drive():
    roads = network([(0, 0), (200_000, 0)], [Street(0, 1)])
    fleet = Fleet(roads, travel_ms(roads), Snapper(roads))
    fleet.add([unit("A", 10, 0), unit("B", 20, 0)], 0)
    for step in range(0, 190_000, 400):
        lon, lat = degrees(np.array([step, step + 100.0]), 0)
        assert not fleet.move([0, 1], lon, np.full(2, lat), [step, step]).reason.any()
        assert set(fleet.in_cells(fleet.cell).tolist()) == {0, 1}
    assert fleet.cell[0] != h3.str_to_int(h3.latlng_to_cell(LAT, LON, 9))


def test_warming_compiles_every_kernel_without_data():
    warm()
    assert all(kernel.signatures for kernel in (link_all, fill_cells, move_units, find_in_cells))
