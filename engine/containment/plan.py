"""What a containment comes to: posts with their deadlines, the shut area, a certificate, or a probability.

Data only: codes and values, never sentences.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SURE_STRETCH = 1_300
"""Thousandths: a plan counts as a seal where all ways may take so much longer than said."""

Duty = Literal["stand", "call", "circulate"]
"""A unit blocks the road; a standing checkpoint is told; a unit drives round and stops whom it meets."""
Reason = Literal["unguarded_way", "too_few_units", "no_distinct_units"]
"""Why no seal exists: a way out on which nobody is in time; the least cut takes more units than are in time; they are
enough, but they cannot all be at different posts of a cut."""
Verdict = Literal["no_way_out", "sealed", "impossible", "undecided"]


@dataclass(frozen=True, slots=True)
class Post:
    """One place to hold.

    Attributes
    ----------
    node, lon, lat
        Where.
    duty
        How it is held.
    units
        Rows of the crew; for a call the row of the checkpoint.
    watch_deg
        Directions that he would come from, clockwise from north, the soonest first.
    due_ms
        The earliest that he can be there, after now: by then the block stands or it is worth nothing.
    ready_ms
        When it stands if all is as said, after now.
    stretch
        Thousandths by which the ways of its units may take longer, at most 10,000; 0 where the post is no part of a
        seal, and may stand later than he can be there at the earliest.
    """

    node: int
    lon: float
    lat: float
    duty: Duty
    units: tuple[int, ...]
    watch_deg: tuple[int, ...]
    due_ms: int
    ready_ms: int
    stretch: int

    @property
    def spare_ms(self) -> int:
        """Time between the block and the suspect, if all is as said."""
        return self.due_ms - self.ready_ms


@dataclass(frozen=True, slots=True)
class Route:
    """A way out, node by node, from where he was seen to an exit or the first node outside the horizon."""

    weight: int
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """Why no seal exists where the suspect gets through some nodes and not through others: weighted ways, and prices.

    At no place on the ways do the ways through it weigh more than the cheapest units that could hold it cost. A seal
    meets every way, so its units cost at least what all ways weigh together; but that is more than all units cost. The
    bound is that of linear programming duality.

    Attributes
    ----------
    passed, barred
        Nodes: he gets through each of the first and no post is there; of the others, each is a post or behind posts. So
        a way may begin at one of the first as well, and end at one of the others.
    price
        By unit, the checkpoints after the crew.
    routes
        The ways.
    """

    passed: tuple[int, ...]
    barred: tuple[int, ...]
    price: tuple[int, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why no seal can exist at a stretch: branches that leave no case out, and for each why there is none in it.

    `engine.containment.checking` verifies it from the streets alone.

    Attributes
    ----------
    stretch
        Thousandths: there is no seal even where ways take only this much longer than said.
    branches
        Mostly one that supposes nothing; else whatever he gets through, one of them supposes just that.
    """

    stretch: int
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The reason in numbers: the fewest posts that shut all ways, where there is such a number, and who is in time."""

    reason: Reason
    posts: int | None
    units: int


@dataclass(frozen=True, slots=True)
class Chance:
    """How probably posts meet him who flees: on routes that the posts were not chosen by.

    Attributes
    ----------
    probability, low, high
        Estimated, and the 95 % interval of Wilson (1927).
    routes
        How many routes were held out.
    """

    probability: float
    low: float
    high: float
    routes: int


@dataclass(frozen=True, eq=False)
class Plan:
    """One plan.

    Attributes
    ----------
    verdict
        ``sealed`` with posts that hold at `SURE_STRETCH` or more; ``impossible`` with a certificate; ``undecided``; or
        ``no_way_out`` where nothing leads out of the horizon.
    posts
        For a seal those that shut him in; else those that meet him most probably.
    stretch
        Thousandths, of the whole plan: the least of its posts; 0 where it is no seal.
    area
        int32: the nodes that he can still get to.
    certificate, why, chance
        Where there is no seal.
    """

    verdict: Verdict
    posts: tuple[Post, ...] = ()
    stretch: int = 0
    area: NDArray[np.int32] | None = None
    certificate: Certificate | None = None
    why: Why | None = None
    chance: Chance | None = None

    @property
    def spare_ms(self) -> int | None:
        """The least spare time of all posts; None without posts."""
        return min((post.spare_ms for post in self.posts), default=None)
