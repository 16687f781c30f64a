"""Who speaks: credentials of which only the hash is kept, tokens made for them, and revocation that holds at once."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.city_toml import AccessSettings
from engine.model.errors import Refusal
from engine.service.access import Access, AccessDenied
from engine.service.roles import ROLES, Permission


class Wall:
    def __init__(self):
        self.now = 1_790_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def access(tmp_path: Path, wall: Wall):
    with Access(tmp_path, AccessSettings(token_s=600, skew_s=0), wall) as store:
        yield store


def told(access: Access, *who: str) -> str:
    """Return a token of a new credential."""
    return access.exchange(access.add(*who)).token


def test_a_token_says_who_speaks(access: Access):
    issued = access.exchange(access.add("terminal", "P-03", "tablet 3"))
    identity = access.verify(issued.token)
    assert identity == issued.identity
    assert (identity.role.id, identity.subject, identity.device) == ("terminal", "P-03", "tablet 3")
    assert (identity.actor, issued.holds_s) == ("device:P-03", 600)


def test_credentials_of_one_unit_have_devices_of_their_own(access: Access):
    first, second = (access.verify(told(access, "terminal", "P-03")) for _ in range(2))
    assert first.device != second.device


def test_the_store_holds_no_secret_and_is_private(access: Access, tmp_path: Path):
    credential = access.add("dispatcher", "desk 1")
    path = tmp_path / "access.sqlite"
    assert credential.rpartition("_")[2].encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_revoked_in_another_process_lets_nobody_in_from_then_on(access: Access, tmp_path: Path):
    credential = access.add("observer", "wall")
    token = access.exchange(credential).token
    public = access.verify(token).credential
    assert access.newly_revoked() == frozenset()
    with Access(tmp_path) as other:
        assert other.revoke(public)
        assert not other.revoke(public)
    assert access.newly_revoked() == {public}
    assert access.newly_revoked() == frozenset()
    for shown in (lambda: access.verify(token), lambda: access.exchange(credential)):
        with pytest.raises(AccessDenied, match="revoked") as denied:
            shown()
        assert denied.value.credential == public


def test_what_is_revoked_here_is_told_too(access: Access):
    public = access.verify(told(access, "observer", "wall")).credential
    access.revoke(public)
    assert access.newly_revoked() == {public}


@pytest.mark.parametrize("text", ["", "x", "apt_1_2_", "apt__", "Bearer", "apt_é_x", "apt_" + "a" * 10_000])
def test_what_is_no_credential_is_refused(access: Access, text: str):
    with pytest.raises(AccessDenied, match=r"malformed_credential|unknown_credential"):
        access.exchange(text)
    with pytest.raises(AccessDenied, match=r"malformed_token|credential_shown"):
        access.verify(text)


@given(st.text(max_size=200))
def test_no_text_lets_anybody_in_or_breaks_the_store(tmp_path_factory: pytest.TempPathFactory, text: str):
    with Access(tmp_path_factory.getbasetemp()) as access:
        for shown in (text, f"apt_{text}", f"apt_00112233aabb_{text}"):
            for way in (access.exchange, access.verify, access.for_emergency):
                with pytest.raises(AccessDenied):
                    way(shown)


def test_a_changed_secret_is_unknown_and_a_credential_is_no_token(access: Access):
    credential = access.add("integration", "call centre")
    changed = credential[:-1] + ("A" if credential[-1] != "A" else "B")
    with pytest.raises(AccessDenied, match="unknown_credential") as denied:
        access.exchange(changed)
    assert denied.value.credential == credential.split("_")[1]
    with pytest.raises(AccessDenied, match="credential_shown") as denied:
        access.verify(credential)
    assert denied.value.credential == credential.split("_")[1]


def test_the_emergency_button_is_taken_on_a_token_that_has_run_out(access: Access, wall: Wall):
    token = told(access, "terminal", "P-03")
    wall.now += 400 * 86_400
    told(access, "terminal", "P-04")  # keys have changed meanwhile
    with pytest.raises(AccessDenied, match="expired"):
        access.verify(token)
    identity = access.for_emergency(token)
    assert (identity.subject, identity.role.id) == ("P-03", "terminal")


def test_the_emergency_button_is_not_taken_from_whom_it_does_not_belong_to(access: Access, wall: Wall):
    lost, wall_screen = told(access, "terminal", "P-03"), told(access, "observer", "wall")
    desk = told(access, "dispatcher", "Li Na")
    assert access.for_emergency(desk).subject == "Li Na"
    with pytest.raises(AccessDenied, match="not_permitted"):
        access.for_emergency(wall_screen)
    forged = lost[:-6] + ("AAAAAA" if not lost.endswith("AAAAAA") else "BBBBBB")
    wall.now += 601
    access.revoke(access.for_emergency(lost).credential)
    refused = (
        (lost, "revoked"),
        (desk, "expired"),
        (wall_screen, "expired"),
        (forged, "forged_token"),
        ("", "malformed"),
    )
    for token, code in refused:
        with pytest.raises(AccessDenied, match=code):
            access.for_emergency(token)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
def test_names_that_would_spoil_a_list_are_refused(access: Access, name: str):
    with pytest.raises(Refusal, match="subject"):
        access.add("observer", name)


def test_what_a_role_may_not_is_refused(access: Access):
    observer = access.verify(told(access, "observer", "wall"))
    observer.require(Permission.READ_INCIDENTS)
    with pytest.raises(AccessDenied, match="not_permitted"):
        observer.require(Permission.REPORT_ALERT)


def test_nobody_administers_by_one_token_and_audits_by_another(access: Access):
    administrator = access.verify(told(access, "administrator", "Li Na"))
    with pytest.raises(Refusal, match=f"not for Li Na, who is administrator by {administrator.credential}"):
        access.add("auditor", "Li Na")
    access.add("auditor", "Zhao Min")
    with pytest.raises(Refusal, match="kept_apart"):
        access.add("administrator", "Zhao Min")
    access.revoke(administrator.credential)
    access.add("auditor", "Li Na")


def test_a_role_that_the_city_has_no_longer_lets_nobody_in(tmp_path: Path):
    (tmp_path / ROLES).write_text('schema = 1\n[roles.drone]\nspeaks_for = "unit"\nmay = ["send_position"]\n')
    with Access(tmp_path) as before:
        token = told(before, "drone", "D-1")
        assert before.verify(token).role.speaks_for == "unit"
    (tmp_path / ROLES).unlink()
    with Access(tmp_path) as after, pytest.raises(AccessDenied, match="unknown_role"):
        after.verify(token)
