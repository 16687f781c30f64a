"""``allpoints order`` against a real server: every act a dispatcher has about an order, in both languages."""

import json
from pathlib import Path

import pytest

from engine.cli.main import BAD_INPUT, main
from tests.support.cities import place, unit
from tests.support.folders import grid_folder
from tests.support.serving import Served, served

AT = "{},{}".format(*place(0, 0))
UNITS = [unit(f"P{i}", i, 0) for i in range(1, 6)] + [unit("A1", 5, 4, "beat")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"), units=UNITS)) as running:
        yield running


@pytest.fixture
def said(server: Served, capsys: pytest.CaptureFixture[str]):
    """Return what does a command and gives what it printed."""

    def run(action: str, *words: str, language: str = "en", status: int = 0) -> str:
        assert main(["order", "--lang", language, action, str(server.folder), *words]) == status
        printed = capsys.readouterr()
        return printed.out if status == 0 else printed.err

    return run


def alert(server: Served, capsys: pytest.CaptureFixture[str], ref: str, kind: str = "drunk_person") -> tuple[str, str]:
    words = ["alert", str(server.folder), "--type", kind, "--at", AT, "--ref", ref, "--level", "3", "--json"]
    assert main(words) == 0
    taken = json.loads(capsys.readouterr().out)
    return taken["incident"], taken["orders"][0]["id"]


@pytest.fixture
def over(said):
    """Cancel whatever a test has left open."""
    yield
    for order in json.loads(said("list", "--json"))["orders"]:
        said("cancel", order["id"], "--reason", "over", "--drop")


def test_a_proposal_is_approved_chosen_over_or_refused(server, said, capsys, over):
    _, first = alert(server, capsys, "1", "wanted_sighting")
    assert first in said("list", "--state", "proposed")
    assert "  sent" in said("approve", first)
    assert "superseded" in said("approve", first, status=BAD_INPUT)
    _, second = alert(server, capsys, "2", "wanted_sighting")
    chosen = said("choose", second, "P5", "--why", "knows_people", "--words", "met him")
    assert "P5 (street patrol)" in chosen
    assert "P5 goes instead of" in chosen
    assert "(knows the people)" in chosen
    late = said("choose", second, "P4", "--why", "knows_place", status=BAD_INPUT)
    assert "superseded" in late
    assert "P5 goes instead" in late
    _, third = alert(server, capsys, "3", "wanted_sighting")
    refused = said("refuse", third, "--reason", "mistaken", language="zh")
    assert "不同意" in refused
    assert "not_asked" in said("refuse", third, "--reason", "again", status=BAD_INPUT)


def test_leave_is_asked_for_and_given_in_somebody_s_place(server, said, capsys, over):
    incident, _ = alert(server, capsys, "11")
    assert "asked for leave: firearms" in said("leave", incident, "firearms", "--reason", "a gun")
    given = said("leave", incident, "firearms", "--as", "dispatcher")
    assert "firearms" in given
    assert "unknown_value" in said("leave", incident, "dance", status=BAD_INPUT)


def test_to_add_to_replace_and_to_cancel(server, said, capsys, over):
    incident, order = alert(server, capsys, "4")
    assert "commander is asked for leave: more_force" in said("add", incident, "patrol")
    added = said("add", incident, "patrol", "--unit", "P5", "--as", "commander", "--reason", "crowd")
    assert "P5 (street patrol)" in added
    assert "lacks_capability" in said("add", incident, "patrol", "--unit", "A1", "--as", "commander", status=BAD_INPUT)
    replaced = said("replace", order, "--reason", "far")
    assert order not in replaced
    assert "P5 (street patrol)" in replaced
    other = json.loads(said("list", "--json"))["orders"][0]["id"]
    assert f"{other}  " not in said("cancel", other, "--reason", "enough", "--drop")
    assert said("list", "--state", "all", language="zh").count(" 级  ") >= 3


def test_a_return_is_granted_and_shown_until_another_has_accepted(server, said, capsys, over):
    _, order = alert(server, capsys, "5")
    with server.client(_desk(server)) as client:
        for number, answer in enumerate(("accept", "refuse")):
            body = {"key": f"r{number}", "version": 1, "answer": answer, "reason": "flat tyre"}
            assert client.post(f"/v1/orders/{order}/answer", json=body).status_code == 200
    assert "waits for leave" in said("list")
    granted = said("approve", order)
    assert "return_order granted by user:" in granted
    assert "until the next has accepted" in granted
    assert "接手单位签收前" in said("list", language="zh")


def _desk(server: Served) -> str:
    from tests.support.folders import credentials_of

    return credentials_of(server.folder)["desk"]


def test_what_is_not_known_is_said_in_one_line(said, tmp_path: Path):
    assert "unknown_order" in said("approve", "grid-order-99", status=BAD_INPUT)
    assert "unknown_incident" in said("add", "grid-incident-99", "patrol", status=BAD_INPUT)
    with pytest.raises(SystemExit):
        said("choose", "grid-order-1", "P1", "--why", "because")
