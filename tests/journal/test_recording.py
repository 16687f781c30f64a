"""The tools that show that nothing leaves before it is durable: an early release is planted, and found."""

import pytest

from engine.core.plain_ports import VolatileJournal
from engine.model.errors import NotStored
from tests.journal.samples import call
from tests.support.recording import FailingJournal, RecordingJournal, RecordingLinks, Step, early_releases


def careful(journal, links, events):
    journal.append(events)
    links.release(events)


def hasty(journal, links, events):
    links.release(events)
    journal.append(events)


@pytest.mark.parametrize(("cycle", "early"), [(careful, []), (hasty, [1, 2, 3, 4, 5, 6])])
def test_a_planted_early_release_is_found(cycle, early):
    journal = RecordingJournal(VolatileJournal())
    links = RecordingLinks(journal.steps)
    cycle(journal, links, call(1, 0))
    assert early_releases(journal.steps) == early


def test_a_release_from_another_thread_during_the_commit_is_found():
    events = call(1, 0)
    journal = RecordingJournal(VolatileJournal(), after_commit=lambda: links.release(events[:1]))
    links = RecordingLinks(journal.steps)
    careful(journal, links, events)
    assert early_releases(journal.steps) == [1]


def test_the_order_of_all_steps_is_on_record(desk):
    journal = RecordingJournal(FailingJournal(desk.journal, [True, False]))
    links = RecordingLinks(journal.steps)
    careful(journal, links, call(1, 0)[:1])
    with pytest.raises(NotStored):
        careful(journal, links, call(1, 0)[1:2])
    careful(journal, links, call(1, 0)[1:])
    assert [step.what for step in journal.steps] == [
        *("begin", "commit", "return", "release"),
        *("begin", "fail"),
        *("begin", "commit", "return", "release"),
    ]
    assert journal.steps[-1] == Step("release", (2, 3, 4, 5, 6))
    assert early_releases(journal.steps) == []
    assert links.released == list(journal.read()) == call(1, 0)
    assert journal.log_id == desk.journal.log_id


def test_a_failing_journal_keeps_to_its_script():
    journal = FailingJournal(VolatileJournal())
    journal.fail_next(2)
    for _ in range(2):
        with pytest.raises(NotStored):
            journal.append(call(1, 0))
    journal.append(call(1, 0))
    assert journal.refused == 2
    assert list(journal.read()) == call(1, 0)
