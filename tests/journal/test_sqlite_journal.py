"""The journal on a disk: full disks, locks, damage, restarts, threads. Nothing lost, nothing doubled."""

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.journal.envelope import PersonalState
from engine.journal.sqlite_journal import SqliteJournal
from engine.model.errors import NotStored, Refusal
from tests.journal.samples import AT, SECRET, alert, call, event


def fill(journal, calls, start=1):
    for number in range(start, start + calls):
        journal.append(call(number, journal.last_seq))


def test_a_restart_changes_nothing(desk):
    fill(desk.journal, 3)
    before, log_id = list(desk.journal.read()), desk.journal.log_id
    journal = desk.reopen()
    assert (list(journal.read()), journal.log_id, journal.last_seq) == (before, log_id, 18)
    fill(journal, 1, 4)
    assert journal.verify().ok


def test_a_full_disk_refuses_and_loses_nothing(desk):
    journal = desk.journal
    fill(journal, 2)
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count={pages + 3}")
    with pytest.raises(NotStored, match="full") as caught:
        fill(journal, 50, 3)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    stored = journal.last_seq
    for _ in range(3):
        with pytest.raises(NotStored, match="full"):
            journal.append(call(9, stored))
    assert journal.last_seq == stored >= 12
    assert [each.seq for each in journal.read()] == list(range(1, stored + 1))
    journal._writer.execute("PRAGMA max_page_count=1000000")
    journal.append(call(10, stored))
    assert [each.seq for each in journal.read()] == list(range(1, stored + 7))
    assert desk.reopen().verify().ok
    assert desk.journal.last_seq == stored + 6


def test_a_lock_of_another_program_refuses_and_passes(desk):
    fill(desk.journal, 1)
    other = sqlite3.connect(desk.journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotStored, match="locked"):
        fill(desk.journal, 1, 2)
    assert [each.seq for each in desk.journal.read()] == [1, 2, 3, 4, 5, 6]
    other.execute("ROLLBACK")
    other.close()
    fill(desk.journal, 1, 2)
    assert desk.journal.verify().entries == 12


def test_an_interrupted_commit_is_taken_back(desk):
    fill(desk.journal, 1)
    desk.journal._writer.set_authorizer(lambda action, *_: 1 if action == 18 else 0)  # 18 is INSERT, 1 is deny
    with pytest.raises(NotStored, match="not authorized"):
        fill(desk.journal, 1, 2)
    desk.journal._writer.set_authorizer(None)
    assert not desk.journal._writer.in_transaction
    fill(desk.journal, 1, 2)
    assert desk.journal.last_seq == 12


def test_after_closing_nothing_is_stored(desk):
    desk.journal.close()
    with pytest.raises(NotStored, match="closed"):
        fill(desk.journal, 1)


def test_settling_keeps_the_log_short_and_loses_nothing(desk):
    log = desk.folder / "journal.sqlite-wal"
    lengths = []
    for number in range(8):
        fill(desk.journal, 20, 20 * number + 1)
        desk.journal.settle()
        lengths.append(log.stat().st_size)
    assert max(lengths) < desk.journal.path.stat().st_size
    # Used again from its beginning: a round may touch a few pages more than another, not as many as all before it.
    assert max(lengths) < 1.2 * lengths[2]
    assert desk.reopen().verify().entries == 960


def test_the_log_begins_anew_though_there_are_always_appends_meanwhile(desk, monkeypatch):
    log = desk.folder / "journal.sqlite-wal"
    real, lengths = sqlite3.connect, []
    reader = real(desk.journal.path, isolation_level=None)

    class Beside:
        """A connection that carries the log over, at first without the last entries, as if they came meanwhile."""

        def __init__(self, path):
            self._base = real(path)

        def execute(self, statement):
            if desk.journal._append_lock.locked():
                reader.execute("ROLLBACK")
            return self._base.execute(statement)

        def close(self):
            self._base.close()

    monkeypatch.setattr(sqlite3, "connect", Beside)
    for number in range(8):
        fill(desk.journal, 20, 21 * number + 1)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        fill(desk.journal, 1, 21 * number + 21)
        desk.journal.settle()
        lengths.append(log.stat().st_size)
    monkeypatch.undo()
    reader.close()
    assert max(lengths) < 1.2 * lengths[2]
    assert desk.reopen().verify().entries == 8 * 21 * 6


