"""What a source of roads hands over: streets as drawn, before anything is simplified, ordered or cut off.

One edge is one piece of street between two nodes, in the direction it was drawn, with what each direction allows.
`geo_data.building` turns it into a `RoadNetwork`.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray


class Mode(IntFlag):
    """Who may use an arc."""

    NORMAL = 1
    EMERGENCY = 2
    FOOT = 4
    CONTRAFLOW = 8
    """Emergency vehicles against a one-way street, where a city lets them: `geo_data.building.contraflow`."""


MODES = (Mode.NORMAL, Mode.EMERGENCY, Mode.FOOT)
"""Those that have a network of their own."""
DRIVE = Mode.NORMAL | Mode.EMERGENCY
ALL_MODES = Mode.NORMAL | Mode.EMERGENCY | Mode.FOOT


class RoadClass(IntEnum):
    """What kind of street; free-flow speeds by class stand in `geo_data.speeds`."""

    MOTORWAY = 0
    MOTORWAY_LINK = 1
    TRUNK = 2
    TRUNK_LINK = 3
    PRIMARY = 4
    PRIMARY_LINK = 5
    SECONDARY = 6
    SECONDARY_LINK = 7
    TERTIARY = 8
    TERTIARY_LINK = 9
    UNCLASSIFIED = 10
    RESIDENTIAL = 11
    LIVING_STREET = 12
    SERVICE = 13
    TRACK = 14
    BUSWAY = 15
    PEDESTRIAN = 16
    FOOTWAY = 17
    STEPS = 18
    FERRY = 19
    OTHER = 20
    TURN_STRAIGHT = 21
    """No street but a way through a junction that was taken apart: `geo_data.building.turns`."""
    TURN_RIGHT = 22
    TURN_LEFT = 23
    TURN_U = 24


STREETS = tuple(kind for kind in RoadClass if kind < RoadClass.TURN_STRAIGHT)
"""The classes of streets; the others are turns."""


class NodeKind(IntEnum):
    """What drivers meet at a node."""

    NONE = 0
    SIGNALS = 1
    STOP = 2
    GIVE_WAY = 3
    CROSSING = 4
    """A crossing for walkers with signals."""
    LEVEL_CROSSING = 5
    MINI_ROUNDABOUT = 6


class Facing(IntEnum):
    """Whom a node's kind concerns: all who come to it, or those who come along or against the drawn direction."""

    BOTH = 0
    FORWARD = 1
    BACKWARD = 2


class Restriction(IntEnum):
    """What a turn restriction says of its turn."""

    NO = 0
    ONLY = 1


@dataclass(kw_only=True)
class RawRoads:
    """Streets as a source gives them. ``n`` nodes, ``e`` edges, ``p`` geometry points, ``r`` turn restrictions.

    Attributes
    ----------
    node_lon, node_lat
        float64 (n,), degrees WGS-84.
    tail, head
        int32 (e,), node indices in the drawn direction. Parallel edges and loops are allowed.
    forward_modes, backward_modes
        uint8 (e,), bits of `Mode` allowed along and against the drawn direction.
    road_class
        uint8 (e,), `RoadClass`.
    forward_kmh, backward_kmh
        float32 (e,), signed or measured speed; NaN where only the class is known.
    forward_emergency_kmh, backward_emergency_kmh
        float32 (e,), measured speed under lights and sirens; NaN where unknown.
    length_m
        float32 (e,); NaN where it is to be measured along the geometry.
    name
        int32 (e,), index into ``names`` and ``names_zh``; -1 without a name.
    point_first
        int64 (e + 1,), where each edge's geometry begins in ``point_lon`` and ``point_lat``; both ends included.
    source_id
        int64 (e,), the source's own id of the street (OSM way, CNN, link).
    node_source_id
        int64 (n,), the source's own id of the node.
    no_merge
        bool (n,), nodes at which edges must not be merged into one (barriers, signals that matter).
    roundabout
        bool (e,), streets that go round one; left out where a source does not say, and then false everywhere.
    node_kind, node_facing
        uint8 (n,), `NodeKind` and `Facing`; left out where a source says nothing of them, and then 0 everywhere.
    turn_from, turn_via, turn_to, turn_kind
        int32 (r,) edge, node, edge; uint8 `Restriction`.
    dropped
        What the source left out, counted by reason, for the report.
    """

    source: str
    licence: str
    attribution: str
    node_lon: NDArray[np.float64]
    node_lat: NDArray[np.float64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    forward_modes: NDArray[np.uint8]
    backward_modes: NDArray[np.uint8]
    road_class: NDArray[np.uint8]
    forward_kmh: NDArray[np.float32]
    backward_kmh: NDArray[np.float32]
    forward_emergency_kmh: NDArray[np.float32]
    backward_emergency_kmh: NDArray[np.float32]
    length_m: NDArray[np.float32]
    name: NDArray[np.int32]
    names: list[str]
    names_zh: list[str]
    point_first: NDArray[np.int64]
    point_lon: NDArray[np.float64]
    point_lat: NDArray[np.float64]
    source_id: NDArray[np.int64]
    node_source_id: NDArray[np.int64]
    no_merge: NDArray[np.bool_]
    roundabout: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    node_kind: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    node_facing: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    turn_from: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    turn_via: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    turn_to: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    turn_kind: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    dropped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let every node be of no kind, and no street a roundabout, where the source knows of none."""
        if len(self.roundabout) == 0:
            self.roundabout = np.zeros(len(self.tail), np.bool_)
        for name in ("node_kind", "node_facing"):
            if len(getattr(self, name)) == 0:
                setattr(self, name, np.zeros(len(self.node_lon), np.uint8))
