"""When the units of a call log were busy: from their dispatch until they were available again.

Where the log holds no "available", the unit is taken to have been busy for the median time of responses of its kind,
and at least until the last instant that the log holds for it. A unit that was dispatched anew before it was
"available" is busy for both.
"""

from collections import defaultdict
from statistics import median

from engine.intake.call_log import CallLog, Response


class BusyTimes:
    """Who was busy when, according to a log.

    Parameters
    ----------
    log
        The calls with their unit responses.
    """

    def __init__(self, log: CallLog) -> None:
        took: dict[str, list[int]] = defaultdict(list)
        for response in _responses(log):
            if response.available_at is not None:
                took[response.kind].append(response.available_at - response.dispatched_at)
        typical = {kind: int(median(values)) for kind, values in took.items()}
        self._spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for response in _responses(log):
            ends_at = _end(response, typical.get(response.kind, 0))
            self._spans[response.unit].append((response.dispatched_at, ends_at))

    def __len__(self) -> int:
        """How many units the log names."""
        return len(self._spans)

    def spans(self, unit: str) -> list[tuple[int, int]]:
        """Return a unit's busy spans in ms UTC, each from its dispatch up to but without its end."""
        return sorted(self._spans.get(unit, []))

    def busy_before(self, unit: str, at: int) -> bool:
        """Tell whether a unit was busy just before an instant: dispatched before it and not available until it."""
        return any(begins_at < at <= ends_at for begins_at, ends_at in self._spans.get(unit, ()))


def _responses(log: CallLog) -> list[Response]:
    return [response for call in log.calls for response in call.responses]


def _end(response: Response, typical_ms: int) -> int:
    if response.available_at is not None:
        return max(response.available_at, response.dispatched_at)
    return max(
        response.dispatched_at + typical_ms,
        *(at or 0 for at in (response.responded_at, response.on_scene_at, response.transport_at, response.hospital_at)),
    )
