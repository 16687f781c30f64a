"""Which demands contend for units, compiled: it is asked about every candidate of every joint plan.

Demands contend where candidates that they want are the same; whoever contends with ``m - 1`` others wants the ``m``
best. Both grow by each other until nothing changes, in time that is near linear in the candidates that are wanted.
"""

import numpy as np
from numpy.typing import NDArray

from geo_data.compiled import making_arrays


@making_arrays
def contending(start: NDArray[np.int64], column: NDArray[np.int64], units: int) -> NDArray[np.int64]:
    """Return with how many a demand contends, itself among them.

    Parameters
    ----------
    start
        int64 (n + 1,), where each demand's candidates begin; best first.
    column
        int64 (e,), the unit of each candidate, from 0 to ``units``.
    units
        How many there are.

    Returns
    -------
    int64 (n,)
    """
    n = len(start) - 1
    parent, size = np.arange(n), np.ones(n, np.int64)
    wanted = np.zeros(n, np.int64)
    owner = np.full(units, -1, np.int64)
    grown = True
    while grown:
        grown = False
        for demand in range(n):
            root = demand
            while parent[root] != root:
                parent[root] = parent[parent[root]]
                root = parent[root]
            while wanted[demand] < size[root] and start[demand] + wanted[demand] < start[demand + 1]:
                unit = column[start[demand] + wanted[demand]]
                wanted[demand] += 1
                grown = True
                other = owner[unit]
                if other < 0:
                    owner[unit] = demand
                    continue
                while parent[other] != other:
                    parent[other] = parent[parent[other]]
                    other = parent[other]
                if other != root:
                    if size[other] > size[root]:
                        root, other = other, root
                    parent[other] = root
                    size[root] += size[other]
    mates = np.empty(n, np.int64)
    for demand in range(n):
        root = demand
        while parent[root] != root:
            root = parent[root]
        mates[demand] = size[root]
    return mates


def warm() -> None:
    """Compile the kernel, or load it from the cache."""
    contending(np.array([0, 1, 2], np.int64), np.zeros(2, np.int64), 1)
