"""What a build has to say of itself: what there is, what was cut off, and what it cost. Plain values only."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo_data.building.turns import Arcs, TurnsKept
from geo_data.raw_roads import MODES, Mode, RawRoads, RoadClass
from geo_data.road_network import RoadNetwork


def cut_off_report(
    raw: RawRoads,
    length_m: NDArray[np.float64],
    forward: NDArray[np.uint8],
    backward: NDArray[np.uint8],
    components: dict[Mode, int],
) -> dict[str, Any]:
    """Say what each mode lost because it was not strongly connected with the rest.

    Returns
    -------
    ``raw_nodes``, ``raw_edges``, ``dropped`` (the source's counts, zeros left out), and ``cut_off`` by mode name:
    ``components``, ``arcs`` that lost the mode, ``km`` of streets that lost it in either direction, and the
    kilometres ``by_class``.
    """
    cut_off = {}
    for mode in MODES:
        along = (raw.forward_modes & mode) > (forward & mode)
        against = (raw.backward_modes & mode) > (backward & mode)
        lost = along | against
        metres = np.bincount(raw.road_class[lost], weights=length_m[lost], minlength=len(RoadClass))
        cut_off[_word(mode)] = {
            "components": components[mode],
            "arcs": int(along.sum() + against.sum()),
            "km": round(float(metres.sum()) / 1000, 3),
            "by_class": _by_class(metres / 1000),
        }
    return {
        "raw_nodes": len(raw.node_lon),
        "raw_edges": len(raw.tail),
        "dropped": {reason: int(count) for reason, count in sorted(raw.dropped.items()) if count},
        "cut_off": cut_off,
    }


def totals(network: RoadNetwork) -> dict[str, Any]:
    """Say how large a network is.

    Returns
    -------
    ``nodes``, ``arcs``, ``streets`` (a two-way street once), ``km`` of streets, ``km_by_class``, ``arcs_by_class``,
    ``arcs_by_mode``, ``contraflow_arcs``, ``one_way_share`` of the streets that can be driven, ``names`` and
    ``turn_arcs``, ways through junctions, which are no streets.
    """
    # Of the two arcs of a street, the first speaks for it.
    once = ((network.arc_reverse < 0) | (np.arange(network.n_arcs) < network.arc_reverse)) & ~network.is_turn
    classes, lengths = network.arc_class, network.arc_length_m.astype(np.float64)
    metres = np.bincount(classes[once], weights=lengths[once], minlength=len(RoadClass))
    driven = ((network.arc_modes & (Mode.NORMAL | Mode.EMERGENCY)) != 0) & ~network.is_turn
    back = np.where(network.arc_reverse >= 0, driven[network.arc_reverse], False)
    one_way, two_way = int((driven & ~back).sum()), int((driven & back).sum()) // 2
    return {
        "nodes": network.n_nodes,
        "arcs": network.n_arcs,
        "streets": int(once.sum()),
        "km": round(float(metres.sum()) / 1000, 3),
        "km_by_class": _by_class(metres / 1000),
        "arcs_by_class": _by_class(np.bincount(classes, minlength=len(RoadClass))),
        "arcs_by_mode": {_word(mode): int(((network.arc_modes & mode) != 0).sum()) for mode in MODES},
        "contraflow_arcs": int(((network.arc_modes & Mode.CONTRAFLOW) != 0).sum()),
        "one_way_share": round(one_way / max(one_way + two_way, 1), 4),
        "names": len(network.name_first) - 1,
        "turn_arcs": int(network.is_turn.sum()),
    }


def turns_report(raw: RawRoads, arcs: Arcs, modes: NDArray[np.uint8], kept: TurnsKept) -> dict[str, Any]:
    """Say what became of the turn restrictions.

    Returns
    -------
    ``kept`` as asked, ``restrictions`` that the source handed over, those ``used``, those ``unused`` by reason (what
    the source left out by itself stands under ``dropped``), the ``junctions`` taken apart, and how many turns that
    somebody may take are ``forbidden`` to the mode normal.
    """
    read, unused = len(raw.turn_from), sum(arcs.unused.values())
    return {
        "kept": kept,
        "restrictions": read,
        "used": read - unused,
        "unused": arcs.unused,
        "junctions": len(np.unique(arcs.node[arcs.turn_tail[modes != 0]])),
        "forbidden": int((arcs.forbidden & (modes != 0)).sum()),
    }


def peak_mib() -> float:
    """Return the most memory that this process has held so far, in MiB; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def _word(mode: Mode) -> str:
    return str(mode.name).lower()


def _by_class(values: NDArray[np.float64] | NDArray[np.int64]) -> dict[str, float]:
    return {kind.name.lower(): round(values[kind].item(), 3) for kind in RoadClass if values[kind]}
