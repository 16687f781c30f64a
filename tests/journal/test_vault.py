"""The vault: what is erased is gone from every byte of the files, and stays gone when a backup comes back."""

import shutil
import threading

import pytest

from engine.journal import vault as vault_module
from engine.journal.envelope import PersonalState
from engine.journal.vault import WHOLE_STATE, Vault
from engine.model.errors import NotStored, Refusal

MASTER = bytes(range(32))
CONTEXT = b"log 1"


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def opened(folder, master=MASTER):
    return Vault(folder / "keys.sqlite", master)


@pytest.fixture
def vault(folder):
    made = opened(folder)
    yield made
    made.close()


def stored_bytes(folder):
    """Return all bytes of the key store: the file, its write-ahead log and what else lies beside it."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.sqlite*")))


def wrapped_keys(vault, subject):
    vault._note_owners()
    return [row[0] for row in vault._base.execute("SELECT wrapped FROM keys WHERE subject = ?", (subject,))]


def test_what_was_sealed_opens_with_its_context_alone(vault):
    sealed = vault.seal("a-1", b"secret", CONTEXT)
    assert b"secret" not in sealed
    assert vault.open(sealed, CONTEXT) == b"secret"
    assert vault.open(sealed, b"log 2") is PersonalState.UNREADABLE


def test_one_key_for_one_subject_and_never_the_same_ciphertext(vault):
    first, second = vault.seal("a-1", b"x", CONTEXT), vault.seal("a-1", b"x", CONTEXT)
    assert first[:16] == second[:16]
    assert first != second
    assert vault.seal("a-2", b"x", CONTEXT)[:16] != first[:16]


@pytest.mark.parametrize("position", [16, 30, -1])
def test_changed_ciphertext_is_unreadable(vault, position):
    sealed = bytearray(vault.seal("a-1", b"secret", CONTEXT))
    sealed[position] ^= 1
    assert vault.open(bytes(sealed), CONTEXT) is PersonalState.UNREADABLE


@pytest.mark.parametrize("sealed", [b"", b"x" * 16, b"x" * 60])
def test_bytes_of_no_key_are_unreadable(vault, sealed):
    assert vault.open(sealed, CONTEXT) is PersonalState.UNREADABLE


def test_more_subjects_than_keys_made_at_once(vault):
    sealed = [vault.seal(f"a-{number}", b"%d" % number, CONTEXT) for number in range(1_100)]
    assert len({each[:16] for each in sealed}) == 1_100
    assert [vault.open(each, CONTEXT) for each in sealed] == [b"%d" % number for number in range(1_100)]


def test_keys_made_ahead_are_durable_before_they_are_used(folder, vault):
    vault.stock()
    for base in (vault._base, vault._stock):
        base.set_authorizer(lambda action, *_: 1 if action == 18 else 0)  # 18 is INSERT, 1 is deny
    sealed = [(vault.seal(f"a-{number}", b"x", CONTEXT), f"a-{number}") for number in range(600)]
    with pytest.raises(NotStored):
        vault.stock()
    cut = after_power_cut(folder, folder / "cut")
    cut.adopt(reversed(sealed))
    assert [cut.open(each, CONTEXT) for each, _ in sealed] == [b"x"] * 600
    cut.close()


def test_a_lost_note_is_found_behind_parts_that_were_sealed_under_older_keys(folder, vault):
    vault.stock()
    old = vault.seal("a-old", b"old", CONTEXT)
    vault._settle()
    fresh, again = vault.seal("a-fresh", b"fresh", CONTEXT), vault.seal("a-old", b"again", CONTEXT)
    assert again[:16] == old[:16]
    cut = after_power_cut(folder, folder / "cut")
    cut.adopt([(again, "a-old"), (fresh, "a-fresh"), (old, "a-old")])
    assert [cut.open(each, CONTEXT) for each in (old, fresh, again)] == [b"old", b"fresh", b"again"]
    cut.close()


def test_after_a_rush_no_more_keys_lie_ready_than_the_bound(vault, monkeypatch):
    monkeypatch.setattr(vault_module, "_MOST_READY", 6_000)
    vault.stock()
    for number in range(2_000):
        vault.seal(f"a-{number}", b"x", CONTEXT)
    vault.stock()
    assert len(vault._spare) == 6_000


def test_sealing_writes_nothing_to_the_store(vault):
    vault.stock()
    vault.seal("a-old", b"x", CONTEXT)
    vault.stock()
    for base in (vault._base, vault._stock):
        base.set_authorizer(lambda action, *_: 1 if action in (9, 18, 23) else 0)  # DELETE, INSERT, UPDATE
    sealed = [vault.seal(f"a-{number}", b"%d" % number, CONTEXT) for number in range(300)]
    sealed += [vault.seal("a-7", b"7", CONTEXT), vault.seal("a-old", b"old", CONTEXT)]
    assert sealed[300][:16] == sealed[7][:16]
    assert [vault.open(each, CONTEXT) for each in sealed[298:]] == [b"298", b"299", b"7", b"old"]


def test_a_key_that_is_lent_is_noted_at_once_and_it_alone(vault):
    vault.seal("a-1", b"x", CONTEXT)
    key = vault.lend("*")
    assert list(vault._given) == ["a-1"]
    assert vault._base.execute("SELECT subject FROM keys WHERE name = ?", (key.name,)).fetchone() == ("*",)
    assert vault.lend("*") == key


def test_sealing_does_not_wait_for_keys_that_are_made_ahead(vault):
    vault.stock()
    vault.seal("a-1", b"x", CONTEXT)
    vault._taken = vault_module._READY
    sealed, threads = [], []

    def in_the_midst():
        if not threads:
            threads.append(threading.Thread(target=lambda: sealed.append(vault.seal("a-2", b"y", CONTEXT))))
            threads[0].start()
            threads[0].join()

    vault._stock.set_progress_handler(in_the_midst, 10)
    vault.stock()
    assert vault.open(sealed[0], CONTEXT) == b"y"
    vault.stock()
    assert not vault._given


@pytest.mark.parametrize("same", [False, True])
def test_owners_are_noted_before_so_much_is_sealed_that_a_stop_could_lose_them(vault, monkeypatch, same):
    monkeypatch.setattr(vault_module, "_MOST_SEALED", 5)
    first = vault.seal("a-0", b"x", CONTEXT)
    for number in range(4):
        assert vault._given
        vault.seal("a-0" if same else f"a-{number + 1}", b"x", CONTEXT)
    assert not vault._given
    assert [vault.seal("a-0", b"x", CONTEXT)[:16], len(wrapped_keys(vault, "a-0"))] == [first[:16], 1]


def test_a_key_erased_while_owners_are_noted_stays_erased_and_the_new_one_is_kept(vault):
    old = vault.seal("a-1", b"old", CONTEXT)
    new, threads = [], []

    def erase_and_seal():
        vault.erase("a-1", at=1)
        new.append(vault.seal("a-1", b"new", CONTEXT))

    def in_the_midst():
        if not threads:
            threads.append(threading.Thread(target=erase_and_seal))
            threads[0].start()
            threads[0].join(0.2)

    vault._stock.set_progress_handler(in_the_midst, 10)
    vault.stock()
    threads[0].join()
    vault.stock()
    assert vault.open(old, CONTEXT) is PersonalState.ERASED
    assert vault.open(new[0], CONTEXT) == b"new"
    assert len(wrapped_keys(vault, "a-1")) == 1


def test_as_many_keys_lie_ready_as_the_last_rounds_used(vault):
    vault.stock()
    for number in range(1_100):
        vault.seal(f"a-{number}", b"x", CONTEXT)
    vault.stock()
    assert len(vault._spare) == 4_400
    vault.stock()
    assert len(vault._spare) == 4_400
    sealed = [vault.seal(f"b-{number}", b"%d" % number, CONTEXT) for number in range(3_000)]
    assert [vault.open(each, CONTEXT) for each in sealed] == [b"%d" % number for number in range(3_000)]


def test_erased_keys_are_in_no_byte_of_the_files(folder, vault):
    sealed = {name: vault.seal(name, b"secret", CONTEXT) for name in (f"a-{number}" for number in range(40))}
    gone = [key for number in range(0, 40, 3) for key in wrapped_keys(vault, f"a-{number}")]
    kept = wrapped_keys(vault, "a-1")
    vault._settle()
    before = stored_bytes(folder)
    assert all(key in before for key in gone + kept)
    assert vault.erase(*(f"a-{number}" for number in range(0, 40, 3)), at=1) == 14
    after = stored_bytes(folder)
    assert len(gone) == 14
    assert not any(key in after for key in gone)
    assert all(key in after for key in kept)
    states = [vault.open(each, CONTEXT) for each in sealed.values()]
    assert [state is PersonalState.ERASED for state in states] == [number % 3 == 0 for number in range(40)]


def test_an_erasure_is_on_the_list_and_takes_copies_of_everything_along(folder, vault):
    whole = vault.seal(WHOLE_STATE, b"all", CONTEXT)
    vault.seal("a-1", b"x", CONTEXT)
    assert vault.erase("a-1", "nobody", at=77) == 1
    assert vault.open(whole, CONTEXT) is PersonalState.ERASED
    lines = (folder / "erasures.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"subject":"a-1"' in lines[0]
    assert '"at":77' in lines[0]


def test_a_subject_may_have_a_new_key_after_its_erasure(vault):
    old = vault.seal("a-1", b"old", CONTEXT)
    vault.erase("a-1", at=1)
    new = vault.seal("a-1", b"new", CONTEXT)
    assert vault.open(old, CONTEXT) is PersonalState.ERASED
    assert vault.open(new, CONTEXT) == b"new"


def test_a_restored_backup_is_erased_again(folder):
    vault = opened(folder)
    sealed, other = vault.seal("a-1", b"x", CONTEXT), vault.seal("a-2", b"y", CONTEXT)
    key = wrapped_keys(vault, "a-1")[0]
    vault.close()
    shutil.copy(folder / "keys.sqlite", folder / "backup")
    vault = opened(folder)
    vault.erase("a-1", at=1)
    vault.close()
    shutil.copy(folder / "backup", folder / "keys.sqlite")
    assert key in stored_bytes(folder)
    vault = opened(folder)
    assert key not in stored_bytes(folder)
    assert vault.open(sealed, CONTEXT) is PersonalState.ERASED
    assert vault.open(other, CONTEXT) == b"y"
    vault.close()


def test_an_older_store_without_its_list_says_unreadable_not_erased(folder):
    vault = opened(folder)
    vault.seal("a-1", b"x", CONTEXT)
    vault.close()
    shutil.copy(folder / "keys.sqlite", folder / "backup")
    vault = opened(folder)
    vault.adopt([])
    late = vault.seal("a-2", b"x", CONTEXT)
    vault.close()
    shutil.copy(folder / "backup", folder / "keys.sqlite")
    vault = opened(folder)
    assert vault.open(late, CONTEXT) is PersonalState.UNREADABLE
    vault.close()


def after_power_cut(folder, into):
    """Copy the store as a power cut leaves it at worst: without what was not yet brought to the disk."""
    into.mkdir()
    shutil.copy(folder / "keys.sqlite", into / "keys.sqlite")
    return opened(into)


def test_after_a_power_cut_the_journal_tells_whose_keys_are_whose(folder, vault):
    sealed = [(vault.seal(f"a-{number}", b"x", CONTEXT), f"a-{number}") for number in range(5)]
    cut = after_power_cut(folder, folder / "cut")
    assert wrapped_keys(cut, "a-3") == []
    assert [cut.open(each, CONTEXT) for each, _ in sealed] == [b"x"] * 5
    cut.adopt(reversed(sealed))
    key = wrapped_keys(cut, "a-3")[0]
    assert cut.erase("a-3", at=1) == 1
    assert key not in stored_bytes(folder / "cut")
    assert cut.open(sealed[3][0], CONTEXT) is PersonalState.ERASED
    assert cut.seal("a-9", b"x", CONTEXT)[:16] not in {each[:16] for each, _ in sealed}
    cut.close()


def test_adopting_stops_where_nothing_before_it_can_be_missing(vault, monkeypatch):
    monkeypatch.setattr(vault_module, "_NOTED_FOR_SURE", 3)
    sealed = [(vault.seal(f"a-{number}", b"x", CONTEXT), f"a-{number}") for number in range(5)]
    asked = []

    def newest_first():
        for each in reversed(sealed):
            asked.append(each)
            yield each

    vault.adopt(newest_first())
    assert len(asked) == 3


def test_an_erasure_line_cut_by_a_power_cut_was_never_confirmed(folder):
    vault = opened(folder)
    sealed, other = vault.seal("a-1", b"x", CONTEXT), vault.seal("a-2", b"y", CONTEXT)
    vault.erase("a-1", at=1)
    vault.close()
    with (folder / "erasures.jsonl").open("ab") as file:
        file.write(b'{"subject":"a-2","ke')
    vault = opened(folder)
    assert vault.open(other, CONTEXT) == b"y"
    vault.erase("a-2", at=2)
    vault.close()
    vault = opened(folder)
    assert [vault.open(each, CONTEXT) for each in (sealed, other)] == [PersonalState.ERASED] * 2
    vault.close()


def test_a_list_of_erasures_that_cannot_be_read_is_named(folder):
    opened(folder).close()
    (folder / "erasures.jsonl").write_text("nonsense\n")
    with pytest.raises(Refusal, match=r"erasures\.jsonl:1"):
        opened(folder)
    (folder / "erasures.jsonl").unlink()
    opened(folder).close()


def test_an_erasure_that_the_disk_refuses_is_finished_at_the_next_opening(folder):
    vault = opened(folder)
    sealed = vault.seal("a-1", b"x", CONTEXT)
    key = wrapped_keys(vault, "a-1")[0]
    vault._base.set_authorizer(lambda action, *_: 1 if action == 9 else 0)  # 9 is DELETE, 1 is deny
    with pytest.raises(NotStored, match="not finished"):
        vault.erase("a-1", at=1)
    vault.close()
    vault = opened(folder)
    assert vault.open(sealed, CONTEXT) is PersonalState.ERASED
    assert key not in stored_bytes(folder)
    vault.close()


def test_a_key_that_cannot_be_stored_is_not_used(vault):
    vault._base.execute("PRAGMA max_page_count=1")
    with pytest.raises(NotStored, match=r"keys.sqlite"):
        vault.seal("a-1", b"x", CONTEXT)
    vault._base.execute("PRAGMA max_page_count=100000")
    assert vault.open(vault.seal("a-1", b"x", CONTEXT), CONTEXT) == b"x"


@pytest.mark.parametrize("act", ["seal", "erase"])
def test_whoever_needs_the_store_while_keys_are_made_ahead_waits_their_turn(vault, act):
    vault.seal("a-1", b"x", CONTEXT)
    vault._taken = vault_module._READY
    vault._base.execute("PRAGMA busy_timeout=1")  # a disk so slow that waiting for SQLite's own lock is in vain
    acts = {"seal": lambda: vault.seal("a-2", b"y", CONTEXT), "erase": lambda: vault.erase("a-1", at=1)}
    outcome, threads = [], []

    def do():
        try:
            outcome.append(acts[act]())
        except NotStored as error:
            outcome.append(error)

    def in_the_midst():
        if not threads:
            threads.append(threading.Thread(target=do))
            threads[0].start()
            threads[0].join(0.2)

    vault._stock.set_progress_handler(in_the_midst, 100)
    vault.stock()
    threads[0].join()
    assert not isinstance(outcome[0], NotStored), outcome
    if act == "seal":
        assert vault.open(outcome[0], CONTEXT) == b"y"
    else:
        assert outcome == [1]


def test_another_master_key_is_refused_and_named(folder):
    opened(folder).close()
    with pytest.raises(Refusal, match=r"keys.sqlite") as caught:
        opened(folder, bytes(32))
    assert caught.value.code == "wrong_master_key"


def test_one_vault_at_a_time(folder, vault):
    with pytest.raises(Refusal, match=r"keys.sqlite") as caught:
        opened(folder)
    assert caught.value.code == "in_use"


def test_files_are_private(folder, vault):
    vault.seal("a-1", b"x", CONTEXT)
    vault.erase("a-1", at=1)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
