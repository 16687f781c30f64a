"""Where everyone is: columns by unit, lists of units by node and by H3 cell, eligibility as bits.

Rules: a row never changes its unit; positions only go forward in time; a position that is not taken has a reason and
is counted; moving units touches arrays alone, never a Python object per unit.
"""

from engine.fleet.columns import (
    MOST_CAPABILITIES,
    NEVER_FIXED,
    READY,
    SHIFT_OVER,
    STATUS_CODE,
    STATUSES,
    FleetView,
    Reason,
    equipment_name,
    is_capability,
    is_rank,
    rank_name,
)
from engine.fleet.fleet import Fleet, Moves, warm

__all__ = [
    "MOST_CAPABILITIES",
    "NEVER_FIXED",
    "READY",
    "SHIFT_OVER",
    "STATUSES",
    "STATUS_CODE",
    "Fleet",
    "FleetView",
    "Moves",
    "Reason",
    "equipment_name",
    "is_capability",
    "is_rank",
    "rank_name",
    "warm",
]
