"""What a device is told of an order: area and task, in the city's language, and nothing that a caller said."""

import pytest

from engine.core.city_places import Area
from engine.core.engine import Engine
from engine.dispatch.policies import Policies
from engine.model.commands import ReportAlert
from engine.model.events import Mailed
from engine.service.device_words import DeviceWords
from tests.support.cards import county_with
from tests.support.cities import SetClock, alert, city, place, station, unit
from tests.support.lookouts import STATIONS, Room


def square(name, kind, column, row, size=1.0):
    (west, south), (east, north) = place(column - size, row - size), place(column + size, row + size)
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return Area(id=name, name=name, name_zh=f"{name}区", kind=kind, polygons=((ring,),))


BEAT = square("West", "beat", 1, 1)
DISTRICT = square("County", "jurisdiction", 2, 2, 9)
CLOSURE = square("Closed", "closure", 1, 1)


def words(areas, *, languages=("en", "zh"), column=1, row=1, stations=(), **more):
    units = [unit("P1", 0, 0)]
    engine = Engine(city(units=units, stations=stations, languages=languages), clock=SetClock())
    engine.submit(ReportAlert(actor="user:li", alert=alert(1, column, row, kind="robbery", **more)))
    (mailed,) = engine.state.mailbox("P1").after(0)
    return DeviceWords(engine, areas).say(mailed, is_first=False)


@pytest.mark.parametrize(
    ("areas", "column", "place_words"),
    [
        ((CLOSURE, DISTRICT, BEAT), 1, "West"),
        ((CLOSURE, DISTRICT, BEAT), 4, "County"),
        ((BEAT,), 4, "near Far station"),
        ((CLOSURE,), 1, "near First station"),
    ],
)
def test_the_place_is_the_area_that_says_most_or_the_nearest_station(areas, column, place_words):
    stations = [station("First station", 0, 0), station("Far station", 5, 4)]
    assert f", {place_words}. " in words(areas, column=column, stations=stations)


def test_the_city_s_first_language_is_spoken():
    assert words((BEAT,), languages=("zh",)).endswith("West区。请用电台签收。")


def test_nothing_of_the_caller_is_said():
    said = words((BEAT,))
    assert not any(word in said for word in ("knife", "Wang", "138"))


def test_notices_are_said_in_words_and_unknown_ones_are_not():
    said = DeviceWords(Engine(city(units=[unit("P1", 0, 0)], languages=("en",)), clock=SetClock()), ())
    known = Mailed(recipient="P1", mail_seq=1, item="notice", code="clock_departed", values={"seconds": "9"})
    unknown = Mailed(recipient="P1", mail_seq=1, item="notice", code="of_a_newer_version")
    assert "9 s" in said.say(known, is_first=False)
    assert said.say(unknown, is_first=False) is None
    assert said.say(known, is_first=True) is None


def test_in_a_pursuit_it_says_what_to_do_what_not_and_where_to_look_and_no_name(tmp_path):
    cards = county_with(tmp_path, wanted_sighting='approve = { send = "verify_by_analyst", roadblock = "auto" }')
    units = [unit(f"u{c}{r}", c, r) for c in range(6) for r in range(5) if (c + r) % 2 == 0]
    policies = Policies(stale_position_ms=0, contain_horizon_ms=180_000)
    room = Room(units=units, stations=STATIONS, policies=policies, run_cards=cards, languages=("en",))
    lookout = room.lookout()
    room.verified(lookout, 2.5, 2)
    words = {}
    for its in room.orders(lookout):
        mailed = [mail for mail in room.mail(its.recipient) if mail.order == its.id][-1]
        words[its.recipient] = DeviceWords(room.engine, ()).say(mailed, is_first=False)
    assert "block the road at the post; do not leave the post" in words["u42"]
    assert "Stand by 16:01:" in words["u42"]
    assert "watch " in words["u42"]
    assert "go and seize the subject; do not approach alone" in words["S2"]
    assert not any("Zhang" in said for said in words.values())
