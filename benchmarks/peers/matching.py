"""What solvers of the plain assignment problem make of a joint plan: level by level, the least total ETA.

That is the part they can express: sets, and when they are complete, they do not know. Each is given the same rows of
candidates as ours and its clock runs from there, since a matrix is not what a dispatcher has; what the solver alone
took of it is told beside.
"""

import importlib
import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Solved = tuple[NDArray[np.int64], float]
"""Per demand the position among its candidates or -1; the solver's own seconds."""


class Matching(ABC):
    """Everything but the solver."""

    def settle(
        self,
        level: NDArray[np.int64],
        start: NDArray[np.int64],
        unit: NDArray[np.int32],
        eta_ms: NDArray[np.int64],
    ) -> Solved:
        """Assign level by level, as ``engine.dispatch.assignment.Choices`` lays candidates out."""
        row_of = np.repeat(np.arange(len(level)), np.diff(start))
        pick = np.full(len(level), -1, np.int64)
        taken = np.zeros(int(unit.max()) + 1, np.bool_)
        spent = 0.0
        for its in np.unique(level):
            edges = np.flatnonzero((level[row_of] == its) & ~taken[unit])
            rows, row = np.unique(row_of[edges], return_inverse=True)
            units, column = np.unique(unit[edges], return_inverse=True)
            apart = float(eta_ms[edges].max(initial=0) * (len(rows) + 1) + 1)
            chosen, seconds = self.solve(len(rows), len(units), row, column, eta_ms[edges].astype(np.float64), apart)
            spent += seconds
            chosen = edges[chosen]
            pick[row_of[chosen]] = chosen - start[row_of[chosen]]
            taken[unit[chosen]] = True
        return pick, spent

    @abstractmethod
    def solve(
        self,
        n: int,
        u: int,
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        cost: NDArray[np.float64],
        apart: float,
    ) -> tuple[NDArray[np.int64], float]:
        """Return the chosen candidates and the solver's seconds; ``apart`` is dearer than any plan."""


class Dense(Matching):
    """``scipy.optimize.linear_sum_assignment`` over the whole matrix of a level."""

    def __init__(self) -> None:
        self.solver: Any = importlib.import_module("scipy.optimize").linear_sum_assignment

    def solve(
        self,
        n: int,
        u: int,
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        cost: NDArray[np.float64],
        apart: float,
    ) -> tuple[NDArray[np.int64], float]:
        """Fill the matrix, solve, and look the candidates up again."""
        matrix = np.full((n, u), apart)
        matrix[row, column] = cost
        position = np.full((n, u), -1, np.int64)
        position[row, column] = np.arange(len(row))
        begun = time.perf_counter()
        rows, columns = self.assigned(matrix)
        seconds = time.perf_counter() - begun
        found = position[rows, columns]
        return found[found >= 0], seconds

    def assigned(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return matched rows and columns."""
        rows, columns = self.solver(matrix)
        return rows, columns


class Lapx(Dense):
    """``lap.lapjvx`` of lapx over the same matrix."""

    def __init__(self) -> None:
        self.solver = importlib.import_module("lap").lapjvx

    def assigned(self, matrix: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return matched rows and columns."""
        _, rows, columns = self.solver(matrix, extend_cost=True)
        return rows, columns


class Sparse(Matching):
    """``scipy.sparse.csgraph.min_weight_full_bipartite_matching``, with a column of its own for every unmet demand."""

    def __init__(self) -> None:
        self.solver: Any = importlib.import_module("scipy.sparse.csgraph").min_weight_full_bipartite_matching
        self.array: Any = importlib.import_module("scipy.sparse").coo_array

    def solve(
        self,
        n: int,
        u: int,
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        cost: NDArray[np.float64],
        apart: float,
    ) -> tuple[NDArray[np.int64], float]:
        """Lay the candidates out as a sparse matrix, solve, and look them up again."""
        every = np.arange(n)
        values = np.concatenate((cost + 1.0, np.full(n, apart + 1.0)))  # a stored 0 would be no edge
        graph = self.array(
            (values, (np.concatenate((row, every)), np.concatenate((column, u + every)))), shape=(n, u + n)
        ).tocsr()
        begun = time.perf_counter()
        rows, columns = self.solver(graph)
        seconds = time.perf_counter() - begun
        match = np.full(n, -1, np.int64)
        match[rows] = columns
        return np.flatnonzero(match[row] == column), seconds
