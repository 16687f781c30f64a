"""The right tool for who is nearest: a search over the streets while many are eligible, the hierarchy when few are.

A search settles about ``k n / eligible`` nodes before it may stop; a climb costs something for the incident and
something for every eligible unit. Both are predicted in nanoseconds, and the cheaper one answers. Units do not stand
evenly: a search that has cost as much as the climb would have gives up, and the climb answers after all. Either answer
is exact, so a wrong prediction costs time and nothing else.
"""

from engine.travel.eligible import census
from engine.travel.search import Columns
from geo_data.compiled import kernel

SETTLE_NS = 60
"""A settled node: 45 in a city that fits the caches, more beyond."""
CLIMB_NS = 160_000
UNIT_NS, UNLABELLED_NS = 400, 1_000
"""An eligible unit that a climb has to enlist: 100 with a label and warm caches, over 1,000 with neither. The first is
for a version that stands, under which labels are kept, the second for versions that come and go."""
UNEVENNESS = 2.0
"""A search is chosen when so many times the nodes that evenly spread units would take are still the cheaper."""
NO_LIMIT = 1 << 62


@kernel
def count_eligible(riders: Columns, need: int, fresh_after: int) -> tuple[int, int]:
    """Return how many units are eligible and the least of their turnouts."""
    return census(riders, need, fresh_after)


def settled_before_giving_up(nodes: int, eligible: int, k: int, *, labelled: bool = True) -> int:
    """Return how many nodes a search may settle before the hierarchy is to answer; 0 when it should at once.

    ``labelled`` tells whether units can be expected to have a label.
    """
    climb_ns = CLIMB_NS + (UNIT_NS if labelled else UNLABELLED_NS) * eligible
    if UNEVENNESS * k * nodes / eligible * SETTLE_NS > climb_ns:
        return 0
    return climb_ns // SETTLE_NS
