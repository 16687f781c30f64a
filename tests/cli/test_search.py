"""``allpoints search`` against a real server: shown, told what was found, refused by name; in both languages."""

import json

import pytest

from engine.cli.calling import kept_credentials
from engine.cli.main import BAD_INPUT, main
from tests.service.test_searches import PLACES
from tests.support.cities import place
from tests.support.folders import grid_folder
from tests.support.serving import served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with served(grid_folder(tmp_path_factory.mktemp("city"))) as running:
        yield running


def test_a_search_is_shown_and_what_was_found_is_said(server, capsys):
    lon, lat = place(2, 2)
    said = {"source_ref": "f1", "type": "robbery", "lon": lon, "lat": lat, "places": PLACES}
    folder = str(server.folder)

    credential = next(row["credential"] for row in kept_credentials(folder) if row["role"] == "dispatcher")
    with server.client(credential) as client:
        incident = client.post("/v1/alerts", json=said).json()["incident"]
    assert main(["search", "show", folder, incident]) == 0
    shown = capsys.readouterr().out
    assert f"{incident}: search goes on" in shown
    assert "to be called, in this order: " in shown
    assert main(["search", "show", folder, incident, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["places"]) == 9
    assert main(["search", "--lang", "zh", "look", folder, incident, "3", "--not-here", "--phone"]) == 0
    assert "电话:不在此处" in capsys.readouterr().out
    assert main(["search", "look", folder, incident, "12", "--not-here"]) == BAD_INPUT
    assert "place: 12 is not taken (out_of_range); limit: 1 to 9" in capsys.readouterr().err
    assert main(["search", "look", folder, incident, "4", "--found"]) == 0
    assert f"{incident}: found" in capsys.readouterr().out


def test_places_within_a_walk_are_a_table_that_an_alert_takes(server, capsys, tmp_path):
    at, folder = "{:.6f},{:.6f}".format(*place(2, 2)), str(server.folder)
    assert main(["search", "within", folder, "--at", at, "--walked", "6", "--most", "9"]) == 0
    table = tmp_path / "places.csv"
    table.write_text(capsys.readouterr().out, encoding="utf-8")
    assert table.read_text().startswith("lon,lat,chance,check_s,name,phone\n")
    assert main(["alert", folder, "--type", "robbery", "--at", at, "--places", str(table), "--json"]) == 0
    incident = json.loads(capsys.readouterr().out)["incident"]
    assert main(["search", "show", folder, incident, "--json"]) == 0
    places = json.loads(capsys.readouterr().out)["places"]
    assert 1 < len(places) <= 9
    assert sum(its["chance"] for its in places) == pytest.approx(1.0, abs=1e-3)
    assert main(["search", "within", folder, "--at", at, "--walked", "9999"]) == BAD_INPUT
    assert "walked_ms" in capsys.readouterr().err
    assert main(["search", "within", folder, "--at", "0,0", "--walked", "6"]) == BAD_INPUT
    assert "off_road" in capsys.readouterr().err
    table.write_text("lon,lat,chance\n113,36.5,likely\n")
    assert main(["alert", folder, "--type", "robbery", "--at", at, "--places", str(table)]) == BAD_INPUT
    assert "places.csv:2 chance: 'likely' is not taken" in capsys.readouterr().err
