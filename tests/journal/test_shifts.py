"""Shifts are stored with service numbers, and nobody's name."""

from dataclasses import replace

from engine import Engine, Tick
from tests.journal.samples import AT
from tests.support.cities import SetClock, city, unit
from tests.support.rosters import duty, officer, roster


def test_shifts_are_stored_read_back_and_name_nobody(desk):
    people = (officer("0101", rank="constable"), replace(officer("0102"), name="Wang Wu"))
    lines = (duty("0101", "P1", 8, 20), duty("0102", "P1", 8, 20))
    clock, the_city = SetClock(AT), city([unit("P1", 1, 0)], roster=roster(*lines, officers=people))
    engine = Engine(the_city, journal=desk.journal, clock=clock)
    assert engine.state.kept.crews["P1"].officers == ("0101", "0102")
    clock.time = engine.next_deadline()
    engine.submit(Tick(actor="system"))
    assert engine.state.unit_status["P1"] == "off_duty"
    desk.reopen()
    assert Engine(the_city, journal=desk.journal, clock=clock).snapshot() == engine.snapshot()
    assert desk.journal.verify().ok
    raw = b"".join(path.read_bytes() for path in desk.folder.iterdir() if path.is_file())
    assert b"0101" in raw
    assert b"Wang Wu" not in raw
