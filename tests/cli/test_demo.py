"""The demonstration itself, short: what it prints, what it leaves, and that a killed server loses nothing."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from engine.cli.demo import cities
from engine.cli.demo.report import figures, read_result
from engine.cli.demo.server import ServerFailed, ServerProcess
from engine.cli.demo.stage import Stage
from engine.cli.demo.table import Board
from engine.cli.main import main
from engine.cli.new_city import write_city, write_credentials
from engine.simulation.patrol import Patrol
from engine.simulation.played import PlayedCall
from tests.support.orders import order_view

AGREED = [
    *("alerts", "unit_orders", "station_orders", "shortages", "served_share", "lost", "double_booked"),
    *("decide_p50_ms", "decide_p99_ms", "deliver_p50_ms", "deliver_p99_ms"),
    *("first_station_match", "first_station_calls"),
]


def play(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["demo", "--headless", "--json", *words]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    return json.loads(out)


def test_the_town_at_full_speed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("--nodes", "2000", "--minutes", "60", "--speed", "max", "--seed", "5", "--out", str(tmp_path))
    found = play(capsys, *words)
    assert list(found)[: len(AGREED)] == AGREED
    assert found["alerts"] == 12
    assert (found["lost"], found["double_booked"], found["refused"]) == (0, 0, 0)
    assert found["unit_orders"] >= found["alerts"]
    assert found["first_station_match"] is None
    assert found["first_station_calls"] is None
    assert json.loads((tmp_path / "figures.json").read_text("utf-8")) == found
    for name in ("map.png", "response_times.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_a_steady_pace_ends_by_itself_and_draws_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["demo", "--nodes", "2000", "--minutes", "20", "--speed", "2000", "--out", str(tmp_path)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    for word in ("delivered in", "lost · booked twice", "0 · 0", str(tmp_path / "map.png")):
        assert word in shown


def test_calls_of_a_file_on_a_map_and_one_in_the_sea(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: Path
) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text(
        "at,lon,lat,type,level\n2026-05-01T20:00:00Z,9.5209,47.1410,robbery,1\n2026-05-01T20:01:00Z,0,0,fire,1\n",
        "utf-8",
    )
    words = ("--osm", str(data / "osm" / "liechtenstein.osm.pbf"), "--calls", str(calls), "--speed", "max")
    found = play(capsys, *words, "--out", str(tmp_path))
    assert (found["alerts"], found["refused"], found["lost"]) == (1, 1, 0)


def test_an_hour_of_san_francisco(capsys: pytest.CaptureFixture[str], tmp_path: Path, data: Path) -> None:
    found = play(capsys, "--minutes", "60", "--speed", "max", "--out", str(tmp_path))
    assert found["city"] == "sf"
    assert found["alerts"] > 20
    assert (found["lost"], found["double_booked"]) == (0, 0)
    assert found["first_station_calls"] == 2_748
    assert found["first_station_match"] >= 0.80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--minutes", "0"], "--minutes"),
        (["--nodes", "3"], "--nodes"),
        (["--calls", "absent.csv"], "absent.csv"),
        (["--osm", "absent.osm.pbf"], "absent.osm.pbf"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.delenv("ALLPOINTS_DATA", raising=False)
    assert main(["demo", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "fast", "nan", "-1"])
def test_a_speed_is_max_or_a_number(speed: str) -> None:
    with pytest.raises(SystemExit):
        main(["demo", f"--speed={speed}"])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("who goes", "on scene", "no patrol free", "1 orders")),
        ("zh", ("派往", "已到场", "没有可派的“patrol”", "指令 1")),
    ],
)
def test_the_table_reads_in_either_language(language: str, words: tuple[str, ...]) -> None:
    board = Board("the town", "UTC", None, language)
    call = PlayedCall(id="1", at=0, type="robbery", level=1, lon=0.0, lat=0.0)
    order = order_view("town-order-1", incident="town-incident-1", eta_ms=60_000)
    board.reported(call, order.incident, ["patrol"])
    board.delivered(order, 1.5)
    board.answered(order.id, "on_scene", 0)
    screen = Console(width=160, file=io.StringIO())
    screen.print(board.draw())
    for word in words:
        assert word in screen.file.getvalue()


class Killer(Board):
    """Kills the server the moment an alert is accepted, and starts it again."""

    server: ServerProcess
    stage: Stage
    at_alert = 4

    def reported(self, call, incident, shortage):
        super().reported(call, incident, shortage)
        if self.alerts == self.at_alert:
            self.server.kill()
            self.restarting = asyncio.create_task(self.restart())

    async def restart(self):
        await self.server.gone()
        await self.server.start(self.stage.field.now)


def prepared(folder: Path, minutes: float = 40.0):
    scenario = cities.town(2_000, 3, minutes)
    write_city(folder, scenario.plan)
    with write_credentials(folder, scenario.plan.units, scenario.plan.stations).open(encoding="utf-8") as file:
        return scenario, {row["subject"]: row["credential"] for row in csv.DictReader(file)}


def test_a_server_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    """Every accepted alert is there, open orders come again, the terminals go on to the end."""
    scenario, tokens = prepared(tmp_path)
    board = Killer("kill", "UTC", None)

    async def perform():
        board.server = ServerProcess(tmp_path)
        board.stage = Stage(scenario, board.server, tokens, board, speed=0)
        try:
            async with board.stage as stage:
                played = await stage.play()
                await asyncio.sleep(0.3)
        finally:
            await board.server.stop()
        return stage, played

    stage, played = asyncio.run(perform())
    assert board.restarting.done()
    assert len(played.accepted) == len(scenario.calls) > Killer.at_alert
    result = read_result(tmp_path, stage.measured, played, None)
    assert result.audit.lost == ()
    assert result.audit.double_booked == ()
    found = figures(result)
    assert found["alerts"] == len(scenario.calls)
    stories = result.timeline.orders.items()
    ended = {name for name, story in stories if {"cleared", "replaced"} & set(story.at)}  # replaced: diverted
    assert ended == set(result.timeline.orders)  # orders of before and after the crash were all carried out
    assert all(not isinstance(crew, Patrol) or crew.order is None for crew in stage.field.crews.values())


def test_a_server_that_ends_by_itself_is_a_failure_in_words(tmp_path: Path) -> None:
    scenario, _ = prepared(tmp_path)
    (tmp_path / "roads.apn").write_bytes(b"broken")

    async def begin():
        server = ServerProcess(tmp_path)
        with pytest.raises(ServerFailed, match="ended with status 2"):
            await server.start(scenario.calls[0].at)

    asyncio.run(begin())
