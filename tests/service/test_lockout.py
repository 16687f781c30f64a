"""Who has been wrong too often waits, and is forgotten in the end."""

from engine.service import lockout
from engine.service.lockout import FOR_S, MOST_ATTEMPTS, WITHIN_S, Lockout


def failing(times):
    doors = Lockout()
    for now_s in times:
        doors.failed("a", now_s)
    return doors


def test_five_failures_in_a_minute_shut_and_four_do_not():
    assert not failing([0.0] * (MOST_ATTEMPTS - 1)).is_shut("a", 0.0)
    shut = failing([0.0] * MOST_ATTEMPTS)
    assert shut.is_shut("a", 0.0)
    assert not shut.is_shut("b", 0.0)


def test_slow_failures_do_not_shut():
    assert not failing([0.0, *[WITHIN_S + 1] * (MOST_ATTEMPTS - 1)]).is_shut("a", WITHIN_S + 1)


def test_it_opens_after_a_quiet_while():
    shut = failing([0.0] * MOST_ATTEMPTS)
    assert shut.is_shut("a", FOR_S - 1)
    assert not shut.is_shut("a", FOR_S)
    assert not shut.is_shut("a", FOR_S)


def test_only_so_many_are_remembered(monkeypatch):
    monkeypatch.setattr(lockout, "MOST_KEPT", 2)
    doors = Lockout()
    for name in "abc":
        for _ in range(MOST_ATTEMPTS):
            doors.failed(name, 0.0)
    assert [doors.is_shut(name, 0.0) for name in "abc"] == [False, True, True]
