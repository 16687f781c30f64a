"""The ground in question: what the suspect can reach within the horizon, and how soon.

A place is a node, or all nodes of a junction that was taken apart for its turns: a post there stands in the junction.
Only the streets within the horizon are laid out, however large the map.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.containment.situation import Seen, Situation
from engine.model.errors import Refusal
from engine.model.limits import MOST_SEEN
from engine.travel import NEVER
from engine.travel.weights import Weights
from engine.travel.workspace import Workspace
from geo_data.distinct import distinct
from geo_data.road_network import RoadNetwork

if TYPE_CHECKING:
    from engine.containment.searching import Ways


@dataclass(frozen=True, eq=False)
class Ground:
    """What one situation comes to. ``n`` nodes of the network, ``p`` places.

    Attributes
    ----------
    local
        int32 (n,): the place of each node; -1 outside the horizon.
    node
        int32 (p,): the node of each place that the suspect can be at first.
    due_ms
        int64 (p,): the earliest that he can be there, after now.
    first, head
        Places that are one street apart, both ways, as int32 (p + 3,) and int32; `source` is next to the places that he
        comes to first, `sink` to exits and to what leads out of the horizon.
    need
        int8 (p,): units that a post takes.
    called
        int32 (p,): the standing checkpoint that is told in time, -1 for none. Such a place takes nobody else.
    """

    network: RoadNetwork
    situation: Situation
    ways: "Ways"
    weights: Weights
    local: NDArray[np.int32]
    node: NDArray[np.int32]
    due_ms: NDArray[np.int64]
    first: NDArray[np.int32]
    head: NDArray[np.int32]
    need: NDArray[np.int8]
    called: NDArray[np.int32]

    @property
    def source(self) -> int:
        """The vertex that the suspect starts from."""
        return len(self.node)

    @property
    def sink(self) -> int:
        """The vertex that stands for all that is away."""
        return len(self.node) + 1

    @property
    def crew_size(self) -> int:
        """Units and checkpoints."""
        return len(self.situation.crew) + len(self.situation.checkpoints)


class Surveyor:
    """Lays out the ground of one situation after another with the same memory; one thread at a time.

    Parameters
    ----------
    weights
        The units' travel times, closures included.
    suspect_ms
        int32 (m,): what each arc takes the suspect at his fastest, at least 1; `NEVER` where he cannot go. He drives it
        both ways, whatever the signs say.

    Raises
    ------
    Refusal
        When the suspect's times do not fit the network.
    """

    def __init__(self, weights: Weights, suspect_ms: NDArray[np.int32]) -> None:
        from engine.containment.searching import Ways  # noqa: PLC0415 - numba, wanted once something is asked

        network = weights.network
        if suspect_ms.shape != (network.n_arcs,):
            raise Refusal("wrong_shape", "suspect_ms", suspect_ms.shape, f"({network.n_arcs},), one time by arc")
        if network.n_arcs and int(suspect_ms.min()) < 1:
            arc = int(suspect_ms.argmin())
            raise Refusal("out_of_range", f"suspect_ms[{arc}]", int(suspect_ms[arc]), "at least 1 ms")
        self.weights, self.network = weights, network
        self.ways = Ways(
            np.array(network.first_out, np.int32),
            np.array(network.arc_head, np.int32),
            np.array(network.first_in, np.int32),
            np.array(network.in_arc, np.int32),
            np.array(network.arc_tail, np.int32),
            np.minimum(suspect_ms, NEVER).astype(np.int32),
        )
        self._desk = Workspace(weights, 2 * network.n_arcs + 2 * MOST_SEEN)  # he drives arcs both ways
        self._nodes = np.empty(network.n_nodes, np.int32)
        self._node_ms = np.empty(network.n_nodes, np.int64)

    def survey(self, situation: Situation) -> Ground:
        """Lay out the ground.

        Raises
        ------
        Refusal
            When the situation does not fit, or the suspect was seen where he cannot drive.
        """
        network = self.network
        situation.check(network)
        nodes, arrival_ms = self._suspect(situation)
        joined = _junctions(network, nodes)
        places = int(joined.max(initial=-1)) + 1
        local = np.full(network.n_nodes, -1, np.int32)
        local[nodes] = joined
        first_seen = np.unique(joined, return_index=True)[1]  # nodes come soonest first
        due_ms = arrival_ms[first_seen]
        edges = _edges(network, self.ways, nodes, local, places)
        starts, _ = starts_of(self.ways, network, situation.seen)
        exits = local[situation.exits]
        first, head = _laid_out(places, edges, local[starts], exits[exits >= 0])
        need = _needs(network, nodes, joined, places, situation)
        called = called_at(situation, local, due_ms)
        need[called >= 0] = 1
        return Ground(
            network=network,
            situation=situation,
            ways=self.ways,
            weights=self.weights,
            local=local,
            node=nodes[first_seen],
            due_ms=due_ms,
            first=first,
            head=head,
            need=need,
            called=called,
        )

    def _suspect(self, situation: Situation) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the nodes he can be at within the horizon, soonest first, and when, after now."""
        from engine.containment.searching import suspect_within  # noqa: PLC0415

        starts, start_ms = starts_of(self.ways, self.network, situation.seen)
        origin = _origin_ms(situation)
        memory = self._desk.memory
        count = suspect_within(
            self.ways,
            memory,
            self._desk.next_version(),
            starts,
            start_ms + origin,
            situation.horizon_ms + origin,
            self._nodes,
            self._node_ms,
        )
        return self._nodes[:count].copy(), self._node_ms[:count] - origin


