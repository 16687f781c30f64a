"""What containment is asked: where the suspect was, how far he may get, who could hold a post.

Times are milliseconds after now, the moment of planning; the suspect had a head start, so some of his are below 0.
Everything is bounded, and what is out of bounds is refused by name.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.model.errors import Refusal
from engine.model.limits import (
    LONGEST_HORIZON_MS,
    MOST_CHECKPOINTS,
    MOST_CREW,
    MOST_EXITS,
    MOST_SEEN,
    OLDEST_SEEN_MS,
)
from geo_data.raw_roads import RoadClass
from geo_data.road_network import RoadNetwork

SETUP_MS = 20_000
"""From arriving at a post to blocking it."""
TWO_UNIT_CLASSES = frozenset({RoadClass.MOTORWAY})
"""Streets that one car alone cannot shut."""
LONGEST_TURNOUT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the suspect was last seen, and how long ago. Several stand for several possibilities."""

    arc: int
    fraction: float
    ago_ms: int = 0


@dataclass(frozen=True)
class Crew:
    """Who could hold a post. ``U`` units.

    Attributes
    ----------
    arc, fraction
        int32 (U,) and float64 (U,): where each is, as in `engine.travel.Riders`.
    turnout_ms
        int64 (U,): from now until its wheels roll.
    stands
        bool (U,): whether it can block a road by standing in it. Who cannot, a motorcycle or a foot patrol, is never
        part of a seal and circulates where the suspect is likely to come by.
    """

    arc: NDArray[np.int32]
    fraction: NDArray[np.float64]
    turnout_ms: NDArray[np.int64]
    stands: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        arc: ArrayLike,
        fraction: ArrayLike,
        turnout_ms: ArrayLike | None = None,
        stands: ArrayLike | None = None,
    ) -> Self:
        """Take columns in any form; without further word all units roll at once and can stand."""
        arcs = np.asarray(arc, np.int32)
        return cls(
            arcs,
            np.asarray(fraction, np.float64),
            np.zeros(len(arcs), np.int64) if turnout_ms is None else np.asarray(turnout_ms, np.int64),
            np.ones(len(arcs), np.bool_) if stands is None else np.asarray(stands, np.bool_),
        )

    def __len__(self) -> int:
        return len(self.arc)


@dataclass(frozen=True)
class Checkpoints:
    """Standing checkpoints. One blocks its node with its own people, ``call_ms`` after now, and needs no unit.

    Attributes
    ----------
    node
        int32 (c,), each at most once.
    call_ms
        int64 (c,): until it has been told and the barrier is down.
    """

    node: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    call_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, node: ArrayLike, call_ms: ArrayLike) -> Self:
        """Take columns in any form."""
        return cls(np.asarray(node, np.int32), np.asarray(call_ms, np.int64))

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One question of containment.

    Attributes
    ----------
    seen
        Where the suspect may have been last; he was at one of these places.
    horizon_ms
        How far he may get: what he cannot reach by then, after now, is outside, and to be there is to be away.
    crew, checkpoints
        Who could hold a post.
    exits
        int32 (e,): nodes at which he is away though the time is not up: ramps, borders, the edge of the map.
    setup_ms
        From a unit's arrival to a standing block.
    two_unit_classes
        At a node of such a street a post takes two units.
    heading_deg
        Where he was heading when seen, clockwise from north; None where nobody knows. It guides sampled routes only:
        a seal holds whichever way he turns.
    """

    seen: tuple[Seen, ...]
    horizon_ms: int
    crew: Crew
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    exits: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    setup_ms: int = SETUP_MS
    two_unit_classes: frozenset[RoadClass] = TWO_UNIT_CLASSES
    heading_deg: float | None = None

    def check(self, network: RoadNetwork) -> None:
        """Refuse what does not fit the network or the limits.

        Raises
        ------
        Refusal
            Which field, what it held and what would have been taken.
        """
        _within("horizon_ms", self.horizon_ms, 1, LONGEST_HORIZON_MS)
        _within("setup_ms", self.setup_ms, 0, LONGEST_TURNOUT_MS)
        _within("seen", len(self.seen), 1, MOST_SEEN)
        for i, place in enumerate(self.seen):
            _within(f"seen[{i}].arc", place.arc, 0, network.n_arcs - 1)
            _within(f"seen[{i}].fraction", place.fraction, 0.0, 1.0)
            _within(f"seen[{i}].ago_ms", place.ago_ms, 0, OLDEST_SEEN_MS)
        crew, posts = self.crew, self.checkpoints
        _within("crew", len(crew), 0, MOST_CREW)
        for name in ("fraction", "turnout_ms", "stands"):
            if getattr(crew, name).shape != crew.arc.shape:
                raise Refusal("wrong_shape", f"crew.{name}", getattr(crew, name).shape, crew.arc.shape)
        _each_within("crew.arc", crew.arc, 0, network.n_arcs - 1)
        _each_within("crew.fraction", crew.fraction, 0.0, 1.0)
        _each_within("crew.turnout_ms", crew.turnout_ms, 0, LONGEST_TURNOUT_MS)
        _within("checkpoints", len(posts), 0, MOST_CHECKPOINTS)
        if posts.call_ms.shape != posts.node.shape:
            raise Refusal("wrong_shape", "checkpoints.call_ms", posts.call_ms.shape, posts.node.shape)
        _each_within("checkpoints.node", posts.node, 0, network.n_nodes - 1)
        _each_within("checkpoints.call_ms", posts.call_ms, 0, LONGEST_TURNOUT_MS)
        if len(np.unique(posts.node)) < len(posts):
            raise Refusal("repeated", "checkpoints.node", len(posts), "each node at most once")
        _within("exits", len(self.exits), 0, MOST_EXITS)
        _each_within("exits", self.exits, 0, network.n_nodes - 1)
        if self.heading_deg is not None:
            _within("heading_deg", self.heading_deg, 0.0, 360.0)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise Refusal("out_of_range", name, value, f"{least} to {most}")


def _each_within(
    name: str, values: NDArray[np.int32] | NDArray[np.int64] | NDArray[np.float64], least: float, most: float
) -> None:
    wrong = np.flatnonzero(~((values >= least) & (values <= most)))
    if len(wrong):
        _within(f"{name}[{wrong[0]}]", values[wrong[0]].item(), least, most)
