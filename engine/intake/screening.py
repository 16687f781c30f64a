"""Positions of devices of low trust, looked at before they move anybody: each gets exactly one mark, and is counted.

What a device says is compared with what it said before, never with where the unit should be. A fix that would have had
to be reached too fast is held, not dropped: when the next one bears it out, the device has really gone there. Instants
are the device's own: what was gathered in a gap of the network is as old as it is, never "now".
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from engine.core.city_devices import Device, DeviceSettings
from engine.model.entities import PositionFix
from geo_data.datum import DatumError, to_wgs84
from geo_data.lengths import distance_m

Mark = Literal[
    "taken", "backfill", "older", "stale", "ahead", "no_time", "not_located", "bad_place", "mock", "jump", "off_duty"
]
"""The first two move the unit; ``backfill`` is taken at its true age. All others leave it where it was."""
MOVES: tuple[Mark, ...] = ("taken", "backfill")
_SLACK_M = 150.0
"""So far a fix may be off without anybody having moved."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One position as a device said it: degrees in the device's datum, ``at`` in ms since the epoch by its clock."""

    lon: float
    lat: float
    at: int | None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    is_located: bool = True
    is_mock: bool = False
    is_backfill: bool = False


@dataclass(slots=True)
class Line:
    """What is known of one device: how often it came to each mark, its last fix, and one that is held."""

    device: Device
    marks: Counter[str] = field(default_factory=Counter)
    last_mark: str = ""
    heard_at: int | None = None
    readings: dict[str, float] = field(default_factory=dict)
    taken: PositionFix | None = None
    held: PositionFix | None = None


class Screen:
    """Marks what devices say.

    Parameters
    ----------
    settings
        How fast a device can be, and what becomes of fixes that it calls made up.
    stale_ms, ahead_ms
        Older fixes move nobody, 0 for any age; nor do those that are farther ahead of our clock.
    """

    def __init__(self, settings: DeviceSettings, *, stale_ms: int, ahead_ms: int) -> None:
        self._settings = settings
        self._stale_ms = stale_ms
        self._ahead_ms = ahead_ms
        self.lines: dict[str, Line] = {}
        """By the device's name; never more than there are devices."""

    def line(self, device: Device) -> Line:
        """Return what is known of a device."""
        return self.lines.setdefault(device.name, Line(device))

    def judge(
        self, device: Device, said: Reported, now: int, *, off_duty: bool = False
    ) -> tuple[Mark, PositionFix | None]:
        """Mark a position; return it for the fleet if it is to move the unit."""
        line = self.line(device)
        line.heard_at = now
        mark, fix = self._judged(line, said, now, off_duty=off_duty)
        line.marks[mark] += 1
        line.last_mark = mark
        return mark, fix

    def _judged(self, line: Line, said: Reported, now: int, *, off_duty: bool) -> tuple[Mark, PositionFix | None]:
        if off_duty:
            # Who is off duty is not followed.
            return "off_duty", None
        if said.at is None:
            return "no_time", None
        if not said.is_located:
            return "not_located", None
        if said.is_mock and self._settings.mock == "hold":
            return "mock", None
        if said.at > now + self._ahead_ms:
            return "ahead", None
        if self._stale_ms and said.at < now - self._stale_ms:
            return "stale", None
        if line.taken is not None and said.at < line.taken.at:
            return "older", None
        try:
            lon, lat = to_wgs84(said.lon, said.lat, line.device.datum)
        except DatumError:
            return "bad_place", None
        fix = PositionFix(line.device.unit, lon, lat, said.at, said.speed_mps, said.heading_deg, said.accuracy_m)
        if self._is_jump(line.taken, fix) and (line.held is None or self._is_jump(line.held, fix)):
            line.held = fix
            return "jump", None
        line.taken, line.held = fix, None
        return ("backfill" if said.is_backfill else "taken"), fix

    def _is_jump(self, before: PositionFix | None, fix: PositionFix) -> bool:
        """Tell whether nobody gets from one fix to the other in the time between them."""
        if before is None:
            return False
        seconds = max(abs(fix.at - before.at) / 1_000, 1.0)
        here, there = (np.array((each.lon, each.lat)) for each in (before, fix))
        return bool(distance_m(*here, *there) > _SLACK_M + self._settings.jump_mps * seconds)
