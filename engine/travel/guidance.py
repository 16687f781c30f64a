"""A route as a driver is told it: turns, where there is a choice or the street's name changes.

Directions are measured over `_SIGHT_M` of street before and after a crossing, for the last bend before it says little.
Going on straight, or along a street that bends where nothing leads on straighter, is not announced; nor is a bend
where there is no choice. A fork is, where the street does not keep its name. Turns a few steps apart are told as one,
by the angle of both. The thresholds are this project's own.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.model.turns import Side, Turn, TurnCode
from engine.travel.roundabouts import count_exits, ring_through
from engine.travel.routes import Route
from engine.travel.weights import Weights
from geo_data.raw_roads import Mode, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.speeds import NEVER

_SIGHT_M = 20.0
_STRAIGHT_DEG, _BEAR_DEG, _SHARP_DEG, _BACK_DEG = 25.0, 50.0, 130.0, 170.0
_RIVAL_DEG = 35.0
"""Two ways out no further apart look alike."""
_STRAIGHTER_DEG = 15.0
"""A way out that leads so much straighter on than all others is the one that is taken unasked."""
_ADOPTED_M = 30.0
"""A street that has no name for so little gets that of the one it leads into."""
_JOINED_M = 12.0
"""Turns no further apart are one, as over both halves of a divided road."""
_NO_LEG_M = 1.0
_ASIDE_M = 3.0
"""A goal nearer to the street's line than this lies on neither side."""


@dataclass(slots=True)
class _Leg:
    """From one turn to the next; ``named`` is an arc that has its name.

    ``first`` is the place on the way of the arc that it begins with, ``out`` that of the arc that it turns into:
    another where turns were joined.
    """

    code: TurnCode
    first: int
    out: int
    named: int
    length_m: float = 0.0
    ms: int = 0
    exit: int = 0


def turns(weights: Weights, route: Route, goal: tuple[float, float] | None = None) -> tuple[Turn, ...]:
    """Return what a driver is told along a route, departure and arrival included.

    Parameters
    ----------
    weights
        What the route was found with; the times of the legs add up to the route's then.
    route
        The way.
    goal
        Longitude and latitude of what is driven to, beside the street's end; for the side it lies on.
    """
    network = weights.network
    metres, ms = _shares(weights, route)
    route, metres, ms = _without_turns(network, route, metres, ms)
    view = _View(network, weights.inner_ms < NEVER, route)
    last = len(route.arcs) - 1
    legs = [_Leg("depart", 0, 0, int(route.arcs[0]), float(metres[0]), int(ms[0]))]
    around = 0  # before this place on the way the driver follows a roundabout
    for i in range(1, last + 1):
        if i > around and not (i == last and metres[i] < _NO_LEG_M):
            leg, around = _next_leg(view, legs[-1], i)
            if leg is not None:
                _append(view, legs, leg)
            elif network.arc_name[route.arcs[i]] >= 0:
                legs[-1].named = int(route.arcs[i])
        legs[-1].length_m += float(metres[i])
        legs[-1].ms += int(ms[i])
    return (*(_told(view, leg) for leg in legs), _arrival(view, legs[-1].named, goal))


def _append(view: "_View", legs: list[_Leg], leg: _Leg) -> None:
    """Add a leg, or join it with the one before where that is hardly one."""
    short = legs[-1]
    if short.length_m >= _JOINED_M or "roundabout" in (short.code, leg.code):
        legs.append(leg)
        return
    short.out, short.named = leg.out, leg.named
    if short.code == "depart":
        return
    turn = _turned(view.into(short.first), view.out_of(leg.out))
    short.code = _turn_code(turn) if abs(turn) >= _STRAIGHT_DEG else "continue"
    before = legs[-2]
    names = view.network.arc_name
    if short.code == "continue" and names[before.named] == names[short.named]:
        before.length_m += short.length_m
        before.ms += short.ms
        legs.pop()


