"""Tampering: every change of a row is found; a cut or rewritten end is found by a signed head kept elsewhere."""

import sqlite3

import msgspec
import pytest

from engine.journal.envelope import Sealed, hash_of
from engine.journal.files import create_private
from engine.journal.verification import Head, append_head, read_heads
from engine.model.errors import NotStored, Refusal
from tests.journal.samples import AT, call


@pytest.fixture
def journal(desk):
    for number in range(1, 6):
        desk.journal.append(call(number, desk.journal.last_seq))
    return desk.journal


@pytest.fixture
def heads(desk):
    return desk.folder / "elsewhere.jsonl"


def tamper(journal, *statements):
    """Change the file with another program."""
    base = sqlite3.connect(journal.path)
    for statement in statements:
        base.execute(statement)
    base.commit()
    base.close()


def write_anew(journal, after_seq):
    """Give all entries after one a chain that fits again, as somebody would who knows the format."""
    base = sqlite3.connect(journal.path)
    previous = base.execute("SELECT hash FROM events WHERE seq = ?", (after_seq,)).fetchone()[0]
    for row in base.execute("SELECT * FROM events WHERE seq > ? ORDER BY seq", (after_seq,)).fetchall():
        entry = Sealed(*row)._replace(prev_hash=previous)
        previous = hash_of(entry)
        base.execute("UPDATE events SET prev_hash = ?, hash = ? WHERE seq = ?", (entry.prev_hash, previous, entry.seq))
    base.commit()
    base.close()


def found(report):
    return [(problem.code, problem.seq) for problem in report.problems]


def test_an_untouched_journal_verifies(journal):
    report = journal.verify()
    assert report.ok
    assert (report.entries, report.last_seq, report.proven_seq) == (30, 30, 0)
    assert report.personal == {"none": 25, "present": 5, "erased": 0, "unreadable": 0}


@pytest.mark.parametrize(
    "change",
    [
        "v = 0",
        "at = at + 1",
        "kind = 'mailed '",
        "actor = 'source:cae'",
        "body = replace(body, '113.05', '113.06')",
        "personal = NULL",
        "personal = substr(personal, 1, 40)",
        "hash = zeroblob(32)",
    ],
)
@pytest.mark.parametrize("seq", [1, 13, 25])
def test_a_changed_entry_is_found(journal, change, seq):
    tamper(journal, f"UPDATE events SET {change} WHERE seq = {seq}")
    report = journal.verify()
    assert ("changed", seq) in found(report)
    assert {problem.seq for problem in report.problems} <= {seq, seq + 1}


def test_a_changed_link_is_found(journal):
    tamper(journal, "UPDATE events SET prev_hash = zeroblob(32) WHERE seq = 4")
    assert found(journal.verify()) == [("unlinked", 4), ("changed", 4)]


def test_a_removed_entry_is_found(journal):
    tamper(journal, "DELETE FROM events WHERE seq = 7")
    assert found(journal.verify()) == [("missing", 7)]


def test_a_removed_beginning_is_found(journal):
    tamper(journal, "DELETE FROM events WHERE seq <= 7")
    assert found(journal.verify()) == [("missing", 1)]


def test_removed_and_closed_up_is_found(journal):
    tamper(
        journal,
        "DELETE FROM events WHERE seq = 7",
        "UPDATE events SET seq = -seq WHERE seq > 7",
        "UPDATE events SET seq = -seq - 1 WHERE seq < 0",
    )
    assert ("unlinked", 7) in found(journal.verify())


def test_exchanged_entries_are_found(journal):
    tamper(
        journal,
        "UPDATE events SET seq = 99 WHERE seq = 3",
        "UPDATE events SET seq = 3 WHERE seq = 9",
        "UPDATE events SET seq = 9 WHERE seq = 99",
    )
    assert {("changed", 3), ("changed", 9)} <= set(found(journal.verify()))


def test_an_inserted_entry_is_found(journal):
    tamper(journal, "INSERT INTO events SELECT 31, v, at, kind, actor, body, NULL, hash, hash FROM events WHERE seq=30")
    assert found(journal.verify()) == [("changed", 31)]


