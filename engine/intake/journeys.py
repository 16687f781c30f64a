"""Journeys in a call log: from a unit's station, when it began to roll, to the call, when it was on scene.

A log does not say where a unit was. So only those responses count of which it is known: the unit has a home, and it
had been free for `REST_MS` when it was dispatched, long enough to be back. The first `REST_MS` of a log say nothing
about where anybody was.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import accumulate

from engine.intake.busy import BusyTimes
from engine.intake.call_log import Call, CallLog, Response
from engine.model.errors import Refusal
from engine.travel.journeys import Journey

REST_MS = 30 * 60_000


def journeys_of(
    log: CallLog, homes: Mapping[str, tuple[float, float]], kinds: Collection[str] = ()
) -> tuple[list[Journey], Counter[str]]:
    """Return the journeys from home, and how many responses were left out by reason.

    Parameters
    ----------
    log
        With what was sent.
    homes
        Longitude and latitude of each unit's home.
    kinds
        Kinds of unit that count; empty for all.

    Returns
    -------
    list of Journey, Counter
        The reasons: ``other_kind``, ``no_home``, ``no_stamp`` where it did not roll or was never on scene, ``was_out``
        where it was not known to be at home.

    Raises
    ------
    Refusal
        When the log does not say who was sent.
    """
    if log.plain:
        raise Refusal("no_responses", log.source, "no units", "a log that says which unit was sent, and when")
    homecoming = _Homecoming(log)
    found: list[Journey] = []
    left_out = Counter[str]()
    for call in log.calls:
        for response in call.responses:
            reason = _unfit(response, homes, kinds, homecoming)
            if reason:
                left_out[reason] += 1
            else:
                found.append(_journey(call, response, *homes[response.unit]))
    return found, left_out


def _unfit(
    response: Response, homes: Mapping[str, tuple[float, float]], kinds: Collection[str], homecoming: "_Homecoming"
) -> str:
    """Return why a response is no journey from home; empty where it is one."""
    if kinds and response.kind not in kinds:
        return "other_kind"
    if response.unit not in homes:
        return "no_home"
    if response.responded_at is None or response.on_scene_at is None:
        return "no_stamp"
    if response.dispatched_at - homecoming.free_since(response.unit, response.dispatched_at) < REST_MS:
        return "was_out"
    return ""


def _journey(call: Call, response: Response, lon: float, lat: float) -> Journey:
    assert response.responded_at is not None
    assert response.on_scene_at is not None
    return Journey(lon, lat, call.lon, call.lat, response.responded_at, response.on_scene_at)


class _Homecoming:
    """Since when a unit had been free, at an instant."""

    def __init__(self, log: CallLog) -> None:
        self._busy = BusyTimes(log)
        self._begins_at = min(response.dispatched_at for call in log.calls for response in call.responses)
        self._known: dict[str, tuple[list[int], list[int]]] = {}

    def free_since(self, unit: str, at: int) -> int:
        """Return the last end of all that began before; the log's first dispatch where nothing did."""
        if unit not in self._known:
            spans = self._busy.spans(unit)
            self._known[unit] = [span[0] for span in spans], list(accumulate((span[1] for span in spans), max))
        begins, ends = self._known[unit]
        before = bisect_left(begins, at)
        return ends[before - 1] if before else self._begins_at
