"""What a device of low trust is told of an order: area and task, no names, no address, nothing that a caller said.

Texts to such a device cross networks in the clear and stand on a screen that anybody in the car can read.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from engine.core.city_places import Area
from engine.core.engine import Engine
from engine.core.standing_lookouts import task_of
from engine.model.entities import Order
from engine.model.events import Mailed
from engine.model.lifecycle import OPEN_ORDERS
from engine.texts import catalogue, text
from engine.texts.directions import compass
from geo_data.lengths import distance_m

_TELLING = {"beat": 0, "jurisdiction": 1}
"""Which kind of area says best where something is; closures say nothing of it."""


class DeviceWords:
    """Puts mail into words.

    Parameters
    ----------
    engine
        Whose mail it is.
    areas
        The city's areas.
    """

    def __init__(self, engine: Engine, areas: Sequence[Area]) -> None:
        import shapely  # noqa: PLC0415 - heavy, and wanted only where devices are switched on

        self._engine = engine
        self._language = engine.city.languages[0]
        telling = [area for area in areas if area.kind != "closure"]
        telling.sort(key=lambda area: _TELLING.get(area.kind, len(_TELLING)))
        self._areas = [(area, [shapely.Polygon(rings[0], rings[1:]) for rings in area.polygons]) for area in telling]
        for _, shapes in self._areas:
            shapely.prepare(shapes)

    def say(self, mailed: Mailed, *, is_first: bool) -> str | None:
        """Return the words for a piece of mail; None where there is nothing to say.

        An order that has ended is not told, nor is anything old but an open order to a device that has never had any
        mail and was told nothing (``is_first``).
        """
        order = self._engine.state.orders.get(mailed.order) if mailed.order is not None else None
        if mailed.item == "order":
            return self._order(order) if order is not None and order.state in OPEN_ORDERS else None
        if is_first:
            return None
        if mailed.item == "cancellation":
            words = text("device.cancellation", self._language, order=mailed.order)
            return self._flagged(words, is_exercise=order is not None and order.exercise)
        if mailed.code not in catalogue(self._language)["notice"]:
            return None
        words = text(f"notice.{mailed.code}", self._language, **mailed.values)
        return self._flagged(words, is_exercise="exercise" in mailed.values)

    def _order(self, order: Order) -> str:
        card = self._engine.city.run_cards.cards.get(order.type)
        task = card.name.get(self._language, order.type) if card is not None else order.type
        place = self._place(order.lon, order.lat)
        words = text("device.order", self._language, order=order.id, level=order.level, task=task, place=place)
        return self._flagged(self._in_pursuit(words, order), is_exercise=order.exercise)

    def _in_pursuit(self, words: str, order: Order) -> str:
        """Add what is to be done in a pursuit, and what not; at a post also by when and which ways to watch."""
        state, language = self._engine.state, self._language
        task, post = task_of(state, order), state.order_posts.get(order.id)
        if task == "attend":
            return words
        said = {name: text(f"{name}.{task}", language) for name in ("task", "task_not")}
        words = text("device.pursuit", language, words=words, **said)
        if post is None:
            return words
        due = datetime.fromtimestamp(post.due_at / 1000, ZoneInfo(self._engine.city.time_zone)).strftime("%H:%M:%S")
        watch = " ".join(compass(degrees, language) for degrees in post.watch_deg)
        return text("device.post", language, words=words, due=due, watch=watch)

    def _flagged(self, words: str, *, is_exercise: bool) -> str:
        return text("device.exercise", self._language, words=words) if is_exercise else words

    def _place(self, lon: float, lat: float) -> str:
        """Name the area of a place, or the station that is nearest to it, or nothing."""
        import shapely  # noqa: PLC0415 - as above

        point = shapely.Point(lon, lat)
        for area, shapes in self._areas:
            if any(shape.covers(point) for shape in shapes):
                return self._named(area.name, area.name_zh)
        stations = self._engine.city.stations
        if not stations:
            return text("device.no_place", self._language)
        lons, lats = (np.array([getattr(each, name) for each in stations]) for name in ("lon", "lat"))
        nearest = stations[int(np.argmin(distance_m(np.array(lon), np.array(lat), lons, lats)))]
        return text("device.near", self._language, station=self._named(nearest.name, nearest.name_zh))

    def _named(self, name: str, name_zh: str) -> str:
        return name_zh if self._language == "zh" and name_zh else name
