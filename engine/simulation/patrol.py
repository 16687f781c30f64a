"""A patrol that does its work: accepts, rolls, drives, arrives, reports, clears and drives home. No sockets, no clock.

Whoever runs it hands in the orders that arrive, asks when it is due, and sends what it says. The phases are a table.
It sends a position when it rolls, arrives, clears and is home, and under way at most once a simulated minute, on the
minute; at work it says every few minutes that all is well, since silence there is taken for a call for help. Orders are
kept by number: one that is handed in twice changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from engine.model.commands import Answer
from engine.model.entities import Unit
from engine.simulation.drive import Drive, Navigator, Way, distance_m
from engine.travel.polyline import decode_polyline

MINUTE_MS = 60_000
WELL_MS = 4 * MINUTE_MS
"""At work, from one word to the next: sooner than any run card sends for somebody who is silent."""
_SOONEST_MS = 1_000
"""Nobody accepts, or ends a stay, sooner."""
_AT_THE_SPOT_M = 200.0
"""A way that begins this near begins here: a vehicle stands beside the street, in a yard or a hall."""


class OrderSeen(Protocol):
    """What a patrol reads of an order."""

    # ruff: noqa: D102 - the words are those of `engine.model.entities.Order`
    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def incident(self) -> str: ...
    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...
    @property
    def eta_ms(self) -> int | None: ...
    @property
    def route(self) -> str: ...


@dataclass(frozen=True)
class Position:
    """What a patrol says about where it is."""

    lon: float
    lat: float
    at: int


@dataclass(frozen=True)
class Answered:
    """What a patrol says about its order."""

    order: str
    version: int
    answer: Answer
    said_at: int

    @property
    def key(self) -> str:
        """The idempotency key: an order is answered once in each way, but that all is well is said again."""
        own = f"{self.order}/{self.answer}"
        return f"{own}/{self.said_at}" if self.answer == "well" else own


Say = Position | Answered


class Phase(StrEnum):
    """What a patrol is doing."""

    STANDING = "standing"
    ASKED = "asked"
    TURNING_OUT = "turning_out"
    DRIVING = "driving"
    WORKING = "working"
    GOING_HOME = "going_home"


NEXT: Mapping[Phase, Phase] = {
    Phase.ASKED: Phase.TURNING_OUT,
    Phase.TURNING_OUT: Phase.DRIVING,
    Phase.DRIVING: Phase.WORKING,
    Phase.WORKING: Phase.GOING_HOME,
    Phase.GOING_HOME: Phase.STANDING,
}
"""What follows when a phase is over; an order begins `Phase.ASKED`, its withdrawal `Phase.GOING_HOME`."""


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How people work.

    Attributes
    ----------
    accept_ms
        From the order's arrival until somebody has pressed "accept"; sooner where the turnout is shorter.
    working_ms
        How long a unit stays at an incident, by incident and unit; asked when it arrives.
    """

    accept_ms: int = 8_000
    working_ms: Callable[[str, str], int]


