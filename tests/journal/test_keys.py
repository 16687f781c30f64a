"""The master key: made once, read again, and refused without being shown."""

import pytest

from engine.journal.keys import MASTER_KEY_VARIABLE, load_master_key
from engine.model.errors import Refusal

MASTER = bytes(range(32))


def test_a_master_key_is_made_once_and_read_again(tmp_path):
    path = tmp_path / "master.key"
    key = load_master_key(path, create=True)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_master_key(path, create=True) == load_master_key(path) == key


def test_a_master_key_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(MASTER_KEY_VARIABLE, MASTER.hex())
    assert load_master_key(tmp_path / "nowhere") == MASTER


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (None, 0, "no_master_key"),
        (MASTER.hex(), 0o644, "readable_by_others"),
        ("12 not hex", 0o600, "bad_master_key"),
        ("0123", 0o600, "bad_master_key"),
        ("", 0o600, "bad_master_key"),
    ],
)
def test_a_master_key_that_is_not_one_is_refused_without_showing_it(tmp_path, text, mode, code):
    path = tmp_path / "master.key"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(Refusal, match=r"master.key") as caught:
        load_master_key(path)
    assert caught.value.code == code
    assert not text or text not in str(caught.value)
