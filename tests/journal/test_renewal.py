"""The snapshot is made anew out of the record, in another process; whatever stops that leaves the old one."""

import io
import os
import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from subprocess import Popen

import msgspec
import pytest

from engine import AnswerOrder, Engine, Need, NotStored, ReportAlert
from engine.core.state import Kept
from engine.journal import files as files_module
from engine.journal import renewal, replaying
from engine.journal.files import read_beside, replacement, slip_of, write_beside
from engine.journal.renewal import Errand, Renewals
from engine.journal.replaying import renew
from engine.journal.vault import WHOLE_STATE
from tests.faults.disk import Files
from tests.faults.schedule import PowerCut
from tests.journal.samples import AT
from tests.support.cities import SetClock, alert, city, unit

UNITS = city([unit("P1", 1, 0), unit("P2", 3, 0), unit("P3", 4, 4)])


@pytest.fixture
def engine(desk):
    """Return an engine whose journal holds an alert that somebody has answered for, in words."""
    engine = Engine(UNITS, journal=desk.journal, clock=SetClock(AT))
    happen(engine, 1)
    return engine


def happen(engine, number):
    (order,) = engine.submit(
        ReportAlert(actor="source:cad", alert=alert(number, 2, 0, needs=(Need("patrol"),), at=AT))
    )[0].orders
    for answer in ("accept", "en_route", "on_scene", "report", "clear"):
        words = "Zhang San was taken home" if answer == "report" else ""
        said = AnswerOrder(
            actor="device:P1", key=f"{order} {answer}", order=order, version=1, answer=answer, text=words
        )
        assert engine.submit(said)[0].refusal is None


def kept(desk):
    """Return what the snapshot holds, and after which event; names of values stand in it as the record has them."""
    seq, blob = desk.journal.load_snapshot()
    return seq, msgspec.msgpack.decode(blob, type=Kept)


def lived(engine):
    return engine.state.seq, msgspec.msgpack.decode(engine.snapshot(), type=Kept)


def errand(desk, **changes):
    key = desk.vault.lend(WHOLE_STATE)
    folder, log_id = desk.folder, desk.journal.log_id
    told = {
        "journal": str(folder / "journal.sqlite"),
        "snapshot": str(folder / "journal.snapshot"),
        "log_id": log_id,
        "key_name": key.name,
        "key": key.secret,
        "server": os.getppid(),
    }
    return Errand(**told | changes)


def test_what_is_made_out_of_the_record_is_the_state_of_who_lived_through_it(desk, engine):
    desk.journal.renew_snapshot()
    assert kept(desk) == lived(engine)
    assert desk.journal.snapshot_seq == engine.state.seq
    for number in (2, 3):  # now on top of a snapshot
        happen(engine, number)
        desk.journal.renew_snapshot()
        assert kept(desk) == lived(engine)
    desk.reopen()
    assert kept(desk) == lived(engine)
    assert (desk.folder / "journal.snapshot").stat().st_mode & 0o777 == 0o600
    assert b"Zhang San" not in engine.snapshot()


def test_only_what_came_after_the_snapshot_is_read(desk, engine, monkeypatch):
    desk.journal.renew_snapshot()
    seq = engine.state.seq
    happen(engine, 2)
    applied = []
    monkeypatch.setattr(replaying, "apply", lambda state, event: applied.append(event.seq))
    renew(errand(desk))
    assert applied == list(range(seq + 1, engine.state.seq + 1))


@pytest.mark.parametrize("what", ["none", "damaged", "another key", "another version"])
def test_without_a_snapshot_that_can_be_used_all_of_the_record_is_read(desk, engine, what, monkeypatch):
    desk.journal.renew_snapshot()
    at = desk.folder / "journal.snapshot"
    if what == "none":
        at.unlink()
    elif what == "damaged":
        at.write_bytes(at.read_bytes()[:-1] + b"x")
    elif what == "another key":
        desk.journal.erase("sx-alert-9", at=AT)
    elif what == "another version":
        desk.journal.save_snapshot(engine.state.seq, b"\x01")
    desk.journal.renew_snapshot()
    assert kept(desk) == lived(engine)


def test_what_is_erased_while_a_snapshot_is_made_goes_with_it(desk, engine):
    told = errand(desk)
    desk.journal.erase("sx-alert-1", at=AT)
    renewed = renew(told)
    with replacement(desk.folder / "journal.snapshot") as file:
        write_beside(file, told.log_id, renewed.seq, renewed.hash.hex(), renewed.sealed)
    assert desk.journal.load_snapshot() is None


def test_who_is_killed_in_the_midst_leaves_the_old_one(desk, engine, monkeypatch):
    desk.journal.renew_snapshot()
    before = desk.journal.load_snapshot()
    happen(engine, 2)
    half = "import sys; sys.stdin.read(); sys.stdout.write('{'); sys.stdout.flush(); import os; os.kill(os.getpid(), 9)"
    whole = subprocess.Popen
    monkeypatch.setattr(renewal.subprocess, "Popen", lambda _, **how: whole([sys.executable, "-c", half], **how))
    with pytest.raises(NotStored, match="status -9"):
        desk.journal.renew_snapshot()
    assert desk.journal.load_snapshot() == before
    assert not (desk.folder / "journal.snapshot.new").exists()