class Patrol:
    """One unit and its crew.

    Parameters
    ----------
    unit
        Who it is and where it is at home.
    navigator
        Its map.
    habits
        How it works.
    """

    def __init__(self, unit: Unit, navigator: Navigator, habits: Habits) -> None:
        self.unit = unit
        self.phase = Phase.STANDING
        self.order: OrderSeen | None = None
        self._navigator, self._habits = navigator, habits
        self._place = (unit.lon, unit.lat)
        self._drive: Drive | None = None
        self._until = 0
        self._rolls_at = 0
        self._said_at = 0
        self._well_at = 0
        self._ended: set[str] = set()

    def position(self, at: int) -> tuple[float, float]:
        """Return where it is, longitude and latitude."""
        return self._drive.position(at) if self._drive else self._place

    def due_at(self) -> int | None:
        """Return when it will do or say something next, None when it only waits for orders."""
        if self.phase is Phase.STANDING:
            return None
        if self._drive is None:
            return min(self._until, self._well_at) if self.phase is Phase.WORKING else self._until
        on_the_minute = -(-(self._said_at + MINUTE_MS) // MINUTE_MS) * MINUTE_MS
        return min(self._until, max(on_the_minute, self._drive.begins_at))

    def take(self, order: OrderSeen, now: int) -> bool:
        """Read an order that arrived. False when it has this one, or had it: then nothing changes."""
        if order.id in self._ended or (self.order is not None and self.order.id == order.id):
            return False
        if self.order is not None:
            self._ended.add(self.order.id)
        self._stop(now)
        self.order = order
        # Whoever rolls within seconds has accepted before.
        self.phase, self._until = Phase.ASKED, now + min(self._habits.accept_ms, max(self.unit.turnout_ms, _SOONEST_MS))
        self._rolls_at = now + self.unit.turnout_ms
        return True

    def withdraw(self, order_id: str, now: int) -> None:
        """Read that an order is withdrawn: turn round, wherever this is."""
        self._ended.add(order_id)
        if self.order is not None and self.order.id == order_id:
            self.order = None
            self._stop(now)
            self._go_home(now)

    def act(self, now: int) -> list[Say]:
        """Do what is due by ``now`` and return what to say, in order."""
        said: list[Say] = []
        while (due := self.due_at()) is not None and due <= now:
            if due >= self._until:
                said += self._finish(due)
            elif self.phase is Phase.WORKING:
                self._well_at += WELL_MS
                said.append(self._answer("well", due))
            else:
                said.append(self._where(due))
        return said

    def _where(self, at: int) -> Position:
        self._said_at = at
        return Position(*self.position(at), at)

    def _finish(self, at: int) -> list[Say]:
        """End a phase, begin the one that follows, and say so."""
        ended, self.phase = self.phase, NEXT[self.phase]
        match ended:
            case Phase.ASKED:
                self._until = max(at, self._rolls_at)
                return [self._answer("accept", at)]
            case Phase.TURNING_OUT:
                self._set_off(at)
                return [self._where(at), self._answer("en_route", at)]
            case Phase.DRIVING:
                self._stop(at)
                assert self.order is not None
                self._well_at = at + WELL_MS
                self._until = at + max(_SOONEST_MS, self._habits.working_ms(self.order.incident, self.unit.id))
                return [self._where(at), self._answer("on_scene", at)]
            case Phase.WORKING:
                said: list[Say] = [self._where(at), self._answer("report", at), self._answer("clear", at)]
                assert self.order is not None
                self._ended.add(self.order.id)
                self.order = None
                self._go_home(at)
                return said
            case _:
                self._stop(at)
                return [self._where(at)]

    def _answer(self, answer: Answer, at: int) -> Answered:
        assert self.order is not None
        return Answered(self.order.id, self.order.version, answer, at)

    def _stop(self, at: int) -> None:
        self._place = self.position(at)
        self._drive = None

    def _set_off(self, at: int) -> None:
        """Take the way that the order gives, if it begins where this is; else look at the own map."""
        order = self.order
        assert order is not None
        points = decode_polyline(order.route)
        if len(points) and order.eta_ms is not None and distance_m(points[0], self._place) <= _AT_THE_SPOT_M:
            way = Way(points, max(0, order.eta_ms - self.unit.turnout_ms))
        else:
            way = self._navigator.way(*self._place, order.lon, order.lat)
        self._begin(way, at)

    def _go_home(self, at: int) -> None:
        self.phase = Phase.GOING_HOME
        if self._place == (self.unit.lon, self.unit.lat):
            self._begin(Way(np.array([self._place]), 0), at)
        else:
            self._begin(self._navigator.way(*self._place, self.unit.lon, self.unit.lat), at)

    def _begin(self, way: Way, at: int) -> None:
        self._drive = Drive(way, at)
        self._until = self._drive.ends_at
