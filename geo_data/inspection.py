"""Looking a road network over: what would make an answer wrong, slow or strange.

A finding is a code with a value and the limit it broke, and the place where to look. Of each kind the worst few are
listed, with the number there are in all. Nothing is repaired here: what is wrong is put right in the source.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo_data.building.connectivity import largest_component
from geo_data.lengths import distance_m
from geo_data.raw_roads import DRIVE, MODES, Mode, RoadClass
from geo_data.road_network import RoadNetwork
from geo_data.snapping import LIMIT_M, Snapper
from geo_data.speed_table import DRIVING, SpeedTable
from geo_data.speeds import NEVER, travel_ms

FASTEST_KMH = 200.0
SLOWEST_KMH = 3.0
SHORTEST_M = 0.01
STATION_M = 150.0
CUT_OFF_SHARE = 0.05
UNNAMED_SHARE = 0.5
LISTED = 20
"""How many findings of one kind are listed."""

_NAMED_CLASSES = tuple(kind for kind in RoadClass if kind <= RoadClass.RESIDENTIAL and not kind.name.endswith("_LINK"))


class Place(Protocol):
    """Something that stands somewhere, such as a station."""

    @property
    def id(self) -> str:
        """Its name in the findings."""
        ...

    @property
    def lon(self) -> float:
        """Degrees."""
        ...

    @property
    def lat(self) -> float:
        """Degrees."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    code
        What it is, such as ``island``.
    value, limit
        What was found, and what it is held against.
    lon, lat
        Where; None where it is nowhere in particular.
    subject
        Whom it concerns: ``arc 17``, a station's id, a mode.
    serious
        Whether units would be sent wrongly because of it.
    of
        How many findings of this code there are in all.
    """

    code: str
    value: float
    limit: float
    lon: float | None
    lat: float | None
    subject: str
    serious: bool = False
    of: int = 1


def inspect_network(
    network: RoadNetwork,
    stations: Iterable[Place] = (),
    *,
    station_limit_m: float = STATION_M,
    speeds: SpeedTable | None = None,
) -> list[Finding]:
    """Look over a road network and where stations lie on it.

    Parameters
    ----------
    network
        The streets.
    stations
        Anything with ``id``, ``lon`` and ``lat``.
    station_limit_m
        How far a station may be from a street that can be driven.
    speeds
        What the city says about speeds; by default the shipped table.

    Returns
    -------
    Serious findings first, then by code, the worst first.
    """
    found = [
        *_islands(network),
        *_cut_off(network),
        *_speeds(network, speeds or SpeedTable.shipped()),
        *_lengths(network),
        *_twins(network),
        *_stations(network, list(stations), station_limit_m),
        *_unnamed(network),
    ]
    return sorted(found, key=lambda finding: (not finding.serious, finding.code))


def _islands(network: RoadNetwork) -> Iterator[Finding]:
    """Nodes of a mode from which its largest strong component cannot be reached and left again."""
    for mode in MODES:
        outside = _stranded(network, mode)
        if outside.any():
            node = int(np.argmax(outside))
            yield Finding(
                "island",
                float(outside.sum()),
                0.0,
                float(network.node_lon[node]),
                float(network.node_lat[node]),
                _word(mode),
                serious=mode != Mode.FOOT,
            )


def _stranded(network: RoadNetwork, mode: Mode) -> NDArray[np.bool_]:
    """Return bool (n,): nodes with an arc of the mode that are not in the mode's largest strong component."""
    allowed = (network.arc_modes & mode) != 0
    touched = np.zeros(network.n_nodes, np.bool_)
    touched[network.arc_tail[allowed]] = True
    touched[network.arc_head[allowed]] = True
    length_m = network.arc_length_m[allowed].astype(np.float64)
    strong = largest_component(network.n_nodes, network.arc_tail[allowed], network.arc_head[allowed], length_m)
    return touched & ~strong.nodes


def _cut_off(network: RoadNetwork) -> Iterator[Finding]:
    """Hold what building left out of each mode against what it kept."""
    report = network.meta.get("report", {})
    once = (network.arc_reverse < 0) | (np.arange(network.n_arcs) < network.arc_reverse)
    for mode in MODES:
        lost_km = float(report.get("cut_off", {}).get(_word(mode), {}).get("km", 0.0))
        kept_km = float(network.arc_length_m[once & ((network.arc_modes & mode) != 0)].sum(dtype=np.float64)) / 1000
        share = lost_km / max(lost_km + kept_km, 1e-9)
        if share > CUT_OFF_SHARE:
            yield Finding("cut_off", share, CUT_OFF_SHARE, None, None, _word(mode))


def _speeds(network: RoadNetwork, table: SpeedTable) -> Iterator[Finding]:
    """Speeds that nobody drives: as tagged, and as they come out along the straight line of an arc."""
    for field in ("arc_kmh", "arc_emergency_kmh"):
        kmh = np.asarray(getattr(network, field), np.float64)
        yield from _worst(network, "speed_high", kmh, kmh > FASTEST_KMH, FASTEST_KMH, serious=True)
        yield from _worst(network, "speed_low", kmh, kmh < SLOWEST_KMH, SLOWEST_KMH, lowest=True)
    straight_m = _straight_m(network)
    told = (network.arc_kmh > FASTEST_KMH) | (network.arc_emergency_kmh > FASTEST_KMH)  # said already
    for profile in DRIVING:
        ms = travel_ms(network, profile, table)
        # A rounded millisecond is no speed: only arcs that take a while are judged.
        judged = (ms > 100) & (ms < NEVER) & ~told
        kmh = np.where(judged, straight_m / ms * 3600.0, 0.0)
        yield from _worst(network, "speed_impossible", kmh, kmh > FASTEST_KMH, FASTEST_KMH, serious=True)


