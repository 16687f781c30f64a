"""The reserve: of each capability so many ready units stay back from the less urgent levels.

A unit counts for all that it can do. Levels that may use the reserve are served first and come first out of the count;
then the others are, one by one in their order, and none is sent who is wanted for a capability that has no more ready
units than the reserve. Who stays back for it is told in the reasons, and what they would have met goes on waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.force import Force
from engine.dispatch.policies import Policies
from engine.fleet import MOST_CAPABILITIES, READY

_READY = np.uint64(READY)


@dataclass(frozen=True)
class Reserve:
    """The reserve at one decision.

    Attributes
    ----------
    bits
        uint64 (U,), the fleet's of capabilities, and `READY`.
    ready
        int64 (62,), how many units are ready and seen, by capability.
    least
        How many of them stay back.
    down_to
        The least urgent level that may use the reserve.
    """

    bits: NDArray[np.uint64]
    ready: NDArray[np.int64]
    least: int
    down_to: int

    @classmethod
    def of(cls, force: Force, policies: Policies, fresh_after: int) -> Self | None:
        """Count who is ready; None for a city that keeps no reserve."""
        if not policies.reserve:
            return None
        fleet = force.fleet
        there = ((fleet.bits & _READY) != 0) & (fleet.arc >= 0) & (fleet.fixed_at >= fresh_after)
        bits = fleet.bits & (fleet.abilities_mask | _READY)
        ready = _by_capability(bits[there]).sum(axis=1)
        return cls(bits, ready, policies.reserve, policies.reserve_level)

    def held(self, level: int) -> frozenset[int]:
        """Return the rows of ready units that are not sent at a level, before anybody of this plan has left."""
        if level <= self.down_to:
            return frozenset()
        scarce = np.flatnonzero((self.ready > 0) & (self.ready <= self.least))
        mask = np.bitwise_or.reduce(np.uint64(1) << scarce.astype(np.uint64), initial=np.uint64(0))
        return frozenset(np.flatnonzero(((self.bits & mask) != 0) & ((self.bits & _READY) != 0)).tolist())

    def over(self, levels: Sequence[int], units: Sequence[int | None]) -> tuple[list[int], Self]:
        """Return which demands of a plan would eat into the reserve, and the reserve once the others have left.

        Parameters
        ----------
        levels, units
            For each demand its level and the row of the unit that would go, or None. Who is not ready, being under way
            to something else, is not of the reserve.
        """
        left = self.ready.copy()
        found: list[int] = []
        stays: dict[int, bool] = {}
        for i in sorted(range(len(levels)), key=lambda i: (levels[i], i)):
            unit = units[i]
            if unit is None or not self.bits[unit] & _READY:
                continue
            if unit in stays:  # it meets several demands, or none
                if stays[unit]:
                    found.append(i)
                continue
            able = _by_capability(self.bits[unit : unit + 1])[:, 0]
            if levels[i] > self.down_to and bool(np.any(left[able] <= self.least)):
                found.append(i)
                stays[unit] = True
            else:
                left[able] -= 1
                stays[unit] = False
        return found, replace(self, ready=left)


def _by_capability(bits: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return who can do what, bool (62, U)."""
    each = np.arange(MOST_CAPABILITIES, dtype=np.uint64)[:, None]
    return np.asarray((bits >> each) & np.uint64(1), np.bool_)
