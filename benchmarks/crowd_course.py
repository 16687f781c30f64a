"""What a crowd of clients does in a stretch of time, on a schedule that is fixed beforehand.

What is due is sent at its instant or, if that was missed, as soon as can be, and its time counts from the instant it
was due. So a pause, here or there, is in the figures and not left out.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd import Crowd
from benchmarks.harness import say

AT_ONCE = 40
"""So many positions at most before what has come in is looked at again."""


@dataclass(frozen=True)
class Course:
    """What is to happen in a stretch of time: rates by second, and what an alert is."""

    seconds: float
    alerts_per_s: float
    positions_per_s: float
    spots: NDArray[np.float64]
    alert_type: str
    need: str


def run(crowd: Crowd, course: Course, name: str) -> list[str]:
    """Let a stretch go by on its schedule; return the references of its alerts, in order."""
    spots = course.spots.tolist()
    begun_ns = time.monotonic_ns() + 50_000_000
    step_ns = 1e9 / course.alerts_per_s
    total = round(course.seconds * course.alerts_per_s)
    end_ns = begun_ns + int(course.seconds * 1e9)
    sent, moved, refs = 0, 0, []
    while (now_ns := time.monotonic_ns()) < end_ns or sent < total:
        while sent < total and begun_ns + int(sent * step_ns) <= now_ns:
            refs.append(f"{name}-{sent}")
            due_ns, spot = begun_ns + int(sent * step_ns), spots[sent % len(spots)]
            crowd.report(refs[-1], due_ns, spot, course.alert_type, course.need)
            sent += 1
        wanted = int(max(0, min(now_ns, end_ns) - begun_ns) / 1e9 * course.positions_per_s)
        if wanted > moved:
            crowd.move(min(wanted - moved, AT_ONCE))
            moved += min(wanted - moved, AT_ONCE)
        due_ns = begun_ns + int(sent * step_ns) if sent < total else end_ns
        wait_s = max(0.0, (due_ns - time.monotonic_ns()) / 1e9)
        if course.positions_per_s:
            wait_s = 0.0 if wanted > moved else min(wait_s, 0.001)
        crowd.turn(wait_s)
    crowd.record.counts["positions"] += moved
    return refs


def settle(crowd: Crowd, seconds: float) -> list[str]:
    """Wait until every alert is answered and its orders have come; return those of which something is missing."""
    until = time.monotonic() + seconds
    while (missing := crowd.record.missing()) and time.monotonic() < until:
        for _ in range(20):
            crowd.turn(0.01)
    if missing:
        say(f"missing: {len(missing)}, such as {missing[:3]}; refused: {dict(crowd.record.refused)}")
    return missing
