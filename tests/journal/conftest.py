import shutil

import pytest

from engine.journal.keys import MASTER_KEY_VARIABLE, load_master_key
from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault


@pytest.fixture(autouse=True, scope="session")
def _no_master_key_of_this_machine():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(MASTER_KEY_VARIABLE, raising=False)
        yield


class Desk:
    """A folder with a journal and its vault, that can be closed, looked into and opened again."""

    def __init__(self, folder):
        self.folder = folder
        self.master = load_master_key(folder / "master.key", create=True)
        self.open()

    def open(self, **options):
        self.vault = Vault(self.folder / "keys.sqlite", self.master)
        self.journal = SqliteJournal(self.folder / "journal.sqlite", self.vault, busy_timeout_ms=10, **options)
        return self.journal

    def close(self):
        self.journal.close()
        self.vault.close()

    def reopen(self, **options):
        self.close()
        return self.open(**options)


@pytest.fixture(scope="session")
def empty_desk(tmp_path_factory):
    """Return a folder with a closed, empty journal: to copy it spares each test the many syncs of making one."""
    folder = tmp_path_factory.mktemp("empty")
    Desk(folder).close()
    return folder


@pytest.fixture
def desk(tmp_path, empty_desk):
    """Yield a folder with an open, empty journal."""
    shutil.copytree(empty_desk, tmp_path, dirs_exist_ok=True)
    made = Desk(tmp_path)
    yield made
    made.close()
