"""Tokens: only their hash is kept, they say who speaks, and revoking one holds at once."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import Refusal
from engine.service.access import Access, AccessDenied
from engine.service.roles import ROLES, Permission


@pytest.fixture
def access(tmp_path: Path):
    with Access(tmp_path) as store:
        yield store


def test_a_token_says_who_speaks(access: Access):
    token = access.add("terminal", "P-03", "tablet 3")
    identity = access.verify(token)
    assert (identity.role.id, identity.subject, identity.device) == ("terminal", "P-03", "tablet 3")
    assert identity.actor == "device:P-03"


def test_tokens_of_one_unit_have_devices_of_their_own(access: Access):
    first, second = (access.verify(access.add("terminal", "P-03")) for _ in range(2))
    assert first.device != second.device


def test_the_store_holds_no_secret_and_is_private(access: Access, tmp_path: Path):
    token = access.add("dispatcher", "desk 1")
    path = tmp_path / "access.sqlite"
    assert token.rpartition("_")[2].encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_revoked_token_is_refused_at_once_in_another_process_too(access: Access, tmp_path: Path):
    token = access.add("observer", "wall")
    identity = access.verify(token)
    with Access(tmp_path) as other:
        assert other.revoke(identity.token_id)
        assert not other.revoke(identity.token_id)
    assert not access.is_current(identity)
    with pytest.raises(AccessDenied, match="revoked"):
        access.verify(token)


@pytest.mark.parametrize("token", ["", "x", "apt_1_2_", "apt__", "Bearer", "apt_é_x", "apt_" + "a" * 10_000])
def test_what_is_no_token_is_refused(access: Access, token: str):
    with pytest.raises(AccessDenied, match=r"malformed_token|unknown_token"):
        access.verify(token)


@given(st.text(max_size=200))
def test_no_text_lets_anybody_in_or_breaks_the_store(tmp_path_factory: pytest.TempPathFactory, text: str):
    with Access(tmp_path_factory.getbasetemp()) as access:
        with pytest.raises(AccessDenied):
            access.verify(text)
        with pytest.raises(AccessDenied):
            access.verify(f"apt_{text}")


def test_a_changed_secret_is_unknown(access: Access):
    token = access.add("integration", "call centre")
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    with pytest.raises(AccessDenied, match="unknown_token"):
        access.verify(changed)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
def test_names_that_would_spoil_a_list_are_refused(access: Access, name: str):
    with pytest.raises(Refusal, match="subject"):
        access.add("observer", name)


def test_what_a_role_may_not_is_refused(access: Access):
    observer = access.verify(access.add("observer", "wall"))
    observer.require(Permission.READ_INCIDENTS)
    with pytest.raises(AccessDenied, match="not_permitted"):
        observer.require(Permission.REPORT_ALERT)


def test_nobody_administers_by_one_token_and_audits_by_another(access: Access):
    administrator = access.verify(access.add("administrator", "Li Na"))
    with pytest.raises(Refusal, match=f"not for Li Na, who is administrator by {administrator.token_id}"):
        access.add("auditor", "Li Na")
    access.add("auditor", "Zhao Min")
    with pytest.raises(Refusal, match="kept_apart"):
        access.add("administrator", "Zhao Min")
    access.revoke(administrator.token_id)
    access.add("auditor", "Li Na")


def test_a_role_that_the_city_has_no_longer_lets_nobody_in(tmp_path: Path):
    (tmp_path / ROLES).write_text('schema = 1\n[roles.drone]\nspeaks_for = "unit"\nmay = ["send_position"]\n')
    with Access(tmp_path) as before:
        token = before.add("drone", "D-1")
        assert before.verify(token).role.speaks_for == "unit"
    (tmp_path / ROLES).unlink()
    with Access(tmp_path) as after, pytest.raises(AccessDenied, match="unknown_role"):
        after.verify(token)
