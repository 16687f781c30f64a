"""``allpoints speeds learn``, as it is typed: from a log, from the record, and what it refuses."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine import AnswerOrder, Engine, Need, ReportAlert
from engine.cli.main import main
from engine.core.city_folder import load_city
from engine.journal.record import open_record
from geo_data.speed_table import SpeedTable
from tests.support.cities import NOW, SetClock, alert, place, station, unit
from tests.support.folders import grid_folder

COLUMNS = (
    *("Call Number", "Unit ID", "Call Type", "Received DtTm", "Entry DtTm", "Dispatch DtTm", "Response DtTm"),
    *("On Scene DtTm", "Transport DtTm", "Hospital DtTm", "Available DtTm", "Priority", "Unit Type", "Location"),
)


@pytest.fixture
def folder(tmp_path):
    units = [unit("E1", 0, 0, "patrol", station="S1"), unit("E2", 5, 4, "patrol", station="S2"), unit("E3", 1, 1)]
    stations = [station("S1", 0, 0), station("S2", 5, 4)]
    return grid_folder(tmp_path / "city", units=units, stations=stations, tokens=False)


@pytest.fixture
def log(tmp_path):
    """Write calls every hour for two and a half days, each taking a minute and twice the way at 30 km/h."""
    rng = np.random.default_rng(1)
    lines = [",".join(COLUMNS)]
    begins = datetime(2020, 4, 7, 3, 30, tzinfo=UTC)  # the log's own clock; its zone is the reader's business
    for number in range(60):
        at = begins + timedelta(hours=number)
        column, row = rng.integers(1, 5), rng.integers(1, 4)
        for name, kind, steps in (("E1", "ENGINE", column + row), ("E2", "TRUCK", 5 - column + 4 - row)):
            taken = timedelta(seconds=60 + int(steps) * 2 * 48)
            times = (at, at, at, at + timedelta(seconds=50), at + timedelta(seconds=50) + taken)
            shown = [time.strftime("%m/%d/%Y %I:%M:%S %p") for time in times]
            free = (at + timedelta(minutes=25)).strftime("%m/%d/%Y %I:%M:%S %p")
            lon, lat = place(column, row)
            lines.append(f'{number},{name},Alarms,{",".join(shown)},,,{free},3,{kind},"({lat:.6f}, {lon:.6f})"')
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_a_log_becomes_speeds_that_the_city_reads(folder, log, capsys):
    out = folder / "speeds.toml"
    assert main(["speeds", "learn", str(folder), "--log", str(log), "--out", str(out), "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert "Learned from 118 trips on 4 days" in said  # the first of each unit begins the log
    assert "2 not known to start at the station" in said
    assert "learned, by class and hour: median" in said
    written = out.read_text("utf-8")
    assert said.splitlines()[0] in written
    assert "畅通速度" in written
    table = SpeedTable.load(out)
    assert load_city(folder).speeds == table
    factors = table.hour_factors("emergency")
    assert factors[:, 11].mean() == pytest.approx(0.5, abs=0.06)
    assert table.emergency.fixed_s == pytest.approx(60, abs=20)
    assert table.normal == SpeedTable.shipped().normal


def test_only_a_kind_and_in_chinese(folder, log, tmp_path, capsys):
    asked = ["speeds", "--lang", "zh", "learn", str(folder), "--log", str(log), "--out", str(tmp_path / "s.toml")]
    assert main([*asked, "--folds", "2", "--kind", "truck", "--profile", "normal"]) == 0
    said = capsys.readouterr().out
    assert "59 趟行程" in said
    assert "其他类型警力 60" in said
    assert SpeedTable.load(tmp_path / "s.toml").emergency == SpeedTable.shipped().emergency


def test_the_record_counts_too(folder, log, tmp_path, capsys):
    (folder / "record").mkdir()
    journal, vault = open_record(folder / "record", create=True)
    clock = SetClock()
    engine = Engine(load_city(folder), journal=journal, clock=clock)
    reply = engine.submit(ReportAlert(actor="x", alert=alert(1, 3, 3, needs=(Need("patrol"),), at=NOW)))[0]
    for word in ("accept", "en_route", "on_scene"):
        clock.time += 60_000
        engine.submit(AnswerOrder(actor="device:x", key=word, order=reply.orders[0], version=1, answer=word))
    journal.close()
    vault.close()
    out = ["--out", str(tmp_path / "s.toml"), "--folds", "2"]
    assert main(["speeds", "learn", str(folder), "--record", *out]) == 2
    assert "trips: 1 is not taken (too_few_trips)" in capsys.readouterr().err
    assert main(["speeds", "learn", str(folder), "--log", str(log), "--record", *out]) == 0
    assert "119 trips on 5 days" in capsys.readouterr().out


def test_what_is_missing_or_there_already_is_refused_by_name(folder, log, tmp_path, capsys):
    out = tmp_path / "s.toml"
    asked = ["speeds", "learn", str(folder), "--out", str(out)]
    assert main(asked) == 2
    assert "--log, --record: 'neither'" in capsys.readouterr().err
    assert main([*asked, "--record"]) == 2
    assert "no_record" in capsys.readouterr().err
    assert main([*asked, "--log", str(log), "--folds", "1"]) == 2
    assert "--folds: 1" in capsys.readouterr().err
    assert main([*asked, "--log", str(log), "--seed", "-1"]) == 2
    assert "--seed: -1" in capsys.readouterr().err
    out.write_text("ours", "utf-8")
    assert main([*asked, "--log", str(log)]) == 2
    assert "exists" in capsys.readouterr().err
    assert out.read_text("utf-8") == "ours"
    assert main([*asked, "--log", str(log), "--folds", "2", "--force"]) == 0
    assert SpeedTable.load(out).hours
