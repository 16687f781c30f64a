"""What a device is told of an order: area and task, in the city's language, and nothing that a caller said."""

import pytest

from engine.core.city_places import Area
from engine.core.engine import Engine
from engine.model.commands import ReportAlert
from engine.model.events import Mailed
from engine.service.device_words import DeviceWords
from tests.support.cities import SetClock, alert, city, place, station, unit


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
