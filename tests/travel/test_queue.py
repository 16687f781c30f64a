"""The queue of a search against one heap over all: it loses no key and gives none out too early."""

import heapq

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.travel.queue import _LAST_GENERATION, BUCKETS, HALF, WIDTH, enqueue, memory_for, settle, word
from geo_data.compiled import kernel

NODES = 64
RING_MS = BUCKETS << WIDTH


@kernel
def put(memory, version, size, ms, node):
    """Reach a node, as searches do."""
    label = (word(version) << HALF) | word(ms)
    if label >= memory.label[node]:
        return size
    memory.label[node] = label
    return enqueue(memory, size, ms, node)


@kernel
def take(memory, version, size):
    return settle(memory, version, size)


class Search:
    """One search after the other over the same memory."""

    def __init__(self, pushes=5_000):
        self.memory, self.version = memory_for(NODES, pushes), 10**6

    def run(self, steps):
        """Play steps: at each the soonest is taken, and reaches others so much later; return what was taken."""
        self.version -= 1
        size, taken = 0, []
        best, heap = {}, []
        seeds, *rest = steps
        for ms, node in seeds:
            size = put(self.memory, self.version, size, ms, node)
            if ms < best.get(node, 1 << 60):
                best[node] = ms
                heapq.heappush(heap, (ms, node))
        for found in rest:
            while heap and best[heap[0][1]] != heap[0][0]:
                heapq.heappop(heap)
            size, node, ms = take(self.memory, self.version, size)
            if not heap:
                assert (size, node) == (0, -1)
                break
            assert (ms, node) == heapq.heappop(heap)
            taken.append((ms, node))
            for later, other in found:
                size = put(self.memory, self.version, size, ms + later, other)
                if ms + later < best.get(other, 1 << 60):
                    best[other] = ms + later
                    heapq.heappush(heap, (ms + later, other))
        return taken


delays = st.one_of(st.integers(1, 3_000), st.integers(RING_MS - 600, RING_MS + 600), st.integers(1, 4 * RING_MS))
some = st.lists(st.tuples(delays, st.integers(0, NODES - 1)), max_size=5)
searches = st.lists(st.lists(some, min_size=2, max_size=40), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(searches)
def test_nodes_come_out_as_from_one_heap(played):
    search = Search()
    for steps in played:
        search.run(steps)


def test_a_search_that_was_broken_off_leaves_nothing_behind():
    search = Search()
    search.run([[(5, 1), (900, 2), (RING_MS + 7, 3)], []])
    assert search.run([[(70, 4)], [], []]) == [(70, 4)]


def test_the_ring_is_cleared_before_its_generations_repeat():
    search = Search()
    search.run([[(5, 1), (900, 2)], []])
    search.memory.state[0] = _LAST_GENERATION
    search.memory.ring[:] = (_LAST_GENERATION << 32) | 1
    assert search.run([[(5, 1), (1_700, 2)], [], [], []]) == [(5, 1), (1_700, 2)]
    assert search.memory.state[0] < 5
