"""``allpoints device`` and ``allpoints user``: made once, listed without secrets, revoked at once."""

from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from engine.service.access import Access, AccessDenied
from tests.support.folders import grid_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_folder(tmp_path_factory.mktemp("city"), tokens=False)


def made(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(("subject", "role"), [("P1", "terminal"), ("S1", "station")])
def test_a_device_s_role_follows_from_whose_it_is(
    folder: Path, subject: str, role: str, capsys: pytest.CaptureFixture[str]
):
    credential = made(capsys, "device", "add", folder, subject, "--device", "tablet")
    with Access(folder) as access:
        identity = access.exchange(credential).identity
    assert (identity.role.id, identity.subject, identity.device) == (role, subject, "tablet")


def test_a_credential_is_listed_without_its_secret_and_revoked(folder: Path, capsys: pytest.CaptureFixture[str]):
    credential = made(capsys, "user", "add", folder, "Li Na")
    listed = made(capsys, "user", "list", folder)
    assert "Li Na" in listed
    assert credential.rpartition("_")[2] not in listed
    assert "Li Na" not in made(capsys, "device", "list", folder)
    public = credential.split("_")[1]
    made(capsys, "user", "revoke", folder, public)
    assert "revoked" in made(capsys, "user", "list", folder)
    with Access(folder) as access, pytest.raises(AccessDenied):
        access.exchange(credential)
    assert main(["user", "revoke", str(folder), public]) == BAD_INPUT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["device", "add", "{folder}", "P99"], "a unit or station of this city"),
        (["device", "add", "{folder}", "P1", "--role", "station"], "P1 is a unit"),
        (["user", "add", "{folder}", ""], "subject"),
        (["user", "add", "{folder}", "Li", "--role", "king"], "call_taker"),
        (["user", "add", "{folder}", "Li", "--role", "terminal"], "`allpoints device` has the others"),
        (["device", "add", "{folder}", "P1", "--role", "dispatcher"], "P1 is a unit"),
        (["device", "list", "/nowhere"], "a folder that `allpoints init` made"),
    ],
)
def test_mistakes_are_named(folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main([word.format(folder=folder) for word in words]) == BAD_INPUT
    assert said in capsys.readouterr().err
