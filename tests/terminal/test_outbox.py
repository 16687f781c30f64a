"""What a client keeps until it is answered, in memory and on its disk."""

import os
import stat

import pytest

from engine.journal import files as files_module
from engine.model.errors import Refusal
from engine.terminal import outbox as outbox_module
from engine.terminal.outbox import Outbox
from engine.wire.messages import Status
from engine.wire.order_messages import AnswerOrder
from tests.support.streams import report


def answer(key):
    return AnswerOrder(key=key, order="o", version=1, answer="accept")


def refs(messages):
    return [getattr(message, "key", None) or message.source_ref for message in messages]


def test_answers_go_one_at_a_time_and_alerts_do_not_wait():
    box = Outbox()
    for message in (answer("a"), report("x"), Status(key="b", status="busy"), report("y"), answer("c")):
        box.add(message)
    assert refs(box.ready()) == ["a", "x", "y"]
    assert box.ready() == []
    assert box.answered("x").source_ref == "x"
    assert box.ready() == []
    assert box.answered("a").key == "a"
    assert refs(box.ready()) == ["b"]
    assert box.answered("nobody's") is None
    box.again()
    assert refs(box.ready()) == ["b", "y"]
    box.again("b")
    assert refs(box.ready()) == ["b"]
    assert len(box) == 3


def test_what_has_no_answer_outlives_the_process(tmp_path):
    path = tmp_path / "car.json"
    box = Outbox(path)
    for message in (answer("a"), report("x"), answer("b")):
        box.add(message)
    box.ready()
    box.answered("a")
    box.memory.log_id, box.memory.applied_seq = "log", 7
    box.save()
    again = Outbox(path)
    assert (again.memory.log_id, again.memory.applied_seq) == ("log", 7)
    assert again.ready() == [report("x"), answer("b")]
    assert path.stat().st_mode & 0o077 == 0


def test_what_cannot_be_kept_is_not_taken(tmp_path):
    box = Outbox(tmp_path / "gone" / "car.json")
    with pytest.raises(OSError, match="gone"):
        box.add(answer("a"))
    assert len(box) == 0


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path):
    path = tmp_path / "car.json"
    path.write_bytes(b'{"memory": 5}')
    with pytest.raises(Refusal, match="unusable_file"):
        Outbox(path)
    assert path.read_bytes() == b'{"memory": 5}'


def test_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(outbox_module, "MOST_SAID", 2)
    box = Outbox()
    box.add(answer("a"))
    box.add(answer("b"))
    with pytest.raises(Refusal, match="busy"):
        box.add(answer("c"))


def test_a_file_is_durable_with_its_name(tmp_path, monkeypatch):
    """A name is in the folder: one that was not synced may be the old one after a power cut, and the answer gone."""
    synced, real = [], files_module.os.fsync

    def fsync(handle):
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(files_module.os, "fsync", fsync)
    Outbox(tmp_path / "car.json").add(answer("a"))
    assert synced == [False, True]
