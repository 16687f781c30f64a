"""``allpoints journal``, as it is typed, over the record of a city."""

import sqlite3

import msgspec
import pytest

from engine import Engine, Need, ReportAlert
from engine.cli.main import main
from engine.core.city_folder import load_city
from engine.journal.record import open_record
from engine.model.events import Event
from tests.support.cities import NOW, SetClock, alert
from tests.support.folders import grid_folder


@pytest.fixture
def folder(tmp_path):
    folder = grid_folder(tmp_path / "city", tokens=False)
    (folder / "record").mkdir()
    journal, vault = open_record(folder / "record", create=True)
    engine = Engine(load_city(folder), journal=journal, clock=SetClock())
    for number in range(3):
        engine.submit(ReportAlert(actor="x", alert=alert(number, number, 1, needs=(Need("patrol"),), at=NOW)))
    journal.close()
    vault.close()
    return folder


def test_a_record_holds_and_its_head_is_signed_at_another_place(folder, tmp_path, capsys):
    heads = tmp_path / "heads.jsonl"
    assert main(["journal", "head", str(folder), str(heads)]) == 0
    assert main(["journal", "verify", str(folder), "--heads", str(heads)]) == 0
    assert "1 signed heads hold" in capsys.readouterr().out
    assert main(["journal", "--lang", "zh", "verify", str(folder)]) == 0
    assert "逐条校验" in capsys.readouterr().out


def test_a_changed_record_is_found(folder, capsys):
    with sqlite3.connect(folder / "record" / "journal.sqlite") as base:
        (table,) = (
            name
            for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if any(column[1] == "body" for column in base.execute(f"PRAGMA table_info({name})"))
        )
        base.execute(
            f"UPDATE {table} SET body = replace(body, '\"level\":1', '\"level\":4') WHERE kind = 'incident_opened'"
        )
    base.close()
    assert main(["journal", "verify", str(folder)]) == 1
    assert "! " in capsys.readouterr().out


def test_every_decision_is_solved_again_from_its_tables(folder, capsys):
    assert main(["journal", "verify", str(folder), "--decisions"]) == 0
    assert "3 the same, 0 differ" in capsys.readouterr().out
    journal, vault = open_record(folder / "record")
    first = next(event.body for event in journal.read() if event.kind == "recommended")
    was = first.recommendation
    worse = msgspec.structs.replace(was, chosen=was.others[0], others=(was.chosen,), decision=99, excluded=())
    body = msgspec.structs.replace(first, recommendation=worse)
    last = list(journal.read())[-1]
    journal.append([Event(last.seq + 1, last.at, "system", body)])
    journal.close()
    vault.close()
    assert main(["journal", "--lang", "zh", "verify", str(folder), "--decisions"]) == 1
    assert f"! {first.demand}:记录为 {was.others[0].recipient},按建议表应为 {was.chosen.recipient}" in (
        capsys.readouterr().out
    )


def test_what_names_a_person_is_erased_for_good_and_the_chain_holds(folder, capsys):
    assert main(["journal", "erase", str(folder), "grid-alert-2", "grid-alert-9"]) == 0
    assert "1 of 2" in capsys.readouterr().out
    assert main(["journal", "verify", str(folder)]) == 0
    journal, vault = open_record(folder / "record")
    engine = Engine(load_city(folder), journal=journal, clock=SetClock())
    said = [engine.details(incident).caller for incident in engine.state.incidents]
    journal.close()
    vault.close()
    assert said == ["Wang", "", "Wang"]


def test_a_folder_without_a_record_is_named(tmp_path, capsys):
    assert main(["journal", "verify", str(tmp_path)]) == 2
    assert "no_record" in capsys.readouterr().err
