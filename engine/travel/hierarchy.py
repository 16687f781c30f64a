"""A network's hierarchy: which node goes when and the shortcuts that leaves, made once and stored beside the network.

It depends on which streets there are and not on how long they take: every set of travel times is laid over the same
one (`engine.travel.weights`). The file is laid out as `geo_data.array_file` says, with the magic ``APNHIERA``; it
names the checksum of the network that it was made for, and no other may use it.
"""

import os
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from geo_data.array_file import ArrayFileError, map_arrays, write_arrays
from geo_data.progress import Progress, silent
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree

if TYPE_CHECKING:
    from engine.travel.supergraph import Supergraph

MAGIC = b"APNHIERA"
FORMAT_VERSION = 1
SUFFIX = ".aph"
"""What takes the place of ``.apn`` in the name of a network's hierarchy."""


class HierarchyError(ArrayFileError):
    """A file is not a hierarchy of this network; says why."""


class Hierarchy:
    """The shortcuts of one network.

    Attributes
    ----------
    graph
        `engine.travel.supergraph.Supergraph`.
    tail_rank
        int32 (m,), the rank of each arc's tail.
    network_checksum
        Of the network that it was made for.
    meta
        ``seconds`` by step, counts.
    """

    def __init__(self, graph: "Supergraph", network: RoadNetwork, meta: dict[str, Any]) -> None:
        self.graph = graph
        self.tail_rank: NDArray[np.int32] = np.asarray(graph.rank[network.arc_tail], np.int32)
        self.network_checksum = network.checksum
        self.meta = meta

    @classmethod
    def build(cls, network: RoadNetwork, progress: Progress | None = None) -> Self:
        """Make a network's hierarchy: about 1 s at 70,000 nodes, 10 s at 600,000.

        Parameters
        ----------
        network
            The streets; all of them take part, whoever may use them.
        progress
            Told each step's name and the share of the whole that is done.
        """
        from engine.travel.nesting import nested_order  # noqa: PLC0415 - numba, wanted once there is a network
        from engine.travel.supergraph import lay_supergraph, neighbours  # noqa: PLC0415

        tell = progress or silent
        begun = time.perf_counter()
        tell("order", 0.0)
        tail, head = np.asarray(network.arc_tail, np.int32), np.asarray(network.arc_head, np.int32)
        per_lon, per_lat = metres_per_degree(float(np.mean(network.node_lat)))
        first, heads = neighbours(network.n_nodes, tail, head)
        order = nested_order(first, heads, network.node_lon * per_lon, network.node_lat * per_lat)
        ordered = time.perf_counter()
        tell("shortcuts", 0.8)
        graph = lay_supergraph(network.n_nodes, tail, head, order)
        seconds = {"order": round(ordered - begun, 3), "shortcuts": round(time.perf_counter() - ordered, 3)}
        tell("done", 1.0)
        return cls(graph, network, {"seconds": seconds, "slots": len(graph.head), "stems": len(graph.stem_parent)})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file beside its place and move it there."""
        meta = {**self.meta, "network": self.network_checksum}
        write_arrays(path, MAGIC, FORMAT_VERSION, meta, self.graph._asdict())

    @classmethod
    def load(cls, path: str | os.PathLike[str], network: RoadNetwork, *, verify: bool = False) -> Self:
        """Map a network's hierarchy into memory.

        Raises
        ------
        HierarchyError
            When the file is no hierarchy, of another version, broken, or made for another network.
        """
        from engine.travel.supergraph import Supergraph  # noqa: PLC0415

        dtypes = dict.fromkeys(Supergraph._fields, np.dtype("<i4"))
        try:
            arrays, meta, _ = map_arrays(path, "hierarchy", MAGIC, FORMAT_VERSION, dtypes, verify=verify, private=True)
        except ArrayFileError as error:
            raise HierarchyError(*error.args) from None
        made_for = meta.pop("network", None)
        if made_for != network.checksum:
            raise HierarchyError(f"{path}: made for the network {made_for}; this one is {network.checksum}")
        return cls(Supergraph(**arrays), network, meta)

    @classmethod
    def beside(cls, roads: str | os.PathLike[str], network: RoadNetwork, progress: Progress | None = None) -> Self:
        """Return the hierarchy that is stored beside a network's file; made, and stored if that can be, where none is.

        One that is broken, or of a network that was there before, is made anew.
        """
        path = Path(roads).with_suffix(SUFFIX)
        if path.exists():
            try:
                return cls.load(path, network)
            except HierarchyError:
                pass
        made = cls.build(network, progress)
        try:
            made.save(path)
        except OSError:  # a folder that may not be written to: then it is made again next time
            return made
        return cls.load(path, network)

    @cached_property
    def head_depth(self) -> tuple[NDArray[np.int16], int]:
        """By slot, how many ancestors its upper neighbour has, int16 (a,); and the most that any rank has."""
        from engine.travel.sweeping import depths  # noqa: PLC0415

        return depths(self.graph)

    def search_space(self, nodes: NDArray[np.int32]) -> tuple[float, float]:
        """Return the mean number of ranks, and of their slots, above some nodes: what one climb looks at."""
        graph = self.graph
        ranks = slots = 0
        for node in nodes.tolist():
            rank = int(graph.rank[node])
            while True:
                begin, end = int(graph.first[rank]), int(graph.first[rank + 1])
                ranks, slots = ranks + 1, slots + end - begin
                if begin == end:
                    break
                rank = int(graph.head[begin])
        return ranks / len(nodes), slots / len(nodes)
