"""Journals of every version that was ever released: they read, verify and hash as they did."""

import json
import shutil
from pathlib import Path

import pytest

from engine.journal.envelope import PersonalState, Sealed, genesis, hash_of, seal_event
from engine.journal.keys import load_master_key
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from engine.model.events import SCHEMA_VERSION
from tests.journal.samples import alert, all_kinds, event

HOME = Path(__file__).parent.parent / "data" / "journals"
VERSIONS = sorted(int(folder.name[1:]) for folder in HOME.iterdir())


def lines(version):
    log_id, *rows = map(json.loads, (HOME / f"v{version}" / "entries.jsonl").read_text("utf-8").splitlines())
    return log_id, [
        Sealed(*row[:6], row[6] and bytes.fromhex(row[6]), bytes.fromhex(row[7]), bytes.fromhex(row[8])) for row in rows
    ]


@pytest.fixture
def opened(request, tmp_path):
    shutil.copytree(HOME / f"v{request.param}", tmp_path, dirs_exist_ok=True)
    (tmp_path / "master.key").chmod(0o600)
    vault = Vault(tmp_path / "keys.sqlite", load_master_key(tmp_path / "master.key"))
    journal = SqliteJournal(tmp_path / "journal.sqlite", vault)
    yield journal
    journal.close()
    vault.close()


def test_every_version_has_its_golden_journal():
    assert list(range(1, SCHEMA_VERSION + 1)) == VERSIONS


@pytest.mark.parametrize(("opened", "version"), [(v, v) for v in VERSIONS], indirect=["opened"])
def test_a_golden_journal_is_still_the_same_bytes(opened, version):
    log_id, expected = lines(version)
    assert opened.log_id == log_id
    assert list(opened.entries()) == expected
    assert [hash_of(entry) for entry in expected] == [entry.hash for entry in expected]
    assert {entry.v for entry in expected} == {version}


@pytest.mark.parametrize("opened", VERSIONS, indirect=True)
def test_a_golden_journal_reads_as_the_newest_version(opened):
    read = list(opened.read_opened())
    events = all_kinds()[: len(read) - 1]
    assert [each.event for each in read] == [*events, event(len(events) + 1, alert(2))]
    assert [each.personal_state for each in read if each.personal_state is not PersonalState.NONE] == [
        PersonalState.PRESENT,
        PersonalState.ERASED,
    ]


@pytest.mark.parametrize("opened", VERSIONS, indirect=True)
def test_a_golden_journal_verifies_up_to_its_head(opened):
    report = opened.verify(opened.path.with_name("heads.jsonl"))
    assert report.ok, report.problems
    assert report.proven_seq == report.last_seq <= len(all_kinds()) + 1
    assert report.personal["erased"] == 1


def test_the_newest_version_is_still_written_as_its_golden_journal_was():
    log_id, expected = lines(SCHEMA_VERSION)
    previous = genesis(log_id)
    for entry, original in zip(expected[:-1], all_kinds(), strict=False):  # the last is the one that was erased

        class SameCiphertext:
            def seal(self, subject, plain, context, entry=entry):
                return entry.personal

        assert seal_event(original, log_id, previous, SameCiphertext()) == entry
        previous = entry.hash