def test_every_commit_waits_for_the_disk(desk):
    assert desk.journal._writer.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert desk.journal._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    journal = desk.reopen(synchronous="OFF")
    assert journal._writer.execute("PRAGMA synchronous").fetchone()[0] == 0


def test_nothing_that_names_somebody_is_in_the_files(desk):
    fill(desk.journal, 2)
    desk.journal.save_snapshot(6, SECRET.caller.encode() * 3)
    stored = b"".join(path.read_bytes() for path in desk.folder.iterdir())
    for text in (SECRET.caller, SECRET.phone, SECRET.address, "二楼"):
        assert text.encode() not in stored


def test_files_are_private_and_a_journal_opened_too_wide_is_narrowed(desk):
    fill(desk.journal, 1)
    desk.journal.save_snapshot(6, b"s")
    desk.journal.save_checkpoint("fleet", AT, b"c")
    desk.journal.export_head(desk.folder / "heads.jsonl", AT)
    assert {path.stat().st_mode & 0o777 for path in desk.folder.iterdir()} == {0o600}
    desk.close()
    desk.folder.joinpath("journal.sqlite").chmod(0o644)
    desk.open()
    assert desk.journal.path.stat().st_mode & 0o777 == 0o600


def test_a_second_writer_is_told_which_file_is_in_use(desk):
    with pytest.raises(Refusal, match=r"journal.sqlite") as caught:
        SqliteJournal(desk.journal.path, desk.vault)
    assert caught.value.code == "in_use"
    fill(desk.journal, 1)


def _not_a_database(path):
    path.write_bytes(b"seq,at\n1,2\n" * 200)


def _another_program(path):
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE t (x)")
    base.commit()
    base.close()


def _newer_schema(path):
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version=2")
    base.commit()
    base.close()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_not_a_database, "unusable_file"),
        (lambda path: (path.unlink(), _another_program(path)), "foreign_file"),
        (_newer_schema, "schema_version"),
        (lambda path: (path.unlink(), path.mkdir()), "unusable_file"),
    ],
    ids=["text", "another_program", "newer", "folder"],
)
def test_a_file_that_is_no_journal_is_refused_by_name(desk, spoil, code):
    desk.journal.close()
    for suffix in ("-wal", "-shm"):
        desk.folder.joinpath(f"journal.sqlite{suffix}").unlink(missing_ok=True)
    spoil(desk.journal.path)
    for _ in range(2):  # the lock is let go each time
        with pytest.raises(Refusal, match=r"journal.sqlite") as caught:
            SqliteJournal(desk.journal.path, desk.vault)
        assert caught.value.code == code


def test_a_folder_that_is_not_there_is_refused_by_name(desk):
    with pytest.raises(Refusal, match="nowhere"):
        SqliteJournal(desk.folder / "nowhere" / "journal.sqlite", desk.vault)


def test_a_snapshot_of_another_history_is_not_used(desk):
    fill(desk.journal, 1)
    desk.close()
    shutil.copy(desk.folder / "journal.sqlite", desk.folder / "backup")
    desk.open()
    fill(desk.journal, 1, 2)
    desk.journal.save_snapshot(12, b"twelve")
    assert desk.reopen().load_snapshot() == (12, b"twelve")
    desk.close()
    shutil.copy(desk.folder / "backup", desk.folder / "journal.sqlite")
    assert desk.open().load_snapshot() is None
    fill(desk.journal, 1, 3)
    assert desk.journal.load_snapshot() is None


@pytest.mark.parametrize("name", ["journal.snapshot", "journal.fleet.checkpoint"])
@pytest.mark.parametrize("spoil", [lambda data: data[:-3], lambda data: b"", lambda data: data[:-1] + b"?"])
def test_a_damaged_file_beside_the_journal_is_as_none(desk, name, spoil):
    fill(desk.journal, 1)
    desk.journal.save_snapshot(6, b"snapshot")
    desk.journal.save_checkpoint("fleet", AT, b"checkpoint")
    path = desk.folder / name
    path.write_bytes(spoil(path.read_bytes()))
    loaded = {"journal.snapshot": desk.journal.load_snapshot(), "other": desk.journal.load_checkpoint("fleet")}
    assert loaded["journal.snapshot" if name == "journal.snapshot" else "other"] is None


