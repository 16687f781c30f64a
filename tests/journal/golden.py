"""Writes the golden journal of the newest version: ``python -m tests.journal.golden``.

Run once for each new version of the events, never again for an old one: an old golden journal has to go on reading as
it is. The master key in it guards made-up names.
"""

import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from engine.journal.keys import load_master_key
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from engine.model.events import SCHEMA_VERSION
from tests.journal.samples import AT, alert, all_kinds, event

HOME = Path(__file__).parent.parent / "data" / "journals"


def main():
    folder = HOME / f"v{SCHEMA_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        vault = Vault(work / "keys.sqlite", load_master_key(work / "master.key", create=True))
        journal = SqliteJournal(work / "journal.sqlite", vault)
        events = all_kinds()
        events.append(event(len(events) + 1, alert(2), events[1].personal))
        journal.append(events)
        journal.erase("sx-alert-2", at=AT)
        journal.export_head(work / "heads.jsonl", AT)
        lines = [
            json.dumps([*entry[:6], entry.personal and entry.personal.hex(), entry.prev_hash.hex(), entry.hash.hex()])
            for entry in journal.entries()
        ]
        journal.close()
        vault.close()
        keys = sqlite3.connect(work / "keys.sqlite", isolation_level=None)
        keys.executescript("DELETE FROM keys WHERE subject IS NULL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        keys.close()
        (folder / "entries.jsonl").write_text("\n".join([json.dumps(journal.log_id), *lines]) + "\n", "utf-8")
        for name in ("journal.sqlite", "keys.sqlite", "erasures.jsonl", "master.key", "heads.jsonl"):
            shutil.copy(work / name, folder / name)
    print(f"{folder}: {len(lines)} entries", file=sys.stderr)


if __name__ == "__main__":
    main()