def test_a_ciphertext_moved_to_another_alert_is_found(journal):
    tamper(journal, "UPDATE events SET personal = (SELECT personal FROM events WHERE seq = 1) WHERE seq = 7")
    write_anew(journal, 6)
    assert found(journal.verify()) == [("unreadable_personal", 7)]


def test_a_lost_key_is_found(desk, journal):
    desk.vault.stock()
    desk.vault._base.execute("DELETE FROM keys WHERE subject = 'sx-alert-2'")
    assert found(journal.verify()) == [("unreadable_personal", 7)]


def test_erasing_is_not_tampering(journal, heads):
    journal.export_head(heads, AT)
    journal.erase("sx-alert-2", "sx-alert-3", at=AT)
    report = journal.verify(heads)
    assert report.ok
    assert report.personal["erased"] == 2


def test_a_damaged_file_is_reported_not_raised(desk, journal):
    desk.close()
    data = bytearray(journal.path.read_bytes())
    data[4096 * 4 : 4096 * 5] = b"\xa5" * 4096
    journal.path.write_bytes(data)
    assert any(problem.code == "database" for problem in desk.open().verify().problems)


@pytest.mark.parametrize("cut", [30, 25, 13])
def test_a_cut_end_is_found_by_a_head(desk, journal, heads, cut):
    journal.export_head(heads, AT)
    assert journal.verify(heads).proven_seq == 30
    tamper(journal, f"DELETE FROM events WHERE seq >= {cut}")
    assert desk.reopen().verify().ok  # the chain alone cannot know
    assert found(desk.journal.verify(heads)) == [("truncated", 30)]


def test_a_history_written_anew_is_found_by_a_head(journal, heads):
    journal.export_head(heads, AT)
    journal.append(call(6, 30))
    journal.export_head(heads, AT + 1)
    tamper(journal, "UPDATE events SET body = replace(body, '113.05', '113.06') WHERE seq = 32")
    write_anew(journal, 31)
    assert journal.verify().ok
    report = journal.verify(heads)
    assert found(report) == [("rewritten", 36)]
    assert (report.heads, report.proven_seq) == (1, 30)


def test_heads_hold_while_the_journal_grows(journal, heads):
    for number in range(6, 9):
        journal.export_head(heads, AT + number)
        journal.append(call(number, journal.last_seq))
    report = journal.verify(heads)
    assert report.ok
    assert (report.heads, report.proven_seq, report.last_seq) == (3, 42, 48)


def test_a_head_of_an_empty_journal_holds(desk, heads):
    desk.journal.export_head(heads, AT)
    assert desk.journal.verify(heads).ok


def test_forged_foreign_and_unreadable_heads_are_found(journal, heads):
    good = journal.export_head(heads, AT)
    signed = read_heads(heads)[0][1]
    forged = msgspec.structs.replace(signed, at=AT + 1)
    with heads.open("ab") as file:
        file.write(msgspec.json.encode(forged) + b"\n" + b"not a head\n")
        file.write(msgspec.json.encode(msgspec.structs.replace(signed, signature="zz")) + b"\n")
    append_head(heads, Head("another", 30, good.hash, AT), journal._vault.sign)
    append_head(heads, Head(journal.log_id, 3, next(journal.entries(2)).hash.hex(), AT), journal._vault.sign)
    report = journal.verify(heads)
    assert found(report) == [
        ("bad_signature", 30),
        ("unreadable_head", 3),
        ("bad_signature", 30),
        ("foreign_head", 30),
        ("head_order", 3),
    ]
    assert (report.heads, report.proven_seq) == (1, 30)


def test_a_torn_line_does_not_swallow_the_next_head(journal, heads):
    journal.export_head(heads, AT)
    with heads.open("ab") as file:
        file.write(b'{"log_id":"x')
    journal.export_head(heads, AT + 1)
    report = journal.verify(heads)
    assert found(report) == [("unreadable_head", 2)]
    assert report.heads == 2


def test_heads_that_cannot_be_read_or_written_are_named(journal, tmp_path):
    with pytest.raises(Refusal, match="nowhere"):
        journal.verify(tmp_path / "nowhere")
    with pytest.raises(NotStored, match="nowhere"):
        journal.export_head(tmp_path / "nowhere" / "heads", AT)
    create_private(tmp_path / "empty")
    assert journal.verify(tmp_path / "empty").ok
