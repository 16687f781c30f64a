"""What a decision weighs besides time: handicaps by unit, in milliseconds, each under its code.

A handicap is added to the ETA where candidates are ranked and planned for, and stands in the candidate's penalties; the
ETA itself stays true. Handicaps are whole columns, so that one costs the same whoever is near: nothing is done for a
single unit until it is named in a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.dispatch.policies import Policies
from engine.fleet import FleetView
from engine.travel.riders import MOST_HANDICAP_MS

POSITION_AGE = "position_age"


@dataclass(frozen=True)
class Handicaps:
    """What counts against each unit for one demand. ``U`` units.

    Attributes
    ----------
    columns
        int32 (U,) by code, not negative.
    total_ms
        int32 (U,), their sum, at most `engine.travel.riders.MOST_HANDICAP_MS`; None where nothing counts.
    """

    columns: Mapping[str, NDArray[np.int32]]
    total_ms: NDArray[np.int32] | None

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[np.int32] | None]) -> Self:
        """Add up columns; None stands for one that is 0 throughout."""
        its = {code: column for code, column in columns.items() if column is not None}
        if len(its) <= 1:
            return cls(its, next(iter(its.values()), None))
        total = np.minimum(np.sum(list(its.values()), axis=0, dtype=np.int64), MOST_HANDICAP_MS)
        return cls(its, total.astype(np.int32))

    def said(self, row: int) -> dict[str, int]:
        """Return what counts against a unit, in ms by code."""
        return {code: int(column[row]) for code, column in self.columns.items() if column[row]}


def age_handicap(fleet: FleetView, policies: Policies, now: int) -> NDArray[np.int32] | None:
    """Return what the age of each position counts, int32 (U,) in ms; None where none is old enough to count.

    A position ``a`` ms old counts ``(a - fresh_position_ms) / 1000 * age_penalty_ms_per_s``. A patrol that cruises half
    as fast as it answers calls may be, for each second that nothing was heard of it, up to 500 ms farther away than its
    position says; the default is half of that worst. It grows with the age, so that of two units as near the one goes
    that is known to be there, and ends at ``stale_position_ms``, from where on nobody is sent by such a position. A
    city that trusts any age (0) has nothing to count.
    """
    if not policies.stale_position_ms or not policies.age_penalty_ms_per_s:
        return None
    from engine.fleet.kernels import price_age  # noqa: PLC0415 - numba, wanted once something is decided

    out = np.empty(len(fleet.fixed_at), np.int32)
    fresh_after = now - policies.fresh_position_ms
    most = price_age(fleet.fixed_at, fresh_after, policies.age_penalty_ms_per_s, MOST_HANDICAP_MS, out)
    return out if most else None
