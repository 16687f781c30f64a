"""From streets as drawn to a road network: check, measure, cut off, merge, order, and say what was done.

1. Input that cannot be is refused (`checks`); lengths that are not known are measured.
2. Junctions are taken apart where turns are to count (`turns`).
3. Each mode keeps its largest strong component (`connectivity`); arcs without a mode, nodes without an arc go.
   One-way streets are opened the other way where that is asked for (`contraflow`).
4. Chains become single streets (`merging`), nodes get their Hilbert order (`ordering`).
5. Everything left out is counted in the report, ``network.meta["report"]``; the same input gives the same checksum.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geo_data.array_file import checksum_of
from geo_data.building.arranging import Streets, arrange
from geo_data.building.checks import RoadDataError, check_roads
from geo_data.building.connectivity import keep_strong
from geo_data.building.contraflow import open_contraflow
from geo_data.building.report import cut_off_report, peak_mib, totals, turns_report
from geo_data.building.turns import Arcs, TurnsKept, take_apart
from geo_data.lengths import line_lengths_m
from geo_data.progress import Progress, silent
from geo_data.raw_roads import Mode, NodeKind, RawRoads
from geo_data.road_network import RoadNetwork

if TYPE_CHECKING:
    from geo_data.building.merging import Chains

__all__ = ["BUILDER", "RoadDataError", "build_network"]

BUILDER = "2"
"""Grows when the same input gives another network."""


def build_network(
    raw: RawRoads,
    *,
    merge_chains: bool = True,
    contraflow: bool = False,
    turns: TurnsKept = "none",
    progress: Progress | None = None,
) -> RoadNetwork:
    """Turn streets into a road network whose modes are each strongly connected.

    Parameters
    ----------
    raw
        What a source read; not changed.
    merge_chains
        Whether chains of streets become single streets.
    contraflow
        Whether one-way streets get an arc the other way that a city can open to emergency vehicles (`contraflow`).
    turns
        Which junctions are taken apart, for restrictions and costs of turns to count (`turns`).
    progress
        Told each step's name and the share of the whole that is done.

    Returns
    -------
    The network; ``meta["report"]`` holds counts, kilometres, what was cut off, seconds by step and peak memory.

    Raises
    ------
    RoadDataError
        When the input cannot be, or when nothing strongly connected is in it.
    """
    clock = _Clock(progress or silent)
    with clock.step("check", 0.0):
        check_roads(raw)
    with clock.step("measure", 0.1):
        measured_m = line_lengths_m(raw.point_first, raw.point_lon, raw.point_lat)
        length_m = np.where(np.isnan(raw.length_m), measured_m, raw.length_m)
    with clock.step("connect", 0.2):
        drawn = (raw.forward_modes | raw.backward_modes) != 0
        point = (raw.tail == raw.head) & (length_m == 0)
        usable = (drawn & ~point).astype(np.uint8)
        modes = np.concatenate((raw.forward_modes * usable, raw.backward_modes * usable))
        arcs = take_apart(raw, modes, turns)
        forward, backward, components = _strong(arcs, modes, length_m)
        kept = np.flatnonzero(forward | backward)
        if len(kept) == 0:
            raise RoadDataError(
                "forward_modes", None, "no street that can be driven or walked both there and back", "1"
            )
    report = cut_off_report(raw, length_m, forward, backward, components)
    if contraflow:
        raw, forward, backward = open_contraflow(raw, forward, backward)
    turn_modes = arcs.turn_modes(np.concatenate((forward, backward)))
    streets = Streets.of(raw, kept, forward, backward, length_m)
    report["dropped"] |= {"edges_without_mode": int((~drawn).sum()), "loops_without_length": int((drawn & point).sum())}
    with clock.step("merge", 0.5):
        chains = _chains(raw, streets, merge_chains, arcs.apart)
    with clock.step("arrange", 0.7):
        network, stayed = arrange(raw, streets, chains, arcs, turn_modes)
    with clock.step("checksum", 0.95):
        checksum = checksum_of({name: value for name, value in vars(network).items() if isinstance(value, np.ndarray)})
    report["turns"] = turns_report(raw, arcs, turn_modes, turns)
    report["merged_nodes"] = int(np.count_nonzero(np.bincount(np.concatenate((streets.tail, streets.head))))) - stayed
    report |= totals(network) | {"seconds": clock.seconds, "peak_mib": peak_mib()}
    network.meta.update(
        source=raw.source,
        licence=raw.licence,
        attribution=raw.attribution,
        built_at=time.time_ns() // 1_000_000,
        builder=BUILDER,
        report=report,
    )
    clock.progress("done", 1.0)
    return replace(network, checksum=checksum)


class _Clock:
    """Seconds by step, and the word to whoever watches."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, share: float) -> Iterator[None]:
        self.progress(name, share)
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def _strong(
    arcs: Arcs, modes: NDArray[np.uint8], length_m: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], dict[Mode, int]]:
    """Return the modes that are left along and against each edge, and the number of components by mode."""
    turn_modes = arcs.turn_modes(modes)
    left, components = keep_strong(
        len(arcs.node),
        np.concatenate((arcs.tail, arcs.turn_tail)),
        np.concatenate((arcs.head, arcs.turn_head)),
        np.concatenate((modes, turn_modes)),
        np.concatenate((length_m, length_m, np.zeros(len(turn_modes)))),
    )
    edges = len(length_m)
    return left[:edges], left[edges : 2 * edges], components


def _chains(raw: RawRoads, streets: Streets, merge_chains: bool, apart: NDArray[np.bool_]) -> "Chains":
    from geo_data.building.merging import find_chains, single_edges  # noqa: PLC0415 - brings the compiler, only wanted here

    if not merge_chains:
        return single_edges(len(streets.kept))
    must_stay = raw.no_merge | apart | (raw.node_kind != NodeKind.NONE)
    kept = streets.kept
    return find_chains(
        len(raw.node_lon),
        streets.tail,
        streets.head,
        must_stay,
        same=[raw.road_class[kept], streets.name, raw.source_id[kept]],
        along=[streets.forward_modes, _comparable(raw.forward_kmh[kept]), _comparable(raw.forward_emergency_kmh[kept])],
        against=[
            streets.backward_modes,
            _comparable(raw.backward_kmh[kept]),
            _comparable(raw.backward_emergency_kmh[kept]),
        ],
    )


def _comparable(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unknown equals unknown: speeds are above 0, so -1 stands for NaN."""
    return np.where(np.isnan(values), np.float32(-1), values)
