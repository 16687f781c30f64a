"""A fleet's columns as others read them, living or frozen.

Bits 0 to 61 of ``bits`` are capabilities in the order they were first seen, and what is asked of units like them:
equipment, and that somebody in the unit has a rank or a higher one (`equipment_name`, `rank_name`). Bit 62 is never
set, so that what no unit has is a mask that nobody meets; bit 63, `READY`, is set while the unit is available.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal
from engine.model.ids import UnitId
from engine.model.lifecycle import UnitStatus

READY = 1 << 63
NOBODY = 1 << 62
MOST_CAPABILITIES = 62
SHIFT_OVER = -2
"""In ``divertible``: of a unit that goes off duty when its order has ended."""
NEVER_FIXED = -(1 << 62)
"""When a unit's position was true that has never been known."""
STATUSES: tuple[UnitStatus, ...] = tuple(UnitStatus)
STATUS_CODE: dict[UnitStatus, int] = {status: code for code, status in enumerate(STATUSES)}
"""What stands in the status column."""

_EQUIPMENT, _RANK = "equipment:", "rank:"


def equipment_name(equipment: str) -> str:
    """Return the name under which a piece of equipment has a bit, as a capability has under its own."""
    return _EQUIPMENT + equipment


def rank_name(rank: str) -> str:
    """Return the name of the bit of units in which somebody has this rank or a higher one."""
    return _RANK + rank


def is_rank(name: str) -> bool:
    """Tell whether a name with a bit is that of a rank."""
    return name.startswith(_RANK)


def is_capability(name: str) -> bool:
    """Tell whether a name with a bit is a capability, and neither equipment nor a rank."""
    return not name.startswith((_EQUIPMENT, _RANK))


COLUMNS: dict[str, tuple[type, int, float]] = {
    # name: dtype, entries by unit, value of an empty row
    "bits": (np.uint64, 1, 0),
    "status": (np.int8, 1, STATUS_CODE[UnitStatus.OFF_DUTY]),
    "divertible": (np.int8, 1, 0),
    "turnout_ms": (np.int32, 1, 0),
    "people": (np.int16, 1, 0),
    "sworn": (np.int16, 1, 0),
    "team": (np.int32, 1, -1),
    "arc": (np.int32, 1, -1),
    "fraction": (np.float64, 1, 0),
    "lon": (np.float64, 1, np.nan),
    "lat": (np.float64, 1, np.nan),
    "heading_deg": (np.float64, 1, np.nan),
    "fixed_at": (np.int64, 1, NEVER_FIXED),
    "cell": (np.uint64, 1, 0),
    "reported": (np.bool_, 1, 0),
    "entry_ms": (np.int32, 2, 0),
    "next_entry": (np.int32, 2, -1),
}
"""The columns that a view shows; each is an attribute of `FleetView`."""


class Reason(IntEnum):
    """Why a position was not taken."""

    TAKEN = 0
    OLDER = 1
    """A younger one is known."""
    OFF_ROAD = 2
    """No street within the limit: the unit keeps its last place, which grows old."""
    NOT_A_POSITION = 3
    """Not finite, or out of the range of degrees."""
    FUTURE = 4
    """Dated after the latest instant that the caller allows."""
    UNKNOWN_ROW = 5
    """No unit has this row."""


class FleetView:
    """Columns by unit. ``U`` units, ``n`` nodes.

    Attributes
    ----------
    ids
        The units' ids by row.
    bits
        uint64 (U,), capabilities and `READY`.
    status
        int8 (U,), `STATUS_CODE`.
    divertible
        int8 (U,), the level of what a unit is under way to, where it may be taken off that; 0 where not,
        below 0 where that is its station's to say, `SHIFT_OVER` where it goes off duty after that.
    turnout_ms
        int32 (U,).
    people, sworn
        int16 (U,), how many are in it, and how many sworn officers among them, where a city says so.
    team
        int32 (U,), which of ``teams`` it belongs to; -1 for none.
    teams
        Their names.
    arc, fraction
        int32 and float64 (U,), the place on the roads; arc -1 where none is known.
    lon, lat, heading_deg
        float64 (U,), the last position taken, in degrees; NaN where unknown.
    fixed_at
        int64 (U,), when it was true, ms since the epoch; `NEVER_FIXED` where unknown.
    cell
        uint64 (U,), the H3 cell of the position; 0 where unknown.
    reported
        bool (U,), whether the unit ever sent a position; else it is its configured start.
    first_at_node, next_entry, entry_ms
        int32 (n,), (2 U,), (2 U,): the lists that `engine.travel.Riders` describes.
    """

    ids: list[UnitId]
    bits: NDArray[np.uint64]
    status: NDArray[np.int8]
    divertible: NDArray[np.int8]
    turnout_ms: NDArray[np.int32]
    people: NDArray[np.int16]
    sworn: NDArray[np.int16]
    team: NDArray[np.int32]
    teams: list[str]
    arc: NDArray[np.int32]
    fraction: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    fixed_at: NDArray[np.int64]
    cell: NDArray[np.uint64]
    reported: NDArray[np.bool_]
    first_at_node: NDArray[np.int32]
    next_entry: NDArray[np.int32]
    entry_ms: NDArray[np.int32]
    _row: dict[str, int]
    _bit: dict[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, unit_id: object) -> bool:
        return unit_id in self._row

    def index(self, unit_id: str) -> int:
        """Return a unit's row.

        Raises
        ------
        Refusal
            When there is no such unit.
        """
        row = self._row.get(unit_id)
        if row is None:
            raise Refusal("unknown_unit", "unit", unit_id, f"one of {len(self.ids)} known units")
        return row

    def capability_mask(self, names: Iterable[str]) -> int:
        """Return the bits that a unit with all these capabilities has; one that no unit has is met by nobody."""
        mask = 0
        for name in names:
            mask |= self._bit.get(name, NOBODY)
        return mask

    @property
    def abilities_mask(self) -> np.uint64:
        """The bits of capabilities, without those of equipment and ranks."""
        return np.uint64(self.capability_mask(filter(is_capability, self._bit)))

    def any_mask(self, names: Iterable[str]) -> np.uint64:
        """Return the bits of which a unit with any of these capabilities has one."""
        return np.uint64(self.capability_mask(names))

    def capabilities(self, row: int) -> tuple[str, ...]:
        """Return what a unit can do."""
        bits = int(self.bits[row])
        return tuple(name for name, bit in self._bit.items() if bits & bit)

    def team_of(self, row: int) -> str:
        """Return the name of a unit's team; empty for none."""
        return self.teams[self.team[row]] if self.team[row] >= 0 else ""

    def _copy_of(self, rows: Sequence[int]) -> "FleetView":
        """Return a copy of some rows, in the order given; whoever made it lays out its lists by node."""
        view, wanted = FleetView(), np.array(rows, np.int64)
        for name, (_, each, _) in COLUMNS.items():
            setattr(view, name, getattr(self, name).reshape(-1, each)[wanted].reshape(-1))
        view.ids, view._bit, view.teams = [self.ids[row] for row in rows], dict(self._bit), list(self.teams)
        view._row = {name: row for row, name in enumerate(view.ids)}
        return view

    def frozen(self) -> "FleetView":
        """Return a copy that stays as it is while the fleet moves on."""
        view = FleetView()
        for name in (*COLUMNS, "first_at_node"):
            setattr(view, name, getattr(self, name).copy())
        view.ids, view._row, view._bit, view.teams = list(self.ids), dict(self._row), dict(self._bit), list(self.teams)
        return view