def test_a_file_beside_that_cannot_be_written_leaves_the_old_one(desk):
    desk.journal.save_checkpoint("fleet", AT, b"old")
    desk.folder.joinpath("journal.fleet.checkpoint.new").mkdir()
    with pytest.raises(NotStored, match=r"fleet.checkpoint"):
        desk.journal.save_checkpoint("fleet", AT + 1, b"new")
    assert desk.journal.load_checkpoint("fleet") == (AT, b"old")


@pytest.mark.parametrize("name", ["", "../x", "Fleet", "a b", "x" * 33])
def test_the_name_of_a_checkpoint_is_a_word(desk, name):
    with pytest.raises(Refusal, match="checkpoint"):
        desk.journal.save_checkpoint(name, AT, b"")


def test_of_two_batches_prepared_at_the_same_end_the_second_is_refused_and_leaves_no_trace(desk):
    first, second = desk.journal.prepare(call(1, 0)), desk.journal.prepare(call(2, 0))
    assert desk.journal.last_seq == 0
    first()
    with pytest.raises(NotStored, match="does not continue"):
        second()
    desk.journal.append(call(2, desk.journal.last_seq))
    assert [each.seq for each in desk.journal.read()] == list(range(1, 13))
    assert desk.journal.verify().ok


def test_a_batch_of_thousands_is_one_commit_or_none(desk):
    events = [one for number in range(420) for one in call(number, 6 * number)][:2_500]
    failing = "BEFORE INSERT ON events WHEN new.seq = 2400 BEGIN SELECT RAISE(ABORT, 'full'); END"
    desk.journal._writer.execute(f"CREATE TEMP TRIGGER failing {failing}")
    with pytest.raises(NotStored, match="full"):
        desk.journal.append(events)
    assert list(desk.journal.read()) == []
    desk.journal._writer.execute("DROP TRIGGER failing")
    desk.journal.append(events)
    assert [each.seq for each in desk.journal.read()] == list(range(1, 2_501))
    assert desk.journal.verify().ok


def test_an_erasure_survives_restarts_and_restored_backups(desk):
    desk.journal.append([event(1, alert(1), SECRET), event(2, alert(2), SECRET)])
    desk.close()
    for name in ("journal.sqlite", "keys.sqlite"):
        shutil.copy(desk.folder / name, desk.folder / f"{name}.backup")
    desk.open()
    desk.journal.erase("sx-alert-1", at=AT)
    for _ in range(2):
        states = [each.personal_state for each in desk.reopen().read_opened()]
        assert states == [PersonalState.ERASED, PersonalState.PRESENT]
        desk.close()
        for name in ("journal.sqlite", "keys.sqlite"):
            shutil.copy(desk.folder / f"{name}.backup", desk.folder / name)
        desk.open()


def test_a_lost_key_is_counted_and_does_not_stop_the_reading(desk):
    desk.journal.append([event(1, alert(1), SECRET)])
    desk.vault._base.execute("DELETE FROM keys")
    assert list(desk.journal.read()) == [event(1, alert(1))]
    assert desk.journal.personal_unreadable == 1


def test_keys_whose_notes_a_power_cut_took_can_still_be_erased(desk):
    fill(desk.journal, 3)
    desk.vault._base.execute("UPDATE keys SET subject = NULL")
    journal = desk.reopen()
    assert journal.erase("sx-alert-1", "sx-alert-2", "sx-alert-3", at=AT) == 3
    assert journal.verify().personal["erased"] == 3


def test_the_loop_reads_while_a_thread_appends(desk):
    journal, stop, seen = desk.journal, threading.Event(), []

    def read_again_and_again():
        while not stop.is_set():
            seqs = [each.seq for each in journal.read()]
            assert seqs == list(range(1, len(seqs) + 1))
            seen.append(len(seqs))
            assert journal.verify().ok
            journal.save_checkpoint("fleet", AT, b"x" * 1_000)
        return True

    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(read_again_and_again)
        pool.submit(fill, journal, 120).result(60)
        stop.set()
        assert reading.result(60)
    assert seen == sorted(seen)
    assert journal.last_seq == 720


def test_appends_of_several_threads_exclude_each_other(desk):
    journal, outcomes = desk.journal, []

    def try_to_append():
        try:
            journal.append(call(1, 0))
            outcomes.append("stored")
        except NotStored:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_to_append) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 5 + ["stored"]
    assert journal.verify().entries == 6
