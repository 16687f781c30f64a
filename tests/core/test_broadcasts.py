"""One text to many: to whom it goes, once each over any restart, and how far it has come."""

import msgspec
import pytest

from engine.core.broadcasting import AT_A_TIME
from engine.core.city import Jurisdiction
from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.core.state import State
from engine.model.broadcasts import ReadBroadcast, SendBroadcast
from engine.model.commands import AcknowledgeMail, SetUnitStatus, Tick
from engine.model.entities import PositionFix
from engine.model.lifecycle import UnitStatus
from engine.model.limits import MOST_BROADCASTS
from tests.support.cities import NOW, SetClock, city, place, station, unit

WORDS = "Look out for Zhang San, grey car"
UNITS = (unit("u1", 0, 0), unit("u2", 3, 0), unit("u3", 5, 4, "traffic"), unit("off", 1, 1, on_duty=False))
STATIONS = (station("s1", 0, 0), station("s2", 5, 4))
WEST = (((112.99, 36.49), (113.009, 36.49), (113.009, 36.52), (112.99, 36.52), (112.99, 36.49)),)
AREAS = (Jurisdiction("west", "s2", (WEST,)),)


class Room:
    def __init__(self, units=UNITS, journal=None, **more):
        self.clock = SetClock()
        self.journal = journal or VolatileJournal()
        more.setdefault("stations", STATIONS)
        self.city = city(units, more.pop("stations"), **more)
        self.engine = Engine(self.city, clock=self.clock, journal=self.journal)

    def submit(self, command, refused=""):
        reply = self.engine.submit(command)[0]
        assert (reply.refusal.code if reply.refusal else "") == refused, reply.refusal
        return reply

    def send(self, key="k", refused="", **more):
        said = {"text": WORDS, "to": "all", **more}
        return self.submit(SendBroadcast(actor="user:li", key=key, **said), refused)

    def tick(self, ms=1):
        self.clock.time += ms
        self.submit(Tick(actor="system"))

    def got(self):
        boxes = self.engine.state.mailboxes
        return {name: [its.code for its in box.after(0)].count("broadcast") for name, box in boxes.items()}

    def restart(self, snapshot=None):
        self.engine = Engine(self.city, clock=self.clock, journal=self.journal, snapshot=snapshot)


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ({}, {"s1", "s2", "u1", "u2", "u3"}),
        ({"to": "stations"}, {"s1", "s2"}),
        ({"to": "units"}, {"u1", "u2", "u3"}),
        ({"capability": "traffic"}, {"u3"}),
        ({"to": "units", "area": "west"}, {"u1", "u2"}),
        ({"to": "stations", "area": "west"}, {"s1", "s2"}),
        ({"area": "west", "capability": "patrol"}, {"u1", "u2"}),
    ],
)
def test_it_goes_to_whom_it_says_and_to_nobody_off_duty(said, who):
    """Station s2 answers for the area, s1 stands in it; u2 has driven into it."""
    room = Room(jurisdictions=AREAS)
    lon, lat = place(2, 0)
    assert room.engine.move([PositionFix("u2", lon, lat, NOW)], NOW) == [None]
    room.send(**said)
    assert room.got() == dict.fromkeys(who, 1)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"text": "  "}, "missing"),
        ({"text": "x" * 4_001}, "too_long"),
        ({"capability": "flying"}, "unknown_capability"),
        ({"area": "north"}, "unknown_area"),
        ({"capability": "swat"}, "nobody"),
    ],
)
def test_what_cannot_be_is_refused_by_name(said, code):
    room = Room(jurisdictions=AREAS)
    room.send(refused=code, **said)
    assert room.got() == {}


def test_the_same_key_again_sends_nothing():
    room = Room()
    first = room.send()
    again = room.send()
    assert (again.duplicate, again.broadcast) == (True, first.broadcast)
    assert set(room.got().values()) == {1}


def test_many_are_mailed_some_at_a_time_and_each_once_over_restarts():
    many = tuple(unit(f"u{number}", number % 6, number % 5) for number in range(3 * AT_A_TIME + 7))
    room = Room(many, stations=())
    room.send()
    assert len(room.got()) == AT_A_TIME
    for round_ in range(2, 5):
        # Whether from the journal alone or from a snapshot: it goes on with the next.
        room.restart(room.engine.snapshot() if round_ % 2 else None)
        assert room.engine.next_deadline() is not None
        room.tick()
        assert len(room.got()) == min(len(many), round_ * AT_A_TIME)
    assert set(room.got().values()) == {1}
    room.tick(10_000)
    assert set(room.got().values()) == {1}
    assert Engine(room.city, clock=room.clock, journal=room.journal).snapshot() == room.engine.snapshot()


def test_who_has_it_and_who_has_read_it_is_known():
    room = Room()
    its = room.send().broadcast
    read = ReadBroadcast(actor="device:u1", broadcast=its, recipient="u1")
    room.submit(AcknowledgeMail(actor="device:u2", recipient="u2", device="phone", mail_seq=1))
    room.submit(read)
    room.clock.time += 5
    room.submit(read)
    broadcast = room.engine.state.broadcasts[its]
    assert broadcast.read == {"u1": NOW}
    assert broadcast.mailed == dict.fromkeys(("s1", "s2", "u1", "u2", "u3"), 1)
    room.submit(ReadBroadcast(actor="device:off", broadcast=its, recipient="off"), "unknown_broadcast")
    room.submit(ReadBroadcast(actor="device:u1", broadcast="grid-broadcast-9", recipient="u1"), "unknown_broadcast")


def test_only_the_newest_are_kept():
    room = Room(UNITS[:1], stations=())
    for number in range(MOST_BROADCASTS + 3):
        room.send(f"k{number}")
    kept = list(room.engine.state.broadcasts)
    assert (len(kept), kept[0], kept[-1]) == (
        MOST_BROADCASTS,
        "grid-broadcast-4",
        f"grid-broadcast-{MOST_BROADCASTS + 3}",
    )
    assert set(room.engine.state.broadcast_texts) == set(kept)
    assert room.engine.next_deadline() is None


def test_words_are_in_no_snapshot_and_come_back_from_the_journal():
    room = Room()
    its = room.send().broadcast
    snapshot = room.engine.snapshot()
    assert WORDS.encode() not in snapshot
    assert State.restored(snapshot).broadcast_texts == {}
    room.restart(snapshot)
    assert room.engine.state.broadcast_texts == {its: WORDS}
    assert WORDS not in str(msgspec.to_builtins(room.engine.state.kept))


def test_a_unit_that_goes_off_duty_later_keeps_what_it_got():
    room = Room()
    room.send()
    room.submit(SetUnitStatus(actor="device:u1", key="s", unit="u1", status=UnitStatus.OFF_DUTY))
    assert room.got()["u1"] == 1