@pytest.mark.parametrize("said", ["", "{}", "\n", '{"log_id": "", "mark": 1, "bound_to": "", "sha256": ""}\n'])
def test_what_is_not_of_this_journal_is_not_put_in_place(desk, engine, monkeypatch, said):
    desk.journal.renew_snapshot()
    before = desk.journal.load_snapshot()
    monkeypatch.setattr(desk.journal._renewals, "run", lambda told, into: into.write(said.encode()))
    with pytest.raises(NotStored, match="not of this journal"):
        desk.journal.renew_snapshot()
    assert desk.journal.load_snapshot() == before


def test_who_stops_gives_up_the_one_that_runs_and_begins_no_more(desk, engine, monkeypatch):
    whole, begun = subprocess.Popen, threading.Event()

    def slow(_, **how):
        begun.set()
        return whole([sys.executable, "-c", "import signal; signal.pause()"], **how)

    monkeypatch.setattr(renewal.subprocess, "Popen", slow)
    raised = []

    def run():
        try:
            desk.journal.renew_snapshot()
        except NotStored as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30)
    desk.journal.stop_renewing()
    thread.join(30)
    assert raised == ["status -9"]
    with pytest.raises(NotStored, match="no more"):
        desk.journal.renew_snapshot()
    desk.journal.save_snapshot(engine.state.seq, engine.snapshot())


def test_one_that_takes_too_long_is_given_up(desk, engine, monkeypatch):
    whole = subprocess.Popen
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    monkeypatch.setattr(renewal.subprocess, "Popen", lambda _, **how: whole(command, **how))
    monkeypatch.setattr(renewal, "LONGEST_S", 0.01)
    with pytest.raises(NotStored, match="status -9"):
        desk.journal.renew_snapshot()


def test_a_process_that_cannot_be_begun_is_said(desk, engine, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(desk.folder / "nothing"))
    with pytest.raises(NotStored, match="no process"):
        desk.journal.renew_snapshot()


def test_whose_server_is_gone_ends(desk, engine, monkeypatch):
    monkeypatch.setattr(replaying, "_LOOK_AGAIN", 1)
    with pytest.raises(NotStored, match="gone"):
        renew(errand(desk, server=os.getpid()))


def test_what_is_on_record_is_not_said_in_an_error(desk, engine):
    base = sqlite3.connect(desk.folder / "journal.sqlite")
    base.execute("UPDATE events SET body = 'Zhang San' WHERE seq = 2")
    base.commit()
    base.close()
    with (desk.folder / "out").open("wb") as out, pytest.raises(NotStored, match=r"^status 1 Refusal$"):
        Renewals().run(errand(desk), out)


class Made(Popen):
    """A process that has handed back a snapshot."""

    def __init__(self, handed_back):
        self.stdin, self.stdout, self.stderr = io.BytesIO(), io.BytesIO(handed_back), io.BytesIO()
        self.returncode = 0

    def __exit__(self, *_):
        pass

    def __del__(self):
        pass


def test_a_power_cut_at_any_call_on_the_disk_leaves_the_old_one_or_the_new(desk, engine, monkeypatch):
    told = errand(desk)
    renewed = renew(told)
    handed_back = slip_of(told.log_id, renewed.seq, renewed.hash.hex(), renewed.sealed) + renewed.sealed
    monkeypatch.setattr(renewal.subprocess, "Popen", lambda *_, **__: Made(handed_back))
    monkeypatch.setattr(renewal, "AT_ONCE_BYTES", 1 + len(handed_back) // 5)
    chance = random.Random(1)
    ends = set()
    for cut_at in range(1, 40):
        calls = 0

        def before(cut_at=cut_at):
            nonlocal calls
            calls += 1
            if calls == cut_at:
                raise PowerCut

        disk = Files(lambda: None)
        monkeypatch.setattr(files_module, "os", disk)
        path = disk.path("journal.snapshot")
        with replacement(path) as file:
            write_beside(file, told.log_id, 0, "", b"the old one")
        disk._before = before
        with suppress(PowerCut), replacement(path) as file:
            Renewals().run(told, file)
        disk._before = lambda: None
        disk.lose_power(chance)
        slip, sealed = read_beside(path, told.log_id)
        assert (slip.mark, sealed) in [(0, b"the old one"), (renewed.seq, renewed.sealed)]
        ends.add((calls < cut_at, slip.mark))
    assert ends == {(False, 0), (False, renewed.seq), (True, renewed.seq)}


def test_a_full_disk_leaves_the_old_one_and_no_process(desk, engine, monkeypatch):
    desk.journal.renew_snapshot()
    before = desk.journal.load_snapshot()
    happen(engine, 2)
    begun, whole = [], subprocess.Popen
    monkeypatch.setattr(renewal.subprocess, "Popen", lambda *a, **how: begun.append(whole(*a, **how)) or begun[-1])

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(renewal, "write_synced", full)
    with pytest.raises(NotStored, match="No space left"):
        desk.journal.renew_snapshot()
    assert begun[0].poll() is not None
    assert desk.journal.load_snapshot() == before
