"""Own first: what it counts against a unit that an incident is not its own, by station, branch and beat.

Whose an incident is follows from where it lies: the station whose area it is, that station's branch, the beat. Another
goes where it is faster by more than the city's policy says. It is no time that anybody takes, so it is a handicap:
ranked with, and stated beside each candidate. Level 1 gets whoever is there first.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.city import City
from engine.core.state import State
from engine.model.ids import UnitId

OTHER_STATION, OTHER_BRANCH, OTHER_BEAT = "other_station", "other_branch", "other_beat"
AT_ONCE = 1
"""The level at which nothing counts but time."""
Column = NDArray[np.int32]


class OwnFirst:
    """The handicaps of a city's units by whose an incident is; made when first asked for, and kept.

    Parameters
    ----------
    city
        Its jurisdictions, beats and policies.
    state
        Its units and crews.
    ids
        The units by row of the fleet.
    """

    def __init__(self, city: City, state: State, ids: Sequence[UnitId]) -> None:
        self._city, self._state, self._ids = city, state, ids
        self._columns: dict[tuple[str, tuple[str, ...]], Column | None] = {}

    def crews_changed(self) -> None:
        """Forget who answers for which beat."""
        self._columns = {key: column for key, column in self._columns.items() if key[0] != OTHER_BEAT}

    def handicaps(self, lon: float, lat: float, level: int) -> dict[str, Column]:
        """Return what counts against whom at a place, by code: int32 (U,) in ms; nothing at level 1."""
        policies, city = self._city.policies, self._city
        if level <= AT_ONCE:
            return {}
        found: dict[str, Column | None] = {}
        station = city.responsible(lon, lat) if policies.other_station_ms or policies.other_branch_ms else None
        if station is not None:
            if policies.other_station_ms:
                found[OTHER_STATION] = self._column(
                    OTHER_STATION, (station,), policies.other_station_ms, self._stations
                )
            branch = self._state.stations[station].branch if station in self._state.stations else ""
            if branch and policies.other_branch_ms:
                found[OTHER_BRANCH] = self._column(OTHER_BRANCH, (branch,), policies.other_branch_ms, self._branches)
        beats = city.beats_of(lon, lat) if policies.other_beat_ms else ()
        if beats:
            found[OTHER_BEAT] = self._column(OTHER_BEAT, beats, policies.other_beat_ms, self._beats)
        return {code: column for code, column in found.items() if column is not None}

    def _column(
        self, code: str, own: tuple[str, ...], ms: int, of: Callable[[UnitId], tuple[str, ...]]
    ) -> Column | None:
        """Return ``ms`` for all who belong to something else of the kind; who belongs to nothing is everybody's."""
        if (code, own) not in self._columns:
            its = (of(name) for name in self._ids)
            other = np.fromiter((bool(known) and not set(own) & set(known) for known in its), np.bool_, len(self._ids))
            self._columns[code, own] = np.where(other, np.int32(ms), np.int32(0)) if other.any() else None
        return self._columns[code, own]

    def _stations(self, unit: UnitId) -> tuple[str, ...]:
        station = self._state.units[unit].station
        return () if station is None else (station,)

    def _branches(self, unit: UnitId) -> tuple[str, ...]:
        its = self._state.units[unit]
        station = self._state.stations.get(its.station) if its.station is not None else None
        branch = its.branch or (station.branch if station is not None else "")
        return (branch,) if branch else ()

    def _beats(self, unit: UnitId) -> tuple[str, ...]:
        crew = self._state.kept.crews.get(unit)
        return (*self._state.units[unit].beats, *(crew.beats if crew is not None else ()))
