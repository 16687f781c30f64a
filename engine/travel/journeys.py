"""Journeys that were made, and the same on the roads: trips with an hour of the week and a day, ready to learn from.

A journey is from where a unit stood when it began to roll to where it was on scene. What cannot be one is left out
and counted by its reason; how fast it was is no reason, so that what is left out is the same whatever is learned.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from geo_data.snapping import Snapper

LONGEST_S = 3_600
"""A journey of more than this was something else in between, or a stamp that was made later."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One way that was driven: degrees WGS-84, instants in ms since the epoch."""

    from_lon: float
    from_lat: float
    to_lon: float
    to_lat: float
    rolling_at: int
    on_scene_at: int


@dataclass(frozen=True, kw_only=True)
class Trips:
    """Journeys on the roads, ``t`` of them.

    Attributes
    ----------
    from_arc, to_arc
        int32 (t,).
    from_fraction, to_fraction
        float64 (t,).
    hour
        int64 (t,), hour of the week by the city's clock at the start, 0 is Monday 00:00.
    day
        int64 (t,), the date by the city's clock, as days since 1 January of year 1.
    taken_s
        float64 (t,), above 0.
    left_out
        How many journeys are not among them, by reason.
    """

    from_arc: NDArray[np.int32]
    from_fraction: NDArray[np.float64]
    to_arc: NDArray[np.int32]
    to_fraction: NDArray[np.float64]
    hour: NDArray[np.int64]
    day: NDArray[np.int64]
    taken_s: NDArray[np.float64]
    left_out: Counter[str]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.taken_s)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Trips":
        """Return some of the trips."""
        columns = ("from_arc", "from_fraction", "to_arc", "to_fraction", "hour", "day", "taken_s")
        return Trips(**{name: getattr(self, name)[rows] for name in columns}, left_out=self.left_out)

    @classmethod
    def on_roads(
        cls, journeys: Iterable[Journey], snapper: Snapper, time_zone: str, limit_m: float, left_out: Counter[str]
    ) -> "Trips":
        """Put journeys on the roads.

        Parameters
        ----------
        time_zone
            IANA name: whose hours and days count.
        limit_m
            How far from a road a place may be.
        left_out
            What was left out before; a new count goes on from it: ``no_time`` where the arrival is not after the
            start, ``too_long`` over `LONGEST_S`, ``off_road``, and ``nowhere`` where both ends are one place.
        """
        count, kept = Counter(left_out), []
        for journey in journeys:
            taken_ms = journey.on_scene_at - journey.rolling_at
            reason = "no_time" if taken_ms <= 0 else "too_long" if taken_ms > LONGEST_S * 1000 else ""
            if reason:
                count[reason] += 1
            else:
                kept.append(journey)
        places = np.array([(it.from_lon, it.from_lat, it.to_lon, it.to_lat) for it in kept]).reshape(-1, 4)
        from_arc, from_fraction, _ = snapper.snap_many(places[:, 0], places[:, 1], limit_m=limit_m)
        to_arc, to_fraction, _ = snapper.snap_many(places[:, 2], places[:, 3], limit_m=limit_m)
        off_road = (from_arc < 0) | (to_arc < 0)
        nowhere = ~off_road & (from_arc == to_arc) & (from_fraction == to_fraction)
        for name, rows in (("off_road", off_road), ("nowhere", nowhere)):
            count[name] += int(rows.sum())
        hour, day = _local(kept, ZoneInfo(time_zone))
        every = cls(
            from_arc=from_arc,
            from_fraction=from_fraction,
            to_arc=to_arc,
            to_fraction=to_fraction,
            hour=hour,
            day=day,
            taken_s=np.array([(it.on_scene_at - it.rolling_at) / 1000 for it in kept], np.float64),
            left_out=+count,
        )
        return every.take(~(off_road | nowhere))


def _local(journeys: Sequence[Journey], zone: ZoneInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the hour of the week and the date at which each began to roll."""
    at = [datetime.fromtimestamp(it.rolling_at / 1000, zone) for it in journeys]
    hour = np.array([it.weekday() * 24 + it.hour for it in at], np.int64)
    return hour, np.array([it.toordinal() for it in at], np.int64)
