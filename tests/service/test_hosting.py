"""How many files a server may open: raised as far as the system lets it, and said where that is too few."""

import resource

import pytest

from engine.service.hosting import make_room


@pytest.mark.parametrize(
    ("soft", "hard", "may", "set_to", "warned"),
    [
        (1_024, 20_000, 14_500, (14_500, 20_000), False),
        (1_024, 4_096, 4_096, (4_096, 4_096), True),
        (1_024, resource.RLIM_INFINITY, 14_500, (14_500, resource.RLIM_INFINITY), False),
        (20_000, 20_000, 20_000, None, False),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 14_500, None, False),
    ],
)
def test_a_server_opens_as_many_files_as_it_wants_or_says_how_many_it_may(
    monkeypatch, caplog, soft, hard, may, set_to, warned
):
    told = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: told.append(limits))
    assert make_room(14_500) == may
    assert told == ([] if set_to is None else [set_to])
    assert [(record.message, record.files, record.wanted) for record in caplog.records] == (
        [("few_files", 4_096, 14_500)] if warned else []
    )
