"""Who could go, as travel times read it, and what comes of asking who is nearest."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal

if TYPE_CHECKING:
    from engine.travel.search import Columns

MOST_HANDICAP_MS = 24 * 3_600_000
"""The most that a handicap may be: with a turnout it fits the columns' 32 bits."""
Method = Literal["search", "hierarchy"]
METHODS: tuple[Method, ...] = get_args(Method)


class Riders(Protocol):
    """Who could go, as columns. ``U`` units, ``n`` nodes; the fleet provides this, and anything shaped like it may.

    A unit stands at ``fraction`` of ``arc``. It leaves by its arc's head, entry ``2 u``, and on a two-way street by
    the reverse arc's head, entry ``2 u + 1``. The entries of each node form a list.
    """

    @property
    def first_at_node(self) -> NDArray[np.int32]:
        """int32 (n,): the first entry at each node; -1 for none."""
        ...

    @property
    def next_entry(self) -> NDArray[np.int32]:
        """int32 (2 U,): the next entry at the same node; -1 at the end."""
        ...

    @property
    def entry_ms(self) -> NDArray[np.int32]:
        """int32 (2 U,): milliseconds from the unit to that node."""
        ...

    @property
    def bits(self) -> NDArray[np.uint64]:
        """uint64 (U,): what the unit can do and whether it is free."""
        ...

    @property
    def turnout_ms(self) -> NDArray[np.int32]:
        """int32 (U,): milliseconds from the order to rolling wheels."""
        ...

    @property
    def arc(self) -> NDArray[np.int32]:
        """int32 (U,): -1 where nothing is known."""
        ...

    @property
    def fraction(self) -> NDArray[np.float64]:
        """float64 (U,): how much of the arc is behind it."""
        ...

    @property
    def fixed_at(self) -> NDArray[np.int64]:
        """int64 (U,): when the position was true, ms since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """The nearest eligible units, least cost first, ties by unit; without handicaps that is soonest first.

    Attributes
    ----------
    unit
        int32 (r,), rows of the riders' columns.
    eta_ms, travel_ms, turnout_ms
        int64 (r,); the eta is the sum of the other two.
    handicap_ms
        int64 (r,), what was asked to count besides the eta; it is no part of it.
    eligible
        How many units were eligible at all; fewer in the ranking mean that ``k`` was less or no way leads here.
    settled
        How many nodes were looked at.
    method
        How it was found: by a search over the streets or by the hierarchy; the answer is the same.
    """

    unit: NDArray[np.int32]
    eta_ms: NDArray[np.int64]
    travel_ms: NDArray[np.int64]
    turnout_ms: NDArray[np.int64]
    handicap_ms: NDArray[np.int64]
    eligible: int
    settled: int
    method: Method

    def take(self, rows: NDArray[np.int64]) -> "Ranking":
        """Return the ranking with these rows alone, in this order."""
        return Ranking(
            self.unit[rows],
            self.eta_ms[rows],
            self.travel_ms[rows],
            self.turnout_ms[rows],
            self.handicap_ms[rows],
            self.eligible,
            self.settled,
            self.method,
        )

    @property
    def cost_ms(self) -> NDArray[np.int64]:
        """What the ranking goes by, int64 (r,), never falling: the eta and the handicap."""
        return self.eta_ms + self.handicap_ms


def columns_of(riders: Riders) -> "Columns":
    """Return the riders' columns as the kernels take them."""
    from engine.travel.search import Columns  # noqa: PLC0415 - numba, wanted once something is asked

    return Columns(*(getattr(riders, name) for name in Columns._fields))


def check_handicap(handicap_ms: NDArray[np.int32], units: int) -> None:
    """Refuse handicaps that are not one for each unit, or out of range."""
    if handicap_ms.shape != (units,):
        raise Refusal("wrong_shape", "handicap_ms", handicap_ms.shape, f"({units},), one by unit")
    for bound in (handicap_ms.min(initial=0), handicap_ms.max(initial=0)):
        if not 0 <= bound <= MOST_HANDICAP_MS:
            raise Refusal("out_of_range", "handicap_ms", int(bound), f"0 to {MOST_HANDICAP_MS}")
