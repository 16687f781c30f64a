"""The port's promises: what is appended is read back, and what is refused leaves no trace."""

import pytest

from engine.journal.envelope import Checkpoint, PersonalState, Snapshot
from engine.model.demand_events import PlanRequested
from engine.model.errors import NotStored
from tests.journal.samples import AT, SECRET, alert, all_kinds, call, event


@pytest.fixture
def journal(desk):
    return desk.journal


def test_an_empty_journal(journal):
    assert journal.last_seq == 0
    assert list(journal.read()) == []
    assert journal.load_snapshot() is None
    assert journal.load_checkpoint("fleet") is None
    assert len(journal.log_id) == 32
    journal.append([])
    assert journal.last_seq == 0


def test_what_is_appended_is_read_back_from_any_point(journal):
    events = all_kinds()
    journal.append(events[:3])
    journal.append(events[3:])
    assert journal.last_seq == len(events)
    for after in range(len(events) + 2):
        assert list(journal.read(after)) == events[after:]


def test_a_long_journal_is_read_whole(journal):
    for batch in range(200):
        journal.append(call(batch, 6 * batch))
    assert [each.seq for each in journal.read()] == list(range(1, 1_201))
    assert [each.seq for each in journal.read(1_190)] == list(range(1_191, 1_201))


@pytest.mark.parametrize(
    "batch",
    [
        call(2, 7),
        call(2, 5),
        [*call(2, 6)[:3], *call(2, 6)[4:]],
        [*call(2, 6), event(13, PlanRequested(plan="p", demands=["not a tuple"], state_version=1))],
    ],
    ids=["gap", "again", "hole", "unreadable"],
)
def test_a_batch_that_is_refused_leaves_no_trace(journal, batch):
    journal.append(call(1, 0))
    with pytest.raises(NotStored):
        journal.append(batch)
    assert list(journal.read()) == call(1, 0)
    journal.append(call(2, 6))
    assert list(journal.read()) == call(1, 0) + call(2, 6)


def test_erasing_takes_the_personal_part_and_nothing_else(journal):
    journal.append([event(1, alert(1), SECRET), event(2, alert(2), SECRET), event(3, alert(3))])
    journal.save_snapshot(3, b"state")
    assert journal.erase("sx-alert-1", "sx-alert-3", "nobody", at=AT) == 1
    assert list(journal.read_opened()) == [
        (event(1, alert(1)), PersonalState.ERASED),
        (event(2, alert(2), SECRET), PersonalState.PRESENT),
        (event(3, alert(3)), PersonalState.NONE),
    ]
    assert journal.load_snapshot() is None
    assert journal.erase("sx-alert-1", at=AT) == 0


def test_snapshots_and_checkpoints_are_replaced_by_newer_ones(journal):
    journal.append(call(1, 0))
    journal.save_snapshot(0, b"")
    assert journal.load_snapshot() == Snapshot(0, b"")
    journal.save_snapshot(6, b"six\n\0")
    assert journal.load_snapshot() == Snapshot(6, b"six\n\0")
    with pytest.raises(NotStored, match="after entry 7"):
        journal.save_snapshot(7, b"seven")
    journal.save_checkpoint("fleet", AT, b"a")
    journal.save_checkpoint("fleet", AT + 1, b"b\nc")
    journal.save_checkpoint("factors", AT, b"f")
    assert journal.load_checkpoint("fleet") == Checkpoint(AT + 1, b"b\nc")
    assert journal.load_checkpoint("factors") == Checkpoint(AT, b"f")
