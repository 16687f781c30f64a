"""Several of a kind, near in place and time: whoever the run card names is told, by the one that makes a series."""

import pytest

from engine import EndIncident, Engine, ReportAlert, RunCards
from engine.core.forgetting import RETAIN_MS
from engine.core.plain_ports import VolatileJournal
from engine.dispatch.run_cards import RunCardError
from engine.model.ids import DESK
from engine.model.limits import LONGEST_SERIES_S
from tests.support.cities import SetClock, alert, city, unit

CARDS = """
schema = 1
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
[told]
detectives = { zh = "刑侦", en = "detectives" }
station = { zh = "属地派出所", en = "station" }
[[cards]]
id = "theft"
family = true
level = 3
name = { zh = "盗窃", en = "Theft" }
approve = { send = "auto" }
force = [{ capability = "patrol" }]
series = { count = 3, within_m = 1000, within_s = 3600, tell = ["detectives"] }
[[cards]]
id = "bike"
parent = "theft"
name = { zh = "电动车", en = "Bike" }
[[cards]]
id = "home"
parent = "theft"
name = { zh = "入室", en = "Home" }
"""


@pytest.fixture
def cards(tmp_path):
    path = tmp_path / "run_cards.toml"
    path.write_text(CARDS, "utf-8")
    return RunCards.load(path)


class Room:
    def __init__(self, cards):
        self.clock = SetClock()
        self.journal = VolatileJournal()
        its = city([unit("a", 1, 0)], run_cards=cards)
        self.engine = Engine(its, clock=self.clock, journal=self.journal)
        self.ref = 0

    def open(self, kind="bike", column=0, row=0, after_s=60, **more):
        self.ref += 1
        self.clock.time += after_s * 1000
        given = alert(self.ref, column, row, kind=kind, at=self.clock.time, **more)
        reply = self.engine.submit(ReportAlert(actor="user:li", alert=given))[0]
        assert reply.refusal is None, reply.refusal
        return reply.incident

    def told(self, recipient="detectives"):
        return [mail.values for mail in self.engine.state.mailbox(recipient).after(0) if mail.code == "series"]


def test_the_third_of_a_kind_tells_and_so_does_each_that_adds_to_it(cards):
    room = Room(cards)
    first, second = room.open(), room.open("home", 1, 0)
    assert room.told() == []
    third = room.open(column=1, row=1)
    (notice,) = room.told()
    assert (notice["incident"], notice["count"], notice["who"]) == (third, "3", "detectives")
    assert notice["others"] == f"{first}, {second}"
    assert not {"Wang", "13800000000"} & set(notice.values())
    assert [its["incident"] for its in room.told(DESK)] == [third]
    room.open()
    assert [its["count"] for its in room.told()] == ["3", "4"]
    again = Engine(room.engine.city, clock=room.clock, journal=room.journal)
    assert again.state.kept == room.engine.state.kept


@pytest.mark.parametrize("apart", [{"column": 5, "row": 4}, {"after_s": 3600}, {"exercise": True}])
def test_what_is_apart_in_place_or_time_or_is_an_exercise_does_not_count(cards, apart):
    room = Room(cards)
    room.open(), room.open()
    room.open(**apart)
    assert room.told() == []


def test_what_was_none_does_not_count(cards):
    room = Room(cards)
    room.open()
    none = room.open()
    room.engine.submit(EndIncident(actor="user:li", incident=none, state="invalid", reason="none"))
    room.open()
    assert room.told() == []


def test_a_series_is_no_longer_than_what_has_ended_is_kept(tmp_path):
    assert LONGEST_SERIES_S * 1000 <= RETAIN_MS
    path = tmp_path / "run_cards.toml"
    path.write_text(CARDS.replace("within_s = 3600", "within_s = 86401"), "utf-8")
    with pytest.raises(RunCardError, match=r"(?s)within_s.*86401.*86400"):
        RunCards.load(path)
