"""Plans and certificates verified from the streets alone, with nothing of the code that made them but their data.

No kernel, no contraction, no flow of ours: shortest times are scipy's, the suspect who looks for a gap is a search with
a plain heap. Slower by far than planning, and meant for tests, benchmarks and whoever doubts.
"""

import heapq
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.containment.plan import Branch, Certificate
from engine.containment.situation import Situation
from engine.travel.weights import Weights
from geo_data.road_network import RoadNetwork
from geo_data.snapping import metres_per_degree
from geo_data.speeds import NEVER

Starts = dict[int, int]
"""Milliseconds after now by node."""


class Checker:
    """The streets as the checker reads them, laid out once for all situations."""

    def __init__(self, weights: Weights, suspect_ms: NDArray[np.int32]) -> None:
        self.network, self.weights, self.suspect_ms = weights.network, weights, suspect_ms
        n = self.network.n_nodes
        self.suspect = _least_by_pair(self.network, suspect_ms)
        self.directed = _directed(weights)
        per_lon, per_lat = metres_per_degree(float(np.mean(self.network.node_lat)) if n else 0.0)
        self.x, self.y = np.asarray(self.network.node_lon) * per_lon, np.asarray(self.network.node_lat) * per_lat
        tail, head = self.network.arc_tail, self.network.arc_head
        apart = np.hypot(self.x[tail] - self.x[head], self.y[tail] - self.y[head])
        self.most_m_per_ms = float(np.max(apart / np.asarray(weights.inner_ms, float), initial=0.0))

    def of(self, situation: Situation) -> "Check":
        """Compute a situation anew."""
        return Check(self, situation)