def starts_of(
    ways: "Ways", network: RoadNetwork, seen: tuple[Seen, ...]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the nodes at the ends of the streets where the suspect was seen, and when he can be there, after now.

    Raises
    ------
    Refusal
        When he cannot drive on one of the streets.
    """
    nodes: list[int] = []
    ms: list[int] = []
    for i, place in enumerate(seen):
        back = int(network.arc_reverse[place.arc])
        open_ms = [int(ways.ms[arc]) for arc in (place.arc, back) if arc >= 0]
        whole = min(open_ms)
        if whole >= NEVER:
            raise Refusal("not_drivable", f"seen[{i}].arc", place.arc, "a street on which the suspect can drive")
        passed = int(place.fraction * whole + 0.5)
        nodes += [int(network.arc_head[place.arc]), int(network.arc_tail[place.arc])]
        ms += [whole - passed - place.ago_ms, passed - place.ago_ms]
    return np.array(nodes, np.int32), np.array(ms, np.int64)


def _origin_ms(situation: Situation) -> int:
    """Return how long before now the searches' clock begins."""
    return max(place.ago_ms for place in situation.seen)


def _rows(first: NDArray[np.int32], nodes: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of all nodes one after the other, and whose each is, as positions in ``nodes``."""
    begin, end = np.asarray(first)[nodes].astype(np.int64), np.asarray(first)[nodes + 1].astype(np.int64)
    counts = end - begin
    whose = np.repeat(np.arange(len(nodes)), counts)
    return np.arange(int(counts.sum())) + np.repeat(begin - (np.cumsum(counts) - counts), counts), whose


def _junctions(network: RoadNetwork, nodes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the place of each node, numbered by first arrival: nodes between which turns lead are one place."""
    arcs, whose = _rows(network.first_out, nodes)
    turns = network.is_turn[arcs]
    if not turns.any():
        return np.arange(len(nodes))
    from scipy.sparse import coo_array  # noqa: PLC0415 - wanted only where junctions were taken apart
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    at = np.full(network.n_nodes, -1, np.int64)
    at[nodes] = np.arange(len(nodes))
    heads = at[network.arc_head[arcs[turns]]]
    tails, heads = whose[turns][heads >= 0], heads[heads >= 0]
    joined = coo_array((np.ones(len(heads), np.int8), (tails, heads)), shape=(len(nodes), len(nodes)))
    of = connected_components(joined, directed=False)[1]
    _, firsts, inverse = np.unique(of, return_index=True, return_inverse=True)
    rank = np.empty(len(firsts), np.int64)
    rank[np.argsort(firsts)] = np.arange(len(firsts))
    return np.asarray(rank[inverse])


def _edges(
    network: RoadNetwork, ways: "Ways", nodes: NDArray[np.int32], local: NDArray[np.int32], places: int
) -> NDArray[np.int64]:
    """Return pairs of places that a street joins, (e, 2); what lies outside the horizon is the sink."""
    ends = []
    out, whose = _rows(network.first_out, nodes)
    into, of = _rows(network.first_in, nodes)
    back = np.asarray(network.in_arc)[into]
    for arcs, at, other in ((out, whose, network.arc_head), (back, of, network.arc_tail)):
        driven = ways.ms[arcs] < NEVER
        far = local[other[arcs[driven]]].astype(np.int64)
        far[far < 0] = places + 1
        ends.append(np.column_stack((local[nodes[at[driven]]].astype(np.int64), far)))
    return np.concatenate(ends)


def _laid_out(
    places: int, edges: NDArray[np.int64], starts: NDArray[np.int32], exits: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the graph over places, source and sink as rows of neighbours, each once."""
    near = starts[starts >= 0]  # the end of a street that he was seen on may lie outside the horizon
    leave = np.full(int(np.any(starts < 0)), places + 1)
    ends = np.concatenate((near, leave))
    extra = np.concatenate(
        (
            np.column_stack((np.full(len(ends), places), ends)),
            np.column_stack((exits, np.full(len(exits), places + 1))),
        )
    )
    return rows_of(places + 2, np.concatenate((edges, extra)))


def rows_of(n: int, edges: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return undirected edges as rows of neighbours, int32 (n + 1,) and int32, without loops and doubles."""
    both = np.concatenate((edges, edges[:, ::-1]))
    keys = distinct(both[both[:, 0] != both[:, 1]] @ np.array([n, 1]))
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(keys // n, minlength=n), out=first[1:])
    return first, (keys % n).astype(np.int32)


def _needs(
    network: RoadNetwork, nodes: NDArray[np.int32], joined: NDArray[np.int64], places: int, situation: Situation
) -> NDArray[np.int8]:
    need = np.ones(places, np.int8)
    wide = np.zeros(256, np.bool_)
    wide[[int(kind) for kind in situation.two_unit_classes]] = True
    out, whose = _rows(network.first_out, nodes)
    into, of = _rows(network.first_in, nodes)
    for arcs, at in ((out, whose), (np.asarray(network.in_arc)[into], of)):
        need[joined[at[wide[network.arc_class[arcs]]]]] = 2
    return need


def called_at(situation: Situation, local: NDArray[np.int32], due_ms: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return by place the checkpoint that is told in time, the soonest of a junction, -1 for none."""
    posts = situation.checkpoints
    called = np.full(len(due_ms), -1, np.int32)
    for row in np.argsort(-posts.call_ms, kind="stable").tolist():
        place = int(local[posts.node[row]])
        if place >= 0 and posts.call_ms[row] <= due_ms[place]:
            called[place] = row
    return called
