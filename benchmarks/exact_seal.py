"""Whether a seal exists, by a mixed-integer program over all places, solved by HiGHS: slow, and independent of ours."""

from typing import Any

import numpy as np

from benchmarks.assign import to_standard_error
from engine.containment.checking import Check

MOST_S = 20.0


def seal_exists(check: Check, stretch: int) -> bool | None:
    """Return whether distinct units can shut all ways out in time; None where HiGHS does not know in time.

    A place is passed or a post, or not reached at all: where one of two neighbours is passed the other is passed or a
    post. The suspect's own places are reached, and no place next to the outside is passed.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415
    from scipy.sparse import coo_array  # noqa: PLC0415

    places = np.unique(check.place[check.inside])
    at = {int(place): i for i, place in enumerate(places.tolist())}
    need, able = check.holders(places.tolist(), stretch)
    p = len(places)
    pairs = [(at[place], unit) for place, units in able.items() for unit in sorted(units)]
    wanted = 2 * p + len(pairs)
    rows: list[tuple[dict[int, float], float]] = []  # coefficients and an upper bound; passed, then posts, then pairs
    upper = np.ones(wanted)
    tail, head, _ = check.checker.suspect
    ends = check.inside[tail]
    exits = set(check.place[check.situation.exits].tolist())
    for a, b in zip(tail[ends].tolist(), head[ends].tolist(), strict=True):
        here, there = int(check.place[a]), int(check.place[b])
        if not check.inside[b]:
            upper[at[here]] = 0.0
        elif here != there:
            rows.append(({at[here]: 1.0, at[there]: -1.0, p + at[there]: -1.0}, 0.0))
    for place in exits & set(at):
        upper[at[place]] = 0.0
    for node in check.starts:
        if not check.inside[node]:
            return False
        place = at[int(check.place[node])]
        rows.append(({place: -1.0, p + place: -1.0}, -1.0))
    by_place: dict[int, list[int]] = {}
    by_unit: dict[int, list[int]] = {}
    for i, (place, unit) in enumerate(pairs):
        by_place.setdefault(place, []).append(2 * p + i)
        by_unit.setdefault(unit, []).append(2 * p + i)
    for place, i in at.items():
        rows.append(({p + i: float(need[place])} | dict.fromkeys(by_place.get(i, []), -1.0), 0.0))
    rows += [(dict.fromkeys(its, 1.0), 1.0) for its in by_unit.values()]
    lines = np.repeat(np.arange(len(rows)), [len(row) for row, _ in rows])
    columns = [column for row, _ in rows for column in row]
    values = [value for row, _ in rows for value in row.values()]
    matrix: Any = coo_array((values, (lines, columns)), shape=(len(rows), wanted)).tocsr()
    with to_standard_error():
        found = milp(
            np.zeros(wanted),
            constraints=LinearConstraint(matrix, -np.inf, np.array([bound for _, bound in rows])),
            integrality=np.concatenate((np.zeros(p), np.ones(wanted - p))),
            bounds=Bounds(np.zeros(wanted), upper),
            options={"time_limit": MOST_S},
        )
    return True if found.status == 0 else False if found.status == 2 else None