class Check:
    """One situation, computed anew."""

    def __init__(self, checker: Checker, situation: Situation) -> None:
        self.checker, self.situation = checker, situation
        self.network, self.weights, self.suspect_ms = checker.network, checker.weights, checker.suspect_ms
        self.starts = _suspect_starts(self.network, self.suspect_ms, situation)
        self.arrival_ms = self._arrivals()
        self.inside = self.arrival_ms <= situation.horizon_ms
        self.place = self._places()
        self._row = np.cumsum(self.inside) - 1
        self._travel_ms: dict[int, NDArray[np.float64]] = {}
        self.due_ms = np.full(self.network.n_nodes, np.inf)
        np.minimum.at(self.due_ms, self.place[self.inside], self.arrival_ms[self.inside])

    def gap(self, posts: dict[int, int]) -> list[int]:
        """Return the suspect's way out past posts, by node the time from when on each is shut; empty for none.

        A post at one node of a junction shuts all of it.
        """
        exits = set(self.situation.exits.tolist())
        shut = {int(self.place[node]): ready for node, ready in posts.items()}
        best, came = dict(self.starts), dict.fromkeys(self.starts, -1)
        heap = [(ms, node) for node, ms in best.items()]
        heapq.heapify(heap)
        while heap:
            ms, node = heapq.heappop(heap)
            if ms > best[node]:
                continue
            if self.inside[node] and ms >= shut.get(int(self.place[node]), NEVER):
                continue
            if not self.inside[node] or node in exits:
                way = []
                while node >= 0:
                    way.append(node)
                    node = came[node]
                return way[::-1]
            for other, takes in self._streets_at(node):
                if ms + takes < best.get(other, NEVER):
                    best[other], came[other] = ms + takes, node
                    heapq.heappush(heap, (ms + takes, other))
        return []

    def wrong(self, certificate: Certificate) -> str:
        """Return what is wrong with a certificate; an empty text where it proves what it says."""
        for number, branch in enumerate(certificate.branches):
            fault = self._fault(branch, certificate.stretch)
            if fault:
                return f"branch {number}: {fault}"
        told = _all_told([_supposed(branch) for branch in certificate.branches])
        return "" if told else "the branches leave a case out"

    def _fault(self, branch: Branch, stretch: int) -> str:
        """Return what is wrong with one branch; an empty text where in it there can be no seal."""
        price = np.array(branch.price, np.int64)
        if len(price) != len(self.situation.crew) + len(self.situation.checkpoints) or np.any(price < 0):
            return "a price, not below 0, for each unit and checkpoint is wanted"
        if set(branch.passed) & set(branch.barred):
            return "a node is supposed to be passed and not to be"
        free = {int(self.place[node]) for node in branch.passed}
        load: dict[int, int] = {}
        for number, route in enumerate(branch.routes):
            fault = self._no_way_out(route.nodes, branch)
            if fault or route.weight <= 0:
                return f"route {number}: {fault or 'weighs nothing'}"
            for place in {int(self.place[node]) for node in route.nodes if self.inside[node]} - free:
                load[place] = load.get(place, 0) + route.weight
        if sum(route.weight for route in branch.routes) <= int(price.sum()):
            return "the ways weigh no more than the units cost"
        for place, room in self._rooms(list(load), price, stretch).items():
            if load[place] > room:
                return f"place {place}: ways of {load[place]} lead through what can be held for {room}"
        return ""

    def _arrivals(self) -> NDArray[np.float64]:
        """Return when the suspect can be at each node, after now; infinite far beyond the horizon."""
        from scipy.sparse import coo_array  # noqa: PLC0415
        from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

        n = self.network.n_nodes
        origin = max(place.ago_ms for place in self.situation.seen)
        tail, head, ms = self.checker.suspect
        starts = np.array(list(self.starts))
        begin = np.array([self.starts[node] for node in starts.tolist()]) + origin + 1  # an edge of 0 would be none
        graph: Any = coo_array(
            (
                np.concatenate((ms, begin)).astype(float),
                (np.concatenate((tail, np.full(len(starts), n))), np.concatenate((head, starts))),
            ),
            shape=(n + 1, n + 1),
        ).tocsr()
        limit = self.situation.horizon_ms + origin + 1
        return np.asarray(dijkstra(graph, indices=[n], limit=float(limit))[0, :n] - origin - 1)

    def _places(self) -> NDArray[np.int64]:
        """Return a number for each node, the same for all nodes inside of one junction."""
        from scipy.sparse import coo_array  # noqa: PLC0415
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        network = self.network
        if not network.is_turn.any():
            return np.arange(network.n_nodes)
        turns = np.flatnonzero(network.is_turn)
        tail, head = network.arc_tail[turns], network.arc_head[turns]
        inside = self.inside[tail] & self.inside[head]
        joined = coo_array(
            (np.ones(int(inside.sum()), np.int8), (tail[inside], head[inside])), shape=(network.n_nodes,) * 2
        )
        return np.asarray(connected_components(joined, directed=False)[1], np.int64)

    def _streets_at(self, node: int) -> list[tuple[int, int]]:
        network = self.network
        out = range(int(network.first_out[node]), int(network.first_out[node + 1]))
        into = network.in_arc[network.first_in[node] : network.first_in[node + 1]].tolist()
        ends = [(int(network.arc_head[arc]), arc) for arc in out] + [(int(network.arc_tail[arc]), arc) for arc in into]
        return [(other, int(self.suspect_ms[arc])) for other, arc in ends if self.suspect_ms[arc] < NEVER]

    def _no_way_out(self, nodes: tuple[int, ...], branch: Branch) -> str:
        """Return why some nodes are no way from where he is to where he cannot be; an empty text where they are."""
        if not nodes or (nodes[0] not in self.starts and nodes[0] not in branch.passed):
            return "does not begin where the suspect was seen"
        for node, after in pairwise(nodes):
            if all(other != after for other, _ in self._streets_at(node)):
                return f"no street leads from {node} to {after}"
        last_is_exit = bool(np.any(self.situation.exits == nodes[-1]))
        if self.inside[nodes[-1]] and not last_is_exit and nodes[-1] not in branch.barred:
            return "does not lead out"
        return ""

    def holders(self, places: list[int], stretch: int) -> tuple[dict[int, int], dict[int, set[int]]]:
        """Return by place how many units a post takes, and who can hold it in time; checkpoints follow the crew."""
        situation, crew = self.situation, self.situation.crew
        able: dict[int, set[int]] = {place: set() for place in places}
        wanted = np.flatnonzero(np.isin(self.place, places) & self.inside)
        for unit in np.flatnonzero(crew.stands).tolist():
            if self._is_far(unit, wanted):
                continue
            if unit not in self._travel_ms:
                self._travel_ms[unit] = self.travel_ms(unit)[self.inside]
            travel = self._travel_ms[unit][self._row[wanted]]
            slack = self.due_ms[self.place[wanted]] - situation.setup_ms - int(crew.turnout_ms[unit])
            in_time = (travel < np.inf) & (slack >= 0)
            in_time[in_time] = slack[in_time] * 1000 >= stretch * travel[in_time]
            for place in self.place[wanted[in_time]].tolist():
                able[place].add(unit)
        need = self._needs(places)
        posts = situation.checkpoints
        for row in np.argsort(-posts.call_ms, kind="stable").tolist():  # two at one junction: the soonest
            node, call_ms = int(posts.node[row]), int(posts.call_ms[row])
            place = int(self.place[node])
            if place in able and self.inside[node] and call_ms <= self.due_ms[place]:
                able[place], need[place] = {len(crew) + row}, 1
        return need, able

    def _rooms(self, places: list[int], price: NDArray[np.int64], stretch: int) -> dict[int, int]:
        """Return what the cheapest units that can hold a place cost; at a place that nobody can hold, more than all."""
        never = (int(price.sum()) + 1) << 20
        need, able = self.holders(places, stretch)
        rooms = {}
        for place, units in able.items():
            costs = sorted(int(price[unit]) for unit in units)
            rooms[place] = sum(costs[: need[place]]) if len(costs) >= need[place] else never
        return rooms

    def _is_far(self, unit: int, wanted: NDArray[np.int64]) -> bool:
        """Whether a unit is so far from all nodes in question that at the fastest of all arcs it comes too late."""
        checker, arc = self.checker, int(self.situation.crew.arc[unit])
        reach_m = checker.most_m_per_ms * self.situation.horizon_ms * (1.0 + 1e-9)
        for end in (int(self.network.arc_tail[arc]), int(self.network.arc_head[arc])):
            apart = np.hypot(checker.x[wanted] - checker.x[end], checker.y[wanted] - checker.y[end])
            if float(apart.min(initial=np.inf)) <= reach_m:
                return False
        return True

    def _needs(self, places: list[int]) -> dict[int, int]:
        network = self.network
        wide = np.isin(network.arc_class, [int(kind) for kind in self.situation.two_unit_classes])
        ends = np.concatenate((network.arc_tail[wide], network.arc_head[wide]))
        two = set(self.place[ends[self.inside[ends]]].tolist())
        return {place: 2 if place in two else 1 for place in places}

    def travel_ms(self, unit: int) -> NDArray[np.float64]:
        """Return the unit's time to each node, infinite beyond the horizon."""
        from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

        network, inner = self.network, self.weights.inner_ms
        arc, fraction = int(self.situation.crew.arc[unit]), float(self.situation.crew.fraction[unit])
        best = np.full(network.n_nodes, np.inf)
        for on, passed in ((arc, fraction), (int(network.arc_reverse[arc]), 1.0 - fraction)):
            if on >= 0 and inner[on] < NEVER:
                ahead = int(inner[on]) - int(passed * int(inner[on]) + 0.5)
                limit = self.situation.horizon_ms - ahead
                if limit >= 0:
                    found = dijkstra(self.checker.directed, indices=[int(network.arc_head[on])], limit=float(limit))
                    np.minimum(best, ahead + found[0], out=best)
        return best


