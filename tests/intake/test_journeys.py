"""Journeys from a log: only those of which it is known where they began."""

import pytest

from engine.intake.call_log import Call, CallLog, Response
from engine.intake.journeys import REST_MS, journeys_of
from engine.model.errors import Refusal
from engine.travel.journeys import Journey

HOMES = {"E1": (1.0, 2.0), "T1": (3.0, 4.0)}


def log_of(*responses: Response, plain: bool = False) -> CallLog:
    """Return a log of one call a response, after one that begins the log for a unit without a home."""
    first = Response(unit="X", kind="chief", dispatched_at=0, available_at=1)
    calls = [
        Call(
            id=str(number),
            received_at=it.dispatched_at,
            entered_at=it.dispatched_at,
            call_type="Alarms",
            priority="3",
            lon=5.0,
            lat=6.0,
            responses=(it,),
        )
        for number, it in enumerate((first, *responses))
    ]
    return CallLog("log", tuple(calls), plain)


def response(at: int, unit: str = "E1", kind: str = "engine", **more: int | None) -> Response:
    times: dict[str, int | None] = {
        "responded_at": at + 60_000,
        "on_scene_at": at + 200_000,
        "available_at": at + 900_000,
    }
    return Response(unit=unit, kind=kind, dispatched_at=at, **{**times, **more})


def test_a_unit_that_was_long_free_starts_at_home() -> None:
    found, left_out = journeys_of(log_of(response(REST_MS), response(REST_MS, "T1", "truck")), HOMES)
    assert found == [
        Journey(1.0, 2.0, 5.0, 6.0, REST_MS + 60_000, REST_MS + 200_000),
        Journey(3.0, 4.0, 5.0, 6.0, REST_MS + 60_000, REST_MS + 200_000),
    ]
    assert left_out == {"no_home": 1}


def test_who_was_busy_or_just_free_or_begins_the_log_may_be_anywhere() -> None:
    first = REST_MS
    ends = first + 900_000
    log = log_of(
        response(REST_MS - 1, "T1", "truck"),
        response(first),
        response(first + 1_000, on_scene_at=None, responded_at=None, available_at=first + 2_000),
        response(ends - 1_000, available_at=ends),
        response(ends + REST_MS - 1, available_at=ends + REST_MS),
        response(ends + 2 * REST_MS),
    )
    found, left_out = journeys_of(log, HOMES)
    assert [it.rolling_at - 60_000 for it in found] == [first, ends + 2 * REST_MS]
    assert left_out == {"no_home": 1, "was_out": 3, "no_stamp": 1}


def test_kinds_can_be_chosen() -> None:
    log = log_of(response(REST_MS), response(REST_MS, "T1", "truck"))
    found, left_out = journeys_of(log, HOMES, ["truck"])
    assert [it.from_lon for it in found] == [3.0]
    assert left_out == {"other_kind": 2}


def test_a_log_without_units_is_refused() -> None:
    with pytest.raises(Refusal, match="no_responses"):
        journeys_of(log_of(plain=True), HOMES)