def _next_leg(view: "_View", leg: _Leg, i: int) -> tuple[_Leg | None, int]:
    """Return the leg that an arc of the way begins, None where it goes on; and up to where a roundabout is followed."""
    network, arcs = view.network, view.route.arcs
    ring = ring_through(network, view.open_arcs, int(arcs[i]))
    if ring:
        after = i + 1
        while after < len(arcs) and int(arcs[after]) in ring:
            after += 1
        if int(arcs[i - 1]) in ring:
            return None, after - 1  # the way began on the roundabout
        if after == len(arcs):
            return _Leg("roundabout", i, i, int(arcs[i])), after
        exits = count_exits(network, view.open_arcs, ring, arcs[i:after])
        return _Leg("roundabout", i, i, int(arcs[after]), exit=exits), after
    name, leg_name = int(network.arc_name[arcs[i]]), int(network.arc_name[leg.named])
    adopted = leg_name < 0 and leg.length_m < _ADOPTED_M
    code = view.decide(i, leg_name, renamed=name >= 0 and name != leg_name and not adopted)
    return (None if code is None else _Leg(code, i, i, int(arcs[i]))), 0


def _shares(weights: Weights, route: Route) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the length in metres and the time in ms that the route takes of each of its arcs."""
    shares = np.ones(len(route.arcs))
    shares[-1] = route.end_fraction
    shares[0] -= route.start_fraction
    metres = weights.network.arc_length_m[route.arcs].astype(np.float64) * np.maximum(shares, 0.0)
    ms = weights.inner_ms[route.arcs].astype(np.int64)
    # The one rounding that all travel times share, as `geo_data.snapping_kernels.passed_ms` has it.
    before, behind = int(route.start_fraction * ms[0] + 0.5), int(route.end_fraction * ms[-1] + 0.5)
    ms[-1] = behind
    ms[0] -= before
    return metres, ms


def _without_turns(
    network: RoadNetwork, route: Route, metres: NDArray[np.float64], ms: NDArray[np.int64]
) -> tuple[Route, NDArray[np.float64], NDArray[np.int64]]:
    """Leave the turns through junctions out of a way; their time goes to the street that follows."""
    streets = np.flatnonzero(~network.is_turn[route.arcs])
    if len(streets) == len(route.arcs):
        return route, metres, ms
    total = np.cumsum(ms)[streets]
    return replace(route, arcs=route.arcs[streets]), metres[streets], np.diff(total, prepend=0)


def _told(view: "_View", leg: _Leg) -> Turn:
    network = view.network
    if leg.code == "depart":
        lon, lat = view.route.points[0].tolist()
    else:
        node = int(network.arc_tail[view.route.arcs[leg.first]])
        lon, lat = float(network.node_lon[node]), float(network.node_lat[node])
    bearing = view.out_of(leg.out) if leg.out else view.departure()
    return Turn(
        code=leg.code,
        lon=lon,
        lat=lat,
        bearing_deg=round(bearing) % 360,
        length_m=round(leg.length_m, 1),
        ms=leg.ms,
        name=network.name(leg.named),
        name_zh=network.name_zh(leg.named),
        exit=leg.exit,
    )


def _arrival(view: "_View", named: int, goal: tuple[float, float] | None) -> Turn:
    lon, lat = view.route.points[-1].tolist()
    bearing = view.arrival()
    side: Side = ""
    if goal is not None:
        east, north = (goal[0] - lon) * view.per_degree[0], (goal[1] - lat) * view.per_degree[1]
        towards = math.radians(bearing)
        aside_m = east * math.cos(towards) - north * math.sin(towards)
        if abs(aside_m) >= _ASIDE_M:
            side = "right" if aside_m > 0 else "left"
    return Turn(
        code="arrive",
        lon=lon,
        lat=lat,
        bearing_deg=round(bearing) % 360,
        length_m=0.0,
        ms=0,
        name=view.network.name(named),
        name_zh=view.network.name_zh(named),
        side=side,
    )


class _View:
    """What a driver sees of the crossings along a way. Bearings in degrees clockwise from north."""

    def __init__(self, network: RoadNetwork, open_arcs: NDArray[np.bool_], route: Route) -> None:
        self.network, self.open_arcs, self.route = network, open_arcs, route
        self.per_degree = np.array(metres_per_degree(float(route.points[0, 1])))

    def decide(self, i: int, leg_name: int, *, renamed: bool) -> TurnCode | None:
        """Return how the way goes on with its arc ``i``; None where that goes without saying."""
        network = self.network
        before, after = (int(arc) for arc in self.route.arcs[i - 1 : i + 1])
        if after == network.arc_reverse[before]:
            return "u_turn"
        others = [
            arc
            for arc in self._ways_out(int(network.arc_head[before]))
            if arc not in (after, network.arc_reverse[before]) and not self._against(arc)
        ]
        unsaid: TurnCode | None = "continue" if renamed else None
        if not others:
            return unsaid
        came = self.into(i)
        turn = _turned(came, self.out_of(i))
        elsewhere = [(_turned(came, self._bearing(network.arc_points(arc))), arc) for arc in others]
        kept = self._keeps(before, after, leg_name)
        straighter = all(abs(other) >= abs(turn) + _STRAIGHTER_DEG for other, _ in elsewhere)
        if abs(turn) >= _STRAIGHT_DEG:
            return None if abs(turn) < _BEAR_DEG and kept and straighter else _turn_code(turn)
        rivals = [other for other, arc in elsewhere if self._rivals(turn, other, after, arc)]
        if rivals and not (kept and leg_name >= 0):
            nearest = min(rivals, key=lambda other: abs(other - turn))
            return "bear_right" if turn > nearest else "bear_left"
        return unsaid

    def _ways_out(self, node: int) -> list[int]:
        """Return the open streets out of a node, and those that open turns lead to from it."""
        network = self.network
        ways: list[int] = []
        for arc in range(int(network.first_out[node]), int(network.first_out[node + 1])):
            if self.open_arcs[arc]:
                ways += self._ways_out(int(network.arc_head[arc])) if network.is_turn[arc] else [arc]
        return ways

    def _against(self, arc: int) -> bool:
        """Tell whether an arc only leads against a one-way street: nobody takes that for a way on."""
        return not self.network.arc_modes[arc] & ~np.uint8(Mode.CONTRAFLOW)

    def out_of(self, i: int) -> float:
        """Return the bearing in which the way leads on with its arc ``i``."""
        return self._bearing(self.network.arc_points(int(self.route.arcs[i])))

    def into(self, i: int) -> float:
        """Return the bearing in which the way comes to the tail of its arc ``i``."""
        return (self._bearing(self.network.arc_points(int(self.route.arcs[i - 1]))[::-1]) + 180.0) % 360.0

    def departure(self) -> float:
        """Return the bearing in which the way sets out."""
        points = self.route.points
        return self._bearing(points) if np.ptp(points, axis=0).any() else self.out_of(0)

    def arrival(self) -> float:
        """Return the bearing in which the way comes to its end."""
        points = self.route.points
        moved = np.ptp(points, axis=0).any()
        return (self._bearing(points[::-1]) + 180.0) % 360.0 if moved else self.into(len(self.route.arcs))

    def _keeps(self, before: int, after: int, leg_name: int) -> bool:
        """Tell whether a street goes on: by its name, or where it has none by its class."""
        network = self.network
        name = int(network.arc_name[after])
        if name >= 0 or leg_name >= 0:
            return name == leg_name
        return bool(network.arc_class[before] == network.arc_class[after])

    def _rivals(self, turn: float, other: float, after: int, arc: int) -> bool:
        """Tell whether another way out could be taken for the way's own."""
        kind = self.network.arc_class
        lesser = kind[arc] >= RoadClass.SERVICE > kind[after]
        straighter = abs(other) >= abs(turn) + _STRAIGHTER_DEG and abs(other) >= _STRAIGHT_DEG
        return abs(other - turn) < _RIVAL_DEG and not lesser and not straighter

    def _bearing(self, points: NDArray[np.float64]) -> float:
        """Return the bearing from the first point to the place `_SIGHT_M` along the line."""
        steps = np.diff(points, axis=0) * self.per_degree
        behind_m = 0.0
        east = north = 0.0
        for dx, dy in steps.tolist():
            step_m = math.hypot(dx, dy)
            share = 1.0 if behind_m + step_m <= _SIGHT_M else (_SIGHT_M - behind_m) / step_m
            east, north = east + share * dx, north + share * dy
            behind_m += step_m
            if behind_m >= _SIGHT_M:
                break
        return math.degrees(math.atan2(east, north)) % 360.0


def _turned(came: float, goes: float) -> float:
    """Return the angle from one bearing to another, -180 to below 180; to the right it is above 0."""
    return (goes - came + 180.0) % 360.0 - 180.0


def _turn_code(turn: float) -> TurnCode:
    """Return the code of a turn that is not straight on."""
    if abs(turn) >= _BACK_DEG:
        return "u_turn"
    if turn > 0:
        return "sharp_right" if turn >= _SHARP_DEG else "turn_right" if turn >= _BEAR_DEG else "bear_right"
    return "sharp_left" if turn <= -_SHARP_DEG else "turn_left" if turn <= -_BEAR_DEG else "bear_left"