def _suspect_starts(network: RoadNetwork, suspect_ms: NDArray[np.int32], situation: Situation) -> Starts:
    starts: Starts = {}
    for seen in situation.seen:
        back = int(network.arc_reverse[seen.arc])
        whole = min(int(suspect_ms[arc]) for arc in (seen.arc, back) if arc >= 0)
        passed = int(seen.fraction * whole + 0.5)
        ends = (int(network.arc_tail[seen.arc]), passed), (int(network.arc_head[seen.arc]), whole - passed)
        for node, ms in ends:
            starts[node] = min(ms - seen.ago_ms, starts.get(node, NEVER))
    return starts


def _supposed(branch: Branch) -> dict[int, bool]:
    """Return by node whether he is supposed to get through it."""
    return dict.fromkeys(branch.passed, True) | dict.fromkeys(branch.barred, False)


def _all_told(cases: list[dict[int, bool]]) -> bool:
    """Whether, whatever nodes he gets through, one of the cases supposes nothing else."""
    if not all(cases):
        return True
    if not cases:
        return False
    node = Counter(node for case in cases for node in case).most_common(1)[0][0]
    return all(
        _all_told([{n: its for n, its in case.items() if n != node} for case in cases if case.get(node, side) is side])
        for side in (True, False)
    )


def _least_by_pair(
    network: RoadNetwork, ms: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return each pair of nodes that a passable arc joins, both ways, once, with the least time."""
    passable = ms < NEVER
    tail, head, takes = network.arc_tail[passable], network.arc_head[passable], ms[passable]
    return _least(np.concatenate((tail, head)), np.concatenate((head, tail)), np.concatenate((takes, takes)))


def _least(
    tail: NDArray[np.int32], head: NDArray[np.int32], ms: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    order = np.lexsort((ms, head, tail))
    tail, head, ms = tail[order], head[order], ms[order]
    new = np.ones(len(tail), np.bool_)
    new[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return tail[new], head[new], ms[new]


def _directed(weights: Weights) -> Any:
    from scipy.sparse import coo_array  # noqa: PLC0415

    network = weights.network
    passable = weights.streets.ms < NEVER
    tail, head, ms = _least(network.arc_tail[passable], network.arc_head[passable], weights.streets.ms[passable])
    return coo_array((ms.astype(float), (tail, head)), shape=(network.n_nodes,) * 2).tocsr()