def _lengths(network: RoadNetwork) -> Iterator[Finding]:
    """Streets without length, and streets shorter than the straight line between their ends."""
    length_m = np.asarray(network.arc_length_m, np.float64)
    pointlike = (length_m < SHORTEST_M) & ~network.is_turn
    yield from _worst(network, "zero_length", length_m, pointlike, SHORTEST_M, lowest=True)
    # A tenth and 5 m for the different shapes of the Earth and rounded coordinates.
    missing_m = _straight_m(network) * 0.9 - 5.0 - length_m
    yield from _worst(network, "too_short", missing_m, missing_m > 0, 0.0, serious=True)


def _straight_m(network: RoadNetwork) -> NDArray[np.float64]:
    lon, lat = np.asarray(network.node_lon), np.asarray(network.node_lat)
    tail, head = network.arc_tail, network.arc_head
    return distance_m(lon[tail], lat[tail], lon[head], lat[head])


def _twins(network: RoadNetwork) -> Iterator[Finding]:
    """Different nodes on one spot: streets that look joined and are not."""
    apart = np.zeros(network.n_nodes, np.bool_)  # a junction that was taken apart is one
    apart[network.arc_tail[network.is_turn]] = True
    apart[network.arc_head[network.is_turn]] = True
    nodes = np.flatnonzero(~apart)
    east = np.rint(np.asarray(network.node_lon)[nodes] * 1e7).astype(np.int64)
    north = np.rint(np.asarray(network.node_lat)[nodes] * 1e7).astype(np.int64)
    _, first, counts = np.unique(np.column_stack((east, north)), axis=0, return_index=True, return_counts=True)
    twins = np.flatnonzero(counts > 1)
    for twin in twins[np.argsort(-counts[twins], kind="stable")][:LISTED]:
        node = int(nodes[first[twin]])
        place = (float(network.node_lon[node]), float(network.node_lat[node]))
        yield Finding("duplicate_nodes", float(counts[twin]), 1.0, *place, f"node {node}", of=len(twins))


def _stations(network: RoadNetwork, stations: Sequence[Place], limit_m: float) -> Iterator[Finding]:
    if not stations:
        return
    if not ((network.arc_modes & Mode.EMERGENCY) != 0).any():
        for station in stations:
            yield Finding(
                "station_off_road",
                LIMIT_M,
                LIMIT_M,
                station.lon,
                station.lat,
                station.id,
                serious=True,
                of=len(stations),
            )
        return
    stranded = _stranded(network, Mode.EMERGENCY)
    lon, lat = np.array([it.lon for it in stations], np.float64), np.array([it.lat for it in stations], np.float64)
    arcs, _, distances = Snapper(network, Mode.EMERGENCY).snap_many(lon, lat, limit_m=LIMIT_M)
    for station, arc, apart_m in zip(stations, arcs.tolist(), distances.tolist(), strict=True):
        place = (float(station.lon), float(station.lat), station.id)
        if arc < 0:
            yield Finding("station_off_road", LIMIT_M, LIMIT_M, *place, serious=True)
        elif stranded[network.arc_tail[arc]] or stranded[network.arc_head[arc]]:
            yield Finding("station_unreachable", 1.0, 0.0, *place, serious=True)
        elif apart_m > limit_m:
            yield Finding("station_far", apart_m, limit_m, *place)


def _unnamed(network: RoadNetwork) -> Iterator[Finding]:
    """Find the share of streets, by length, that have no name and should; tracks and alleys are not asked."""
    asked = np.isin(network.arc_class, [int(kind) for kind in _NAMED_CLASSES]) & ((network.arc_modes & DRIVE) != 0)
    total_m = float(network.arc_length_m[asked].sum(dtype=np.float64))
    unnamed_m = float(network.arc_length_m[asked & (network.arc_name < 0)].sum(dtype=np.float64))
    if total_m > 0 and unnamed_m / total_m > UNNAMED_SHARE:
        yield Finding("unnamed", unnamed_m / total_m, UNNAMED_SHARE, None, None, "names")


def _worst(
    network: RoadNetwork,
    code: str,
    values: NDArray[np.float64],
    bad: NDArray[np.bool_],
    limit: float,
    *,
    lowest: bool = False,
    serious: bool = False,
) -> Iterator[Finding]:
    """Report the worst arcs where ``bad``, the middle of each as its place."""
    arcs = np.flatnonzero(bad)
    order = np.argsort(values[arcs] if lowest else -values[arcs], kind="stable")
    for arc in arcs[order][:LISTED].tolist():
        points = network.arc_points(arc)
        lon, lat = (float(value) for value in points[len(points) // 2])
        yield Finding(code, float(values[arc]), limit, lon, lat, f"arc {arc}", serious=serious, of=len(arcs))


def _word(mode: Mode) -> str:
    return str(mode.name).lower()
