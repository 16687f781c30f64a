"""What stands on a node, whom it stops, and where that is set into the streets.

By default a kind of barrier stops whom its row says; access tags on the node overrule that for NORMAL and FOOT. An
emergency crew opens what can be opened (gates, chains, removable bollards), whatever ``access`` says, unless
``emergency=no``. What is fixed stays closed to vehicles unless the node names them: ``access=yes`` on a bollard
speaks of those who fit through.

A barrier that stops a mode stops it within a metre: of each street that meets it, the last metre becomes a piece of its
own without that mode, so that both sides stay reachable to the very gate, whoever may pass does pass, and nobody else.
No node is doubled and no street has length 0. Where three or more streets meet, a barrier cannot be told to belong to
one of them; it is left out and counted, because it would cut streets that it does not stand on.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geo_data.lengths import distance_m
from geo_data.raw_roads import ALL_MODES, Mode, RawRoads
from geo_data.sources.osm.tags import access_of, first_access

_OPENABLE = int(Mode.EMERGENCY | Mode.FOOT)
_FIXED = int(Mode.FOOT)

PASSES = {
    **dict.fromkeys(
        ("toll_booth", "border_control", "cattle_grid", "entrance", "height_restrictor", "no", "kerb", "coupure"),
        int(ALL_MODES),
    ),
    **dict.fromkeys(("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "sally_port"), int(ALL_MODES)),
    **dict.fromkeys(("chain", "rope", "bar", "hampshire_gate", "wicket_gate", "bump_gate"), _OPENABLE),
    **dict.fromkeys(("wall", "fence", "hedge", "city_wall", "retaining_wall", "ditch"), 0),
}
"""Modes that pass each kind of barrier without any access tag; any other kind lets walkers pass and nobody else."""

_OPENABLE_KINDS = frozenset(
    {
        *("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "sally_port", "chain", "rope", "bar"),
        *("hampshire_gate", "wicket_gate", "bump_gate", "toll_booth", "border_control"),
    }
)
_MOVABLE_BOLLARDS = frozenset({"removable", "rising", "foldable", "flexible", "retractable", "hinged"})
_HIGH_KERBS = frozenset({"raised", "regular", "yes"})


def barrier_passes(tags: Mapping[str, str]) -> int:
    """Return the bits of the modes that may pass a node; all of them where there is no barrier."""
    kind = tags.get("barrier")
    if kind is None:
        return int(ALL_MODES)
    passes = PASSES.get(kind, _FIXED)
    if kind == "bollard" and tags.get("bollard") in _MOVABLE_BOLLARDS:
        passes = _OPENABLE
    if kind == "kerb" and tags.get("kerb") in _HIGH_KERBS:
        passes = _OPENABLE
    openable = kind in _OPENABLE_KINDS or bool(passes & Mode.EMERGENCY)
    if tags.get("locked") == "yes":
        passes &= ~int(Mode.NORMAL)
    motor = first_access(tags, ("motorcar", "motor_vehicle", "vehicle"))
    if motor is None and (openable or access_of(tags.get("access")) is False):
        motor = access_of(tags.get("access"))
    if motor is not None:
        passes = passes | Mode.NORMAL if motor else passes & ~int(Mode.NORMAL)
    foot = first_access(tags, ("foot", "access"))
    if foot is not None:
        passes = passes | Mode.FOOT if foot else passes & ~int(Mode.FOOT)
    emergency = access_of(tags.get("emergency"))
    if emergency is None:
        emergency = openable or motor is True
    return passes | Mode.EMERGENCY if emergency else passes & ~int(Mode.EMERGENCY)


PIECE_M = 1.0
"""How long the piece is that a barrier closes on each side."""

Line = tuple[NDArray[np.float64], NDArray[np.float64]]


def cut_barriers(roads: RawRoads, stops: Mapping[int, int]) -> RawRoads:
    """Set barriers into streets.

    Parameters
    ----------
    roads
        Streets that have a node at each barrier; not changed but for ``dropped`` and ``no_merge``.
    stops
        By node, the bits of the modes that may pass.

    Returns
    -------
    The streets, with the pieces at barriers as edges of their own at the end, and the nodes between them likewise.
    """
    degree = np.bincount(np.concatenate((roads.tail, roads.head)), minlength=len(roads.node_lon))
    at_junctions = sum(int(degree[node] > 2) for node in stops)
    if at_junctions:
        roads.dropped["barriers_at_junctions"] = at_junctions
    passes = np.full(len(roads.node_lon), int(ALL_MODES), np.uint8)
    for node, bits in stops.items():
        if degree[node] <= 2:
            passes[node] = bits
            roads.no_merge[node] = True
    modes = roads.forward_modes | roads.backward_modes
    stopped = (modes & ~(passes[roads.tail] & passes[roads.head])) != 0
    if not stopped.any():
        return roads
    pieces = _Pieces(roads, passes)
    for edge in np.flatnonzero(stopped):
        pieces.cut(int(edge))
    return pieces.join(np.flatnonzero(~stopped))


class _Pieces:
    """The edges that take the place of those that meet a barrier."""

    def __init__(self, roads: RawRoads, passes: NDArray[np.uint8]) -> None:
        self.roads, self.passes = roads, passes
        self.parent: list[int] = []
        self.ends: list[tuple[int, int]] = []
        self.mask: list[int] = []
        self.lines: list[Line] = []
        self.new_nodes: list[tuple[float, float]] = []

    def cut(self, edge: int) -> None:
        """Split one edge: a closed metre at a barrier's end, or all of it where it is too short to split."""
        roads = self.roads
        part = slice(int(roads.point_first[edge]), int(roads.point_first[edge + 1]))
        lon, lat = roads.point_lon[part], roads.point_lat[part]
        steps = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
        at_m = np.concatenate(([0.0], np.cumsum(steps)))
        tail, head = int(roads.tail[edge]), int(roads.head[edge])
        modes = int(roads.forward_modes[edge] | roads.backward_modes[edge])
        at_tail, at_head = int(self.passes[tail]), int(self.passes[head])
        length_m = float(at_m[-1])
        if length_m <= 3 * PIECE_M:
            self._add(edge, tail, head, at_tail & at_head, (lon, lat))
            return
        cuts = [PIECE_M] if modes & ~at_tail else []
        cuts += [length_m - PIECE_M] if modes & ~at_head else []
        limits = [0.0, *cuts, length_m]
        nodes = [tail, *(self._node(at, at_m, lon, lat) for at in cuts), head]
        for place in range(len(limits) - 1):
            mask = (at_tail if place == 0 and PIECE_M in cuts[:1] else int(ALL_MODES)) & (
                at_head if place == len(limits) - 2 and modes & ~at_head else int(ALL_MODES)
            )
            line = _between(limits[place], limits[place + 1], at_m, lon, lat)
            self._add(edge, nodes[place], nodes[place + 1], mask, line)

    def _node(self, at: float, at_m: NDArray[np.float64], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> int:
        self.new_nodes.append((float(np.interp(at, at_m, lon)), float(np.interp(at, at_m, lat))))
        return len(self.roads.node_lon) + len(self.new_nodes) - 1

    def _add(self, edge: int, tail: int, head: int, mask: int, line: Line) -> None:
        self.parent.append(edge)
        self.ends.append((tail, head))
        self.mask.append(mask)
        self.lines.append(line)

    def join(self, whole: NDArray[np.int64]) -> RawRoads:
        """Return the streets that were not cut, followed by the pieces."""
        roads = self.roads
        source = np.concatenate((whole, self.parent)).astype(np.int64)
        ends = np.array(self.ends, np.int32)
        mask = np.concatenate((np.full(len(whole), ALL_MODES, np.uint8), np.array(self.mask, np.uint8)))
        counts = np.diff(roads.point_first)[whole]
        kept = np.zeros(len(roads.tail), np.bool_)
        kept[whole] = True
        points = np.repeat(kept, np.diff(roads.point_first))
        point_first = np.zeros(len(source) + 1, np.int64)
        np.cumsum(np.concatenate((counts, [len(lon) for lon, _ in self.lines])), out=point_first[1:])
        added = np.array(self.new_nodes, np.float64).reshape(-1, 2)
        tail = np.concatenate((roads.tail[whole], ends[:, 0]))
        head = np.concatenate((roads.head[whole], ends[:, 1]))
        by_edge = (
            *("road_class", "forward_kmh", "backward_kmh", "forward_emergency_kmh", "backward_emergency_kmh"),
            *("length_m", "name", "source_id", "roundabout"),
        )
        place = np.full(len(roads.tail), -1, np.int64)
        place[whole] = np.arange(len(whole))
        return replace(
            roads,
            node_lon=np.concatenate((roads.node_lon, added[:, 0])),
            node_lat=np.concatenate((roads.node_lat, added[:, 1])),
            node_source_id=np.concatenate((roads.node_source_id, np.full(len(added), -1, np.int64))),
            no_merge=np.concatenate((roads.no_merge, np.zeros(len(added), np.bool_))),
            node_kind=np.concatenate((roads.node_kind, np.zeros(len(added), np.uint8))),
            node_facing=np.concatenate((roads.node_facing, np.zeros(len(added), np.uint8))),
            tail=tail,
            head=head,
            forward_modes=roads.forward_modes[source] & mask,
            backward_modes=roads.backward_modes[source] & mask,
            point_first=point_first,
            point_lon=np.concatenate((roads.point_lon[points], *(lon for lon, _ in self.lines))),
            point_lat=np.concatenate((roads.point_lat[points], *(lat for _, lat in self.lines))),
            turn_from=self._edge_now(roads.turn_from, place, len(whole), ends),
            turn_to=self._edge_now(roads.turn_to, place, len(whole), ends),
            **{name: getattr(roads, name)[source] for name in by_edge},
        )

    def _edge_now(
        self, edges: NDArray[np.int32], place: NDArray[np.int64], whole: int, ends: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Where the edges of turn restrictions are now: of an edge that was cut, the piece at the via node."""
        now = place[edges]
        parents = np.array(self.parent)
        for turn in np.flatnonzero(now < 0):
            via = self.roads.turn_via[turn]
            touches = (parents == edges[turn]) & (ends == via).any(axis=1)
            now[turn] = whole + int(np.argmax(touches))
        return now.astype(np.int32)


def _between(
    begin_m: float, end_m: float, at_m: NDArray[np.float64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Line:
    """Return the part of a line between two distances along it."""
    inside = (at_m > begin_m) & (at_m < end_m)
    at = np.concatenate(([begin_m], at_m[inside], [end_m]))
    return np.interp(at, at_m, lon), np.interp(at, at_m, lat)
