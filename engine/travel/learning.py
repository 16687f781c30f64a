"""Learning a city's speeds from trips: factors on the speed by class of street and by hours of the week.

Which streets a unit took is not in any record, so it is taken to have gone the way that is shortest under the speeds
learned so far: ways under free flow, a fit, ways under the fit, until they stay the same. Hours are taken to change no
way, as their factors hold for all classes alike.

What is learned is only believed on days that it was not learned from: `hold_out` learns from all but some whole days
and says how far it is off on those, beside free flow and one factor for everything.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.travel.fitting import Fit, Terms, fit_factors
from engine.travel.journeys import Trips
from engine.travel.routes import NoWay
from engine.travel.times import TravelTimes
from geo_data.raw_roads import STREETS, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.speed_table import DAYS, HourFactor, Profile, ProfileSpeeds, SpeedTable, TurnTimes
from geo_data.speeds import NEVER, travel_ms

LEAST_TRIPS = 50
"""Fewer say nothing that would hold tomorrow."""
LEAST_DAYS = 2
MOST_ROUNDS = 4
_SETTLED = 0.01
"""Ways are settled when this share of all free-flow seconds or less has changed its class."""
_FREE = np.ones(len(RoadClass))
_DIGITS = 3
"""Decimals of a factor in the table."""


@dataclass(frozen=True, slots=True)
class HourGroup:
    """Hours that share a factor: ``[begin, end)`` of some days, 0 is Monday."""

    days: tuple[int, ...]
    begin: int
    end: int


_WEEKDAYS, _WEEKEND = (0, 1, 2, 3, 4), (5, 6)
_PARTS = ((0, 6), (6, 10), (10, 16), (16, 20), (20, 24))
HOUR_GROUPS = tuple(HourGroup(days, *part) for days, part in product((_WEEKDAYS, _WEEKEND), _PARTS))
"""Night, morning, midday, evening and late evening, of working days and of weekends: every hour in one of them."""

EVERYTHING = Terms()
CONTENDERS: dict[str, Terms | None] = {
    "free_flow": None,
    "one_factor": Terms(fixed=False, by_class=False, by_group=False),
    "one_factor_fixed": Terms(by_class=False, by_group=False),
    "learned": EVERYTHING,
}
"""Who is judged on held-out days: the table as it is, one factor for everything, that and the fixed time, all."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How far predictions are off what really was, in seconds; ``bias_s`` is above 0 where they are too long."""

    trips: int
    median_s: float
    mean_s: float
    bias_s: float
    within_60_share: float

    @classmethod
    def of(cls, predicted_s: NDArray[np.float64], taken_s: NDArray[np.float64]) -> "Errors":
        """Compare predictions with trips, float64 (t,) each, at least one."""
        off = predicted_s - taken_s
        return cls(
            trips=len(off),
            median_s=float(np.median(np.abs(off))),
            mean_s=float(np.mean(np.abs(off))),
            bias_s=float(np.mean(off)),
            within_60_share=float(np.mean(np.abs(off) <= 60.0)),
        )


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What trips taught: the fit, on how many trips and days it rests, after how many rounds the ways were settled.

    ``class_share`` is float64 (classes,), which part of the free-flow time of all ways lies on each class.
    """

    fit: Fit
    trips: int
    days: int
    rounds: int
    class_share: NDArray[np.float64]
    groups: tuple[HourGroup, ...]
    group_trips: tuple[int, ...]

    def table(self, before: SpeedTable, profile: Profile) -> SpeedTable:
        """Return the table with what was learned for a profile.

        Rows of hours that the table had for the profile are replaced: trips were held against its speeds without
        them. Other profiles keep theirs. Classes that no trip was seen on have the overall factor.
        """
        rows = [
            replace(row, profiles=tuple(name for name in row.profiles if name != profile))
            for row in before.hours
            if row.profiles != (profile,)
        ]
        by_factor: dict[float, list[RoadClass]] = {}
        for kind, factor in zip(STREETS, self.fit.by_class()[: len(STREETS)].tolist(), strict=True):
            by_factor.setdefault(round(factor, _DIGITS), []).append(kind)
        for factor, kinds in by_factor.items():
            if factor != 1:
                rows.append(HourFactor(factor=factor, profiles=(profile,), classes=tuple(kinds)))
        for group, factor in zip(self.groups, self.fit.of_group.tolist(), strict=True):
            if round(factor, _DIGITS) != 1:
                rows.append(
                    HourFactor(
                        factor=round(factor, _DIGITS),
                        begin=group.begin,
                        end=group.end,
                        days=group.days,
                        profiles=(profile,),
                    )
                )
        own = replace(before.of(profile), fixed_s=round(self.fit.fixed_s, 1))
        return replace(_with_profile(before, profile, own), hours=tuple(rows))


class Learner:
    """Learns from the trips of one city.

    Parameters
    ----------
    network
        The streets.
    table
        The speeds as they are; what is learned stands on their free flow.
    profile
        Whose trips these are.
    trips
        At least `LEAST_TRIPS`, on at least `LEAST_DAYS` days. Those that no way leads along are left out.
    groups
        The hours that share a factor; every hour of the week in exactly one.

    Attributes
    ----------
    trips
        Those that are learned from.

    Raises
    ------
    Refusal
        ``too_few_trips``, ``too_few_days``, or ``bad_hours``.
    """

    def __init__(
        self,
        network: RoadNetwork,
        table: SpeedTable,
        profile: Profile,
        trips: Trips,
        groups: Sequence[HourGroup] = HOUR_GROUPS,
    ) -> None:
        self._network, self._class = network, network.arc_class
        self._free_ms = travel_ms(network, profile, _without_waits(table, profile))
        self._wait_ms = travel_ms(network, profile, table) - self._free_ms
        self._group_of_hour = _group_of_hour(groups)
        self.groups = tuple(groups)
        self._known: dict[bytes, _Driven] = {}
        self.trips = trips
        _refuse_too_few(trips)
        self.trips = self._with_ways()
        _refuse_too_few(self.trips)

    def learn(self, terms: Terms = EVERYTHING, rows: NDArray[np.bool_] | None = None) -> Learned:
        """Learn from all trips, or from some.

        Parameters
        ----------
        terms
            What is fitted.
        rows
            bool (t,), which trips; None for all.
        """
        chosen = np.ones(len(self.trips), bool) if rows is None else rows
        group, taken_s = self._group[chosen], self.trips.taken_s[chosen]
        drive_s, wait_s = self._driven(_FREE)
        rounds = 0
        while True:
            rounds += 1
            fit = fit_factors(drive_s[chosen], wait_s[chosen], group, taken_s, len(self.groups), terms)
            again = self._driven(fit.by_class())
            moved = np.abs(again.drive_s - drive_s)[chosen].sum() / 2 / drive_s[chosen].sum()
            if moved <= _SETTLED or rounds == MOST_ROUNDS:
                break
            drive_s, wait_s = again
        return Learned(
            fit=fit,
            trips=int(chosen.sum()),
            days=len(np.unique(self.trips.day[chosen])),
            rounds=rounds,
            class_share=drive_s[chosen].sum(0) / drive_s[chosen].sum(),
            groups=self.groups,
            group_trips=tuple(np.bincount(group, minlength=len(self.groups)).tolist()),
        )

    def predict(self, fit: Fit) -> NDArray[np.float64]:
        """Return how long every trip takes by a fit, on the ways that are shortest by it, float64 (t,) in seconds."""
        return fit.seconds(*self._driven(fit.by_class()), self._group)

    def hold_out(self, folds: int = 7, seed: int = 1) -> dict[str, Errors]:
        """Judge each of `CONTENDERS` on days that it did not learn from.

        Parameters
        ----------
        folds
            The days are dealt into so many parts, at most one for each day; each part is held out once.
        seed
            Of the dealing.

        Returns
        -------
        dict of str to Errors
            By contender, over all trips, each predicted by what was learned on other days.
        """
        days = np.random.default_rng(seed).permutation(np.unique(self.trips.day))
        parts = np.array_split(days, min(folds, len(days)))
        found = {}
        for name, terms in CONTENDERS.items():
            if terms is None:
                predicted = self._driven(_FREE).seconds()
            else:
                predicted = np.empty(len(self.trips))
                for part in parts:
                    held = np.isin(self.trips.day, part)
                    predicted[held] = self.predict(self.learn(terms, ~held).fit)[held]
            found[name] = Errors.of(predicted, self.trips.taken_s)
        return found

    @cached_property
    def _group(self) -> NDArray[np.int64]:
        return self._group_of_hour[self.trips.hour]

    def _with_ways(self) -> Trips:
        """Return the trips that a way leads along."""
        there = self._driven(_FREE).seconds() > 0
        self._known.clear()
        kept = self.trips.take(there)
        return replace(kept, left_out=+(kept.left_out + Counter(no_way=int((~there).sum()))))

    def _driven(self, factor: NDArray[np.float64]) -> "_Driven":
        """Return what the trips drive and wait on the ways that are shortest under factors by class.

        Where nobody waits, ways depend only on how the factors stand to each other: one for all asks for none anew.
        """
        relative = np.round(factor / factor.max(), _DIGITS)
        waits_as = round(float(factor.max()), _DIGITS) if self._wait_ms.any() else 1.0
        key = relative.tobytes() + str(waits_as).encode()
        if key not in self._known:
            slow_ms = np.clip(np.rint(self._free_ms / relative[self._class] + self._wait_ms * waits_as), 1, NEVER - 1)
            self._known[key] = self._find_ways(np.where(self._free_ms >= NEVER, NEVER, slow_ms).astype(np.int32))
        return self._known[key]

    def _find_ways(self, arc_ms: NDArray[np.int32]) -> "_Driven":
        times, trips = TravelTimes(self._network, arc_ms), self.trips
        drive_s, wait_s = np.zeros((len(trips), len(RoadClass))), np.zeros(len(trips))
        places = (trips.from_arc, trips.from_fraction, trips.to_arc, trips.to_fraction)
        for row, place in enumerate(zip(*(column.tolist() for column in places), strict=True)):
            try:
                arcs, start, end, _ = times.way(*place)
            except NoWay:
                continue
            shares = np.ones(len(arcs))
            shares[-1] = end
            shares[0] -= start
            shares_s = np.maximum(shares, 0.0) / 1000.0
            drive_s[row] = np.bincount(self._class[arcs], self._free_ms[arcs] * shares_s, minlength=len(RoadClass))
            wait_s[row] = self._wait_ms[arcs] @ shares_s
        return _Driven(drive_s, wait_s)


class _Driven(NamedTuple):
    """What trips drive in free flow, float64 (t, classes), and wait at junctions, float64 (t,), in seconds."""

    drive_s: NDArray[np.float64]
    wait_s: NDArray[np.float64]

    def seconds(self) -> NDArray[np.float64]:
        """Return how long each takes in free flow, float64 (t,)."""
        total: NDArray[np.float64] = self.drive_s.sum(1) + self.wait_s
        return total


def _with_profile(table: SpeedTable, profile: Profile, speeds: ProfileSpeeds) -> SpeedTable:
    speeds_by_profile: dict[str, Any] = {profile: speeds}
    return replace(table, **speeds_by_profile)


def _without_waits(table: SpeedTable, profile: Profile) -> SpeedTable:
    """Return the table without what is a time of its own on an arc: no factor on the speed changes that."""
    own = table.of(profile)
    contraflow = replace(table.contraflow, penalty_s=0.0) if table.contraflow is not None else None
    no_delays = replace(own, junction_delay_s=(0.0,) * len(own.junction_delay_s))
    return replace(_with_profile(table, profile, no_delays), contraflow=contraflow, turn_s=TurnTimes())


def _group_of_hour(groups: Sequence[HourGroup]) -> NDArray[np.int64]:
    """Return the group of each hour of the week, int64 (168,)."""
    found = np.full(len(DAYS) * 24, -1, np.int64)
    for number, group in enumerate(groups):
        hours = [day * 24 + hour for day in group.days for hour in range(group.begin, group.end)]
        if np.any(found[hours] >= 0):
            raise Refusal("bad_hours", f"groups[{number}]", group, "hours that no other group has")
        found[hours] = number
    if np.any(found < 0):
        raise Refusal("bad_hours", "groups", f"hour {int(np.argmin(found))} of the week", "every hour in a group")
    return found


def _refuse_too_few(trips: Trips) -> None:
    left_out = "; ".join(f"{count} {name}" for name, count in sorted(trips.left_out.items())) or "none"
    if len(trips) < LEAST_TRIPS:
        raise Refusal("too_few_trips", "trips", len(trips), f"at least {LEAST_TRIPS} (left out: {left_out})")
    days = len(np.unique(trips.day))
    if days < LEAST_DAYS:
        raise Refusal("too_few_days", "days", days, f"at least {LEAST_DAYS}, to be judged on days not learned from")
