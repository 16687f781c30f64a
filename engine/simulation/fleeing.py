"""A made-up suspect who flees: by car along streets away from where it began, then on foot. Knows nothing of posts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.containment.suspect import fastest_ms
from engine.model.lookouts import Mode
from geo_data.raw_roads import Mode as RoadMode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.speeds import NEVER

RUN_MPS = (2.5, 4.0)
"""Between these, on foot."""
HASTE = (1.1, 1.7)
"""A car takes so many times what the fastest would."""
_AWAY, _ONWARDS = 1.5, 1.0
"""How much it counts to lead away from the start, and to go straight on."""


@dataclass(frozen=True)
class Leg:
    """One street on the way: from when to when, its points, the node at its end, and how."""

    begins_at: int
    ends_at: int
    points: NDArray[np.float64]
    node: int
    mode: Mode


class Fleer:
    """Where the suspect is at every instant.

    Parameters
    ----------
    begins_at, leaves_car_at, ends_at
        Instants, in ms since the epoch.
    """

    def __init__(self, network: RoadNetwork, *, seed: int, begins_at: int, leaves_car_at: int, ends_at: int) -> None:
        self._network = network
        self._chance = np.random.default_rng(seed)
        self._drive_ms = fastest_ms(network)
        self._walked = (np.asarray(network.arc_modes) & int(RoadMode.FOOT)) != 0
        self.legs: list[Leg] = []
        node, heading, at = self._start(), float(self._chance.uniform(0, 2 * np.pi)), begins_at
        self._origin = node
        while at < ends_at:
            mode: Mode = "car" if at < leaves_car_at else "foot"
            found = self._next(node, heading, mode)
            if found is None:
                if mode == "foot":
                    break
                leaves_car_at = at
                continue
            arc, back = found
            leg = self._leg(arc, at, mode, back=back)
            self.legs.append(leg)
            heading, node, at = self._bearing(leg.points), leg.node, leg.ends_at

    def at(self, now: int) -> tuple[float, float, Mode, float]:
        """Return longitude, latitude, mode and heading in degrees at an instant; the end once it is over."""
        leg = next((leg for leg in self.legs if now < leg.ends_at), self.legs[-1])
        share = float(np.clip((now - leg.begins_at) / max(1, leg.ends_at - leg.begins_at), 0.0, 1.0))
        along = np.linspace(0.0, 1.0, len(leg.points))
        lon, lat = (float(np.interp(share, along, leg.points[:, axis])) for axis in (0, 1))
        return lon, lat, leg.mode, float(np.degrees(self._bearing(leg.points)) % 360)

    def passed(self, since: int, until: int) -> list[Leg]:
        """Return the legs that ended after ``since`` and not after ``until``: the nodes that were passed."""
        return [leg for leg in self.legs if since < leg.ends_at <= until]

    def _start(self) -> int:
        """Return a junction in the middle of the map."""
        network = self._network
        west, south, east, north = network.bounds()
        middle = (np.abs(network.node_lon - (west + east) / 2) < (east - west) / 6) & (
            np.abs(network.node_lat - (south + north) / 2) < (north - south) / 6
        )
        degree = np.diff(network.first_out)
        there = np.flatnonzero(middle & (degree >= 3))
        return int(self._chance.choice(there if len(there) else np.flatnonzero(degree >= 2)))

    def _next(self, node: int, heading: float, mode: Mode) -> tuple[int, bool] | None:
        """Return the next arc and whether it is gone against its direction; None where no way leads on."""
        network = self._network
        found = [(arc, False) for arc in range(int(network.first_out[node]), int(network.first_out[node + 1]))]
        if mode == "foot":
            into = network.in_arc[network.first_in[node] : network.first_in[node + 1]].tolist()
            found += [(arc, True) for arc in into if network.arc_reverse[arc] < 0]
            found = [(arc, back) for arc, back in found if self._walked[arc]]
        else:
            found = [(arc, back) for arc, back in found if self._drive_ms[arc] < NEVER]
        if not found:
            return None
        turned = [self._bearing(self._points(arc, back=back)) - heading for arc, back in found]
        away = self._away(node)
        weights = np.array(
            [
                np.exp(_ONWARDS * np.cos(turn) + _AWAY * (np.cos(turn + heading - away) if away is not None else 0.0))
                * (0.02 if np.cos(turn) < -0.9 else 1.0)
                for turn in turned
            ]
        )
        return found[int(self._chance.choice(len(found), p=weights / weights.sum()))]

    def _away(self, node: int) -> float | None:
        """Return the direction away from the start, in radians clockwise from north."""
        if node == self._origin:
            return None
        network = self._network
        here, there = (
            np.array([[network.node_lon[it], network.node_lat[it]]], np.float64) for it in (self._origin, node)
        )
        return self._bearing(np.concatenate((here, there)))

    def _leg(self, arc: int, at: int, mode: Mode, *, back: bool) -> Leg:
        network = self._network
        if mode == "foot":
            ms = float(network.arc_length_m[arc]) / self._chance.uniform(*RUN_MPS) * 1000
        else:
            ms = float(self._drive_ms[arc]) * self._chance.uniform(*HASTE)
        node = int(network.arc_tail[arc] if back else network.arc_head[arc])
        return Leg(at, at + max(1, round(ms)), self._points(arc, back=back), node, mode)

    def _points(self, arc: int, *, back: bool) -> NDArray[np.float64]:
        points = np.asarray(self._network.arc_points(arc), np.float64)
        return points[::-1] if back else points

    @staticmethod
    def _bearing(points: NDArray[np.float64]) -> float:
        per_lon, per_lat = metres_per_degree(float(points[0, 1]))
        east, north = (points[-1, 0] - points[0, 0]) * per_lon, (points[-1, 1] - points[0, 1]) * per_lat
        return float(np.arctan2(east, north))
