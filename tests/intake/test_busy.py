"""Busy times of a log's units."""

from pathlib import Path

from engine.intake.busy import BusyTimes
from engine.intake.call_log import Call, CallLog, Response, read_call_log


def log_of(*responses: Response) -> CallLog:
    calls = [
        Call(
            id=str(number),
            received_at=0,
            entered_at=0,
            call_type="Alarms",
            priority="3",
            lon=0.0,
            lat=0.0,
            responses=(response,),
        )
        for number, response in enumerate(responses)
    ]
    return CallLog("log", tuple(calls))


def test_busy_from_dispatch_until_available() -> None:
    busy = BusyTimes(log_of(Response(unit="E1", kind="engine", dispatched_at=100, available_at=200)))
    assert [busy.busy_before("E1", at) for at in (99, 100, 101, 200, 201)] == [False, False, True, True, False]
    assert not busy.busy_before("E2", 150)
    assert len(busy) == 1


def test_a_missing_end_is_the_median_of_the_kind_or_the_last_known_instant() -> None:
    known = [Response(unit="E1", kind="engine", dispatched_at=0, available_at=end) for end in (100, 300, 900)]
    open_ended = Response(unit="E2", kind="engine", dispatched_at=1_000)
    late = Response(unit="E3", kind="engine", dispatched_at=1_000, on_scene_at=5_000)
    busy = BusyTimes(log_of(*known, open_ended, late))
    assert busy.spans("E2") == [(1_000, 1_300)]
    assert busy.spans("E3") == [(1_000, 5_000)]


def test_the_real_log_has_units_for_all_responses(data: Path) -> None:
    busy = BusyTimes(read_call_log(data / "san_francisco" / "fire_calls_2020-04.csv"))
    assert len(busy) == 199
    assert all(end >= begin for unit in ("T08", "85", "E03") for begin, end in busy.spans(unit))
