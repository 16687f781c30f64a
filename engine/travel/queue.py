"""What waits in a search, soonest first: a heap of four children, and before it a ring of buckets.

A search takes nodes in the order of their time and never puts one in before the time it has come to. So what is due
later lies unsorted in the bucket of its half second, and only what is due in the present one lies in a heap: that
holds some ten keys rather than a hundred, and what became pointless meanwhile never enters it. The order is that of one
heap over all, ties by node (buckets before a sort: R. Dial, Algorithm 360, CACM 12(11), 1969; B. Cherkassky, A.
Goldberg, C. Silverstein, "Buckets, heaps, lists, and monotone priority queues", SIAM J. Comput. 28(4), 1999).

Keys are ``milliseconds << 32 | node``.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import inlined, kernel

# The casts are for the type checker alone: numba sees the two numpy types, and a sum of both would be a float.
word = cast("Callable[[object], int]", np.uint64)
whole = cast("Callable[[object], int]", np.int64)
LOW = word(0xFFFFFFFF)
HALF = word(32)
WIDTH = 9
"""A bucket is 2^9 ms wide."""
BUCKETS = 1 << 10
"""The ring spans nine minutes; what is due later lies in one list until the ring has come near."""
_GENERATION, _BUCKET, _NEAR, _RINGED, _ITEMS, _FAR, _FAR_FROM = range(7)
_NOTHING = -1
_LAST_GENERATION = (1 << 31) - 2


class Memory(NamedTuple):
    """What one search writes: labels and what waits. ``p`` pushes at most until nothing waits.

    ``label`` uint64 (n,): see `engine.travel.search`.
    ``near`` uint64 (p,): the heap of what is due in the present bucket. ``key`` uint64 (p,) and ``after`` int32 (p,):
    all else, as lists. ``ring`` int64 (`BUCKETS`,): the first of each bucket's list under the generation that wrote it,
    so that nothing is ever cleared. ``state`` int64 (7,): generation, bucket, how many are near and in the ring, items
    used, the first of what is far, and the earliest bucket of those.
    """

    label: NDArray[np.uint64]
    near: NDArray[np.uint64]
    key: NDArray[np.uint64]
    after: NDArray[np.int32]
    ring: NDArray[np.int64]
    state: NDArray[np.int64]


def memory_for(nodes: int, pushes: int) -> Memory:
    """Return memory with room for so many pushes; what is never reached of it is never taken from the system."""
    room = pushes + 1
    return Memory(
        np.full(nodes, np.iinfo(np.uint64).max, np.uint64),
        np.empty(room, np.uint64),
        np.empty(room, np.uint64),
        np.empty(room, np.int32),
        np.zeros(BUCKETS, np.int64),
        np.zeros(7, np.int64),
    )


@inlined
def push(heap: NDArray[np.uint64], size: int, key: int) -> int:
    """Put a key on a heap; return the new size."""
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if heap[parent] <= key:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = key
    return size + 1


@inlined
def pop(heap: NDArray[np.uint64], size: int) -> int:
    """Remove the least key, ``heap[0]``; return the new size."""
    size -= 1
    key = heap[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least, least_key = child, heap[child]
        for c in range(child + 1, min(child + 4, size)):
            if heap[c] < least_key:
                least, least_key = c, heap[c]
        if least_key >= key:
            break
        heap[i] = least_key
        i = least
    heap[i] = key
    return size


@inlined
def _begin(memory: Memory, bucket: int) -> None:
    state = memory.state
    if state[_GENERATION] == _LAST_GENERATION:
        memory.ring[:] = 0
        state[_GENERATION] = 0
    state[_GENERATION] += 1
    state[_BUCKET] = bucket
    state[_NEAR] = state[_RINGED] = state[_ITEMS] = 0
    state[_FAR] = _NOTHING


@inlined
def _into_ring(memory: Memory, item: int, bucket: int) -> None:
    slot = bucket & (BUCKETS - 1)
    first, generation = memory.ring[slot], memory.state[_GENERATION]
    memory.after[item] = (first & 0xFFFFFFFF) - 1 if first >> 32 == generation else _NOTHING
    memory.ring[slot] = (generation << 32) | (item + 1)
    memory.state[_RINGED] += 1


@inlined
def enqueue(memory: Memory, size: int, ms: int, node: int) -> int:
    """Let a node wait until ``ms``; ``size`` is how many wait, 0 for a new beginning. Return how many wait now."""
    state, key = memory.state, (word(ms) << HALF) | word(node)
    bucket = whole(ms) >> WIDTH
    if size == 0:
        _begin(memory, bucket)
    if bucket <= state[_BUCKET]:
        state[_NEAR] = push(memory.near, state[_NEAR], key)
        return size + 1
    item = state[_ITEMS]
    state[_ITEMS] = item + 1
    memory.key[item] = key
    if bucket < state[_BUCKET] + BUCKETS:
        _into_ring(memory, item, bucket)
        return size + 1
    if state[_FAR] == _NOTHING or bucket < state[_FAR_FROM]:
        state[_FAR_FROM] = bucket
    memory.after[item] = state[_FAR]
    state[_FAR] = item
    return size + 1


@inlined
def _next_bucket(memory: Memory, base: int, size: int) -> int:
    """Bring the next bucket into the empty heap, but what has been overtaken; return how many wait."""
    state = memory.state
    if state[_RINGED] == 0 and state[_FAR] != _NOTHING:
        state[_BUCKET] = state[_FAR_FROM] - 1
    state[_BUCKET] += 1
    if state[_FAR] != _NOTHING and state[_FAR_FROM] < state[_BUCKET] + BUCKETS:
        _bring_near(memory)
    slot = state[_BUCKET] & (BUCKETS - 1)
    first = memory.ring[slot]
    if first >> 32 != state[_GENERATION]:
        return size
    memory.ring[slot] = 0
    item = (first & 0xFFFFFFFF) - 1
    while item >= 0:
        key = memory.key[item]
        state[_RINGED] -= 1
        if memory.label[whole(key & LOW)] == base | (key >> HALF):
            state[_NEAR] = push(memory.near, state[_NEAR], key)
        else:
            size -= 1
        item = memory.after[item]
    return size


@kernel
def _bring_near(memory: Memory) -> None:
    """Move what is far and no longer beyond the ring into it."""
    state = memory.state
    item = state[_FAR]
    state[_FAR] = _NOTHING
    earliest = whole(1) << 62
    while item >= 0:
        following = whole(memory.after[item])
        bucket = whole(memory.key[item] >> HALF) >> WIDTH
        if bucket < state[_BUCKET] + BUCKETS:
            _into_ring(memory, item, bucket)
        else:
            memory.after[item] = state[_FAR]
            state[_FAR] = item
            earliest = min(earliest, bucket)
        item = following
    state[_FAR_FROM] = earliest


@inlined
def settle(memory: Memory, version: int, size: int) -> tuple[int, int, int]:
    """Take out the node that is due soonest, ties by node; return how many wait, the node, -1 for none, its time."""
    state, base = memory.state, word(version) << HALF
    while size > 0:
        while state[_NEAR] == 0 and size > 0:
            size = _next_bucket(memory, base, size)
        if size == 0:
            break
        key = memory.near[0]
        state[_NEAR] = pop(memory.near, state[_NEAR])
        size -= 1
        node = whole(key & LOW)
        if memory.label[node] == base | (key >> HALF):  # else it was reached sooner since
            return size, node, whole(key >> HALF)
    return 0, -1, 0
