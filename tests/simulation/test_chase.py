"""Pursuits played whole: at every second each terminal shows the one order that stands, and no seal leaks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cli.demo import cities, pursuit
from engine.cli.main import main
from engine.model import events as e
from engine.model import lookout_events as le
from engine.model.lifecycle import OrderState
from engine.simulation.fleeing import HASTE, RUN_MPS, Fleer
from geo_data.building import build_network
from tests.support.cities import NOW, grid_roads


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_no_seal_leaks_and_no_terminal_is_contradicted(seed):
    chase, journal = pursuit.prepare(cities.town(2_000, seed, 60.0), seed)
    chased = chase.run()
    assert chased.contradictions == []
    assert chased.leaks == []
    verified = [event.body.id for event in journal.read() if isinstance(event.body, le.SightingVerified)]
    modes = [chase.state.sightings[name].mode for name in verified]
    assert len(verified) >= 3
    assert modes == sorted(modes)  # the car first, then on foot
    held = [e.body for e in journal.read() if isinstance(e.body, le.ContainmentPlanned) and e.body.outcome == "held"]
    assert {plan.proposal.verdict for plan in held} == {"sealed"}
    assert chased.sealed
    assert chased.outcome in {"caught", "shut_in"}


def test_a_checkpoint_that_is_called_bars_its_road_and_catches_who_comes_by():
    """With two cars in all the town's own checkpoints, at its ways out, are what holds the roads."""
    scenario = cities.town(2_000, 4, 60.0)
    scenario = replace(scenario, plan=replace(scenario.plan, units=scenario.plan.units[:2]))
    chase, journal = pursuit.prepare(scenario, 4)
    chased = chase.run()
    assert chased.contradictions == []
    assert chased.leaks == []
    events = [event.body for event in journal.read()]
    calls = {
        its.order.id for its in events if isinstance(its, e.OrderProposed) and its.order.recipient_kind == "station"
    }
    barred = {its.order for its in events if isinstance(its, e.OrderAdvanced) and its.to is OrderState.ON_SCENE}
    assert len(calls & barred) == 3
    assert chase.state.stations[chased.caught_by].is_checkpoint


def test_a_chase_is_the_same_again():
    def played():
        chase, journal = pursuit.prepare(cities.town(2_000, 4, 60.0), 4)
        chase.run()
        return list(journal.read())

    assert played() == played()


def test_a_terminal_that_misses_a_cancellation_is_noticed():
    """The check itself: a table that is not the core's is a contradiction."""
    chase, _ = pursuit.prepare(cities.town(2_000, 4, 60.0), 4)
    for _ in range(40):
        chase.step()
    crew = next(crew for crew in chase.crews.values() if crew.shown)
    crew.shown["town-order-999"] = 1
    chase.step()
    assert (chase._clock.now(), crew.unit) in chase.chased.contradictions


def test_who_flees_drives_then_runs_on_streets_that_join_and_no_faster_than_can_be():
    network = build_network(grid_roads(12, 10))
    fleer = Fleer(network, seed=3, begins_at=NOW, leaves_car_at=NOW + 60_000, ends_at=NOW + 300_000)
    assert {leg.mode for leg in fleer.legs} == {"car", "foot"}
    for one, other in zip(fleer.legs, fleer.legs[1:], strict=False):
        assert one.ends_at == other.begins_at
        assert np.allclose(one.points[-1], other.points[0])
    assert fleer.at(NOW)[2] == "car"
    assert fleer.at(NOW + 200_000)[2] == "foot"
    assert min(HASTE) >= 1.0
    assert max(RUN_MPS) <= 6.0


def test_the_command_tells_counts_and_draws(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    words = ["demo", "--scenario", "pursuit", "--headless", "--json", "--seed", "4", "--out", str(tmp_path)]
    assert main(words) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["leaks"], found["contradictions"]) == (0, 0)
    assert found["plans"] >= found["sightings"]
    assert json.loads((tmp_path / "figures.json").read_text("utf-8")) == found
    assert (tmp_path / "pursuit.png").read_bytes()[:4] == b"\x89PNG"
    assert "town-sighting-1 is true: by car" in said.err
    assert main([*words, "--lang", "zh"]) == 0
    assert "核实:驾车" in capsys.readouterr().err


def test_on_a_real_map(data: Path, tmp_path: Path):
    path = data / "osm" / "manhattan_roads_2019.osm.pbf"
    if not path.is_file():
        pytest.skip(f"real data: {path} is not there")
    words = ["demo", "--scenario", "pursuit", "--headless", "--osm", str(path), "--out", str(tmp_path)]
    assert main(words) == 0
