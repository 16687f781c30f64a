"""The city's travel times as the hour, the rules and the live feed have them.

Rules are events: the state says which hold, and this finds their streets in today's road network. Live speeds are a
stream and no events: a checkpoint keeps them. What follows from either is a version of the weights, made by a worker;
a closure holds before it is there. Whoever decides takes the version in force and never waits.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.city import City
from engine.core.state import StandingRule
from engine.model.commands import TakeTimes
from engine.model.errors import Refusal
from engine.model.ids import RuleId
from engine.model.streets import SpeedRule, Spot
from engine.travel import NEVER, Traffic, TravelTimes
from geo_data.raw_roads import RoadClass
from geo_data.snapping import OffRoad

HOUR_MS = 3_600_000


class _Checkpoint(msgspec.Struct):
    """Live speeds: which network's arcs, and int32, float64, int64 arrays as bytes."""

    network: str
    arcs: bytes
    factors: bytes
    until: bytes


class Speeds:
    """Keeps one city's travel times true.

    Parameters
    ----------
    city
        Its roads, and the times that its speeds give by the hour.
    times
        What is kept true.
    """

    def __init__(self, city: City, times: TravelTimes) -> None:
        self.city = city
        self.traffic = Traffic(times)
        self._zone = ZoneInfo(city.time_zone)
        self._rules: dict[RuleId, tuple[SpeedRule, NDArray[np.int32]]] = {}
        self._hour: int | None = None
        self._next_hour_at: int | None = None

    def follow(self, standing: Mapping[RuleId, StandingRule]) -> None:
        """Let exactly these rules hold: what is new is set, what is gone is lifted."""
        for rule_id in [known for known in self._rules if known not in standing]:
            del self._rules[rule_id]
            self.traffic.lift_rule(rule_id)
        for rule_id, record in standing.items():
            if rule_id not in self._rules:
                self._rules[rule_id] = record.rule, self.arcs_of(record.rule)
                self._set(rule_id)

    def turn(self, now: int) -> None:
        """Go over to the hour of the week that ``now`` lies in, where the one before is over."""
        if self._next_hour_at is not None and now < self._next_hour_at:
            return
        local = datetime.fromtimestamp(now / 1000, self._zone)
        before, self._hour = self._hour, local.weekday() * 24 + local.hour
        into_ms = (local.minute * 60 + local.second) * 1000 + local.microsecond // 1000
        self._next_hour_at = now - into_ms + HOUR_MS
        for rule_id, (rule, _) in self._rules.items():
            if rule.hours:
                self._set(rule_id)
        hour = self._hour
        if self.city.speeds_differ(before, hour):
            self.traffic.turn(lambda: self.city.arc_ms_in(hour))

    @property
    def hour(self) -> int:
        """The hour of the week in the city's time, 0 is Monday from 0:00."""
        assert self._hour is not None
        return self._hour

    def arcs_under(self, rule: RuleId) -> int:
        """Return how many arcs of today's roads a rule that holds is about."""
        return len(self._rules[rule][1])

    def due_at(self) -> int | None:
        """Return when there is next something to do: another hour, an expiry, a version to begin."""
        soonest = self.traffic.due_at()
        if self._next_hour_at is not None and self._turns:
            soonest = self._next_hour_at if soonest is None else min(soonest, self._next_hour_at)
        return soonest

    def next_work(self, now: int) -> Callable[[], TakeTimes] | None:
        """Return the work that makes the next version of the times, if there is one to be made."""
        self.turn(now)
        self.traffic.expire(now)
        making = self.traffic.begin(now)
        if making is None:
            return None

        def work() -> TakeTimes:
            making.run()
            return TakeTimes(actor="system", number=making.number)

        return work

    def arcs_of(self, rule: SpeedRule) -> NDArray[np.int32]:
        """Return the arcs that a rule speaks of in today's road network, int32 (c,).

        A street that is no longer there is left out: a rule outlives the network it was said over.
        """
        network = self.city.network
        open_to_us = self.city.arc_ms < NEVER
        if rule.rings or rule.spots:
            chosen = np.zeros(network.n_arcs, np.bool_)
            for ring in rule.rings:
                chosen[self.city.streets_in.touching(ring)] = True
            for spot in rule.spots:
                chosen[self.arcs_at(spot)] = True
            chosen &= open_to_us
        else:
            chosen = open_to_us
        if rule.classes:
            kinds = [int(RoadClass[name.upper()]) for name in rule.classes]
            chosen &= np.isin(network.arc_class, kinds)
        return np.flatnonzero(chosen).astype(np.int32)

    def arcs_at(self, spot: Spot) -> list[int]:
        """Return the arcs of the street at a place: both ways, or the one that a heading names; none far from any."""
        try:
            found = self.city.snapper.snap(
                spot.lon, spot.lat, heading_deg=spot.heading_deg, limit_m=self.city.policies.snap_limit_m
            )
        except OffRoad:
            return []
        back = int(self.city.network.arc_reverse[found.arc])
        return [found.arc] if spot.heading_deg is not None or back < 0 else [found.arc, back]

    def feed(self, arcs: ArrayLike, factors: ArrayLike, until: int, now: int) -> None:
        """Take live speeds; see `engine.travel.Traffic.feed`.

        Raises
        ------
        Refusal
            When an arc is not on the network, a factor is out of range, or they are out of date already.
        """
        if until <= now:
            raise Refusal("out_of_range", "until", until, f"after {now}")
        self.traffic.feed(arcs, factors, until)

    def factor_for(self, arcs: ArrayLike, kmh: ArrayLike) -> NDArray[np.float64]:
        """Return the factor, float64 (c,), that makes each arc be passed at a speed in km/h in this hour."""
        rows = np.asarray(arcs, np.int64)
        metres = np.asarray(self.city.network.arc_length_m[rows], np.float64)
        usual_kmh = metres / self.traffic.base_ms[rows] * 3_600.0
        return np.asarray(kmh, np.float64) / np.maximum(usual_kmh, math.ulp(1.0))

    def checkpoint(self) -> bytes:
        """Return the live speeds, each with its end."""
        arcs, factors, until = self.traffic.live()
        return msgspec.msgpack.encode(
            _Checkpoint(self.city.network.checksum, arcs.tobytes(), factors.tobytes(), until.tobytes())
        )

    def restore(self, content: bytes, now: int) -> int:
        """Take live speeds from a checkpoint that are not out of date; return how many.

        None is taken of another road network: its arcs are numbered otherwise, and the feed will say it again.

        Raises
        ------
        Refusal
            When the checkpoint is broken.
        """
        try:
            saved = msgspec.msgpack.decode(content, type=_Checkpoint)
            arcs, until = np.frombuffer(saved.arcs, np.int32), np.frombuffer(saved.until, np.int64)
            factors = np.frombuffer(saved.factors, np.float64)
        except (msgspec.DecodeError, ValueError) as error:
            raise Refusal("broken", "checkpoint", str(error), "what a checkpoint of live speeds holds") from None
        if saved.network != self.city.network.checksum:
            return 0
        left = until > now
        for end in np.unique(until[left]).tolist():
            self.traffic.feed(arcs[until == end], factors[until == end], int(end))
        return int(np.count_nonzero(left))

    @property
    def _turns(self) -> bool:
        """Whether another hour can change anything."""
        return self.city.speeds_by_hour or any(rule.hours for rule, _ in self._rules.values())

    def _set(self, rule_id: RuleId) -> None:
        rule, arcs = self._rules[rule_id]
        if self._hour is not None and not rule.holds_in(self._hour):
            self.traffic.lift_rule(rule_id)
        elif rule_id not in self.traffic.rules:
            self.traffic.set_rule(rule_id, arcs, rule.factor)
