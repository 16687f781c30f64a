"""A city's folder is taken whole, or refused with everything that is wrong: file, line, field, value, what is taken."""

import json
import re
from pathlib import Path

import pytest

from engine.core.city_folder import CityError, load_city, load_folder, load_settings, recipients
from geo_data.building import build_network
from geo_data.raw_roads import Mode, RoadClass
from tests.support.cities import grid_roads, place
from tests.support.folders import grid_folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_folder(tmp_path_factory.mktemp("grid"), tokens=False)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new, 1))


def problems(folder: Path) -> list[str]:
    with pytest.raises(CityError) as caught:
        load_city(folder)
    return [str(problem) for problem in caught.value.problems]


def test_what_was_written_is_read_back(folder: Path):
    city = load_city(folder)
    assert (city.name, city.time_zone, city.languages) == ("grid", "Asia/Shanghai", ("zh", "en"))
    assert [unit.id for unit in city.units] == ["P1", "P2", "D1"]
    assert city.units[2].capabilities == ("duty_group",)
    assert city.policies.stale_position_ms == 0
    assert len(city.run_cards.cards) == 46
    assert (city.units[0].lon, city.units[0].lat) == pytest.approx(place(1, 1), abs=1e-6)


def test_the_digest_follows_units_and_not_comments(folder: Path):
    before = load_city(folder).digest
    change(folder, "city.toml", "# A city of", "# The city of")
    assert load_city(folder).digest == before
    change(folder, "units.csv", "P2,P2", "P2,Patrol two")
    assert load_city(folder).digest != before


def test_a_city_s_own_speeds_are_read_and_named_by_the_digest(folder: Path):
    before = load_city(folder)
    (folder / "speeds.toml").write_text("schema = 1\n[emergency]\nkmh = { residential = 15, other = 15 }\n")
    after = load_city(folder)
    assert before.digest != after.digest
    assert after.speeds.emergency.kmh[RoadClass.RESIDENTIAL] == 15
    assert (after.arc_ms > before.arc_ms).all()


def test_speeds_that_cannot_be_used_are_refused_with_all_that_is_wrong(folder: Path):
    (folder / "speeds.toml").write_text("schema = 1\n[normal]\nkmh = { high = 1, track = 0 }\n\nspeed = 3\n")
    first, second, third = problems(folder)
    assert re.search(r"speeds\.toml:3: normal\.kmh\.high: 'high' .*unknown key; known: motorway", second)
    assert re.search(r"speeds\.toml:3: normal\.kmh\.track: '0' is not taken; 0\.5 to 400 km/h", third)
    assert re.search(r"speeds\.toml:5: normal\.speed: 'speed' .*unknown key; known: kmh, junction_delay_s", first)


def test_contraflow_over_roads_that_have_none_is_warned_of(folder: Path):
    (folder / "speeds.toml").write_text("schema = 1\n[emergency]\ncontraflow = { factor = 0.5 }\n")
    warned = [str(warning) for warning in load_folder(folder).warnings]
    assert any(re.search(r"speeds\.toml: emergency\.contraflow: .*allpoints build --contraflow", it) for it in warned)
    roads = grid_roads()
    roads.backward_modes[0] = int(Mode.FOOT)
    build_network(roads, contraflow=True).save(folder / "roads.apn")
    assert not any("contraflow" in str(warning) for warning in load_folder(folder).warnings)


def test_capabilities_that_no_unit_has_are_warned_of_and_not_refused(folder: Path):
    warned = [warning.value for warning in load_folder(folder).warnings]
    assert "'swat'" in warned
    assert "'patrol'" not in warned


def test_a_unit_without_a_position_begins_at_its_station(folder: Path):
    (folder / "units.csv").write_text("id,capabilities,station\nP1,patrol beat;case,S2\n")
    unit = load_city(folder).units[0]
    assert (unit.lon, unit.lat) == pytest.approx(place(5, 4), abs=1e-6)
    assert unit.capabilities == ("patrol", "beat", "case")


def test_a_spreadsheet_s_byte_order_mark_and_line_ends_are_taken(folder: Path):
    (folder / "units.csv").write_bytes("\ufeffid,capabilities,station\r\nP1,patrol,S1\r\n".encode())
    assert [unit.id for unit in load_city(folder).units] == ["P1"]


BAD = [
    # file, what stands there, what is put in its place, what the problem must say
    ("city.toml", 'name = "grid"', 'name = "Grid One"', r"city\.toml:5: name: 'Grid One' is not taken; 1 to 32"),
    ("city.toml", "schema = 1", "schema = 2", r"city\.toml:\d+: schema: 2 is not taken; this program reads"),
    ("city.toml", "schema = 1", "schema = 1\ncolour = 1", r"city\.toml:4: colour: 'colour' .*unknown key; known:"),
    ("city.toml", 'datum = "wgs84"', 'datum = "gps"', r"datum: 'gps' is not taken; one of"),
    ("city.toml", 'datum = "wgs84"\n', "", r"city\.toml: datum: '' is not taken; missing"),
    ("city.toml", '"Asia/Shanghai"', '"Asia/Shanghei"', r"time_zone: 'Asia/Shanghei'.*IANA"),
    ("city.toml", "port = 8460", "port = 99999", r"city\.toml:\d+: http\.port: 99999 is not taken; 0 to 65535"),
    ("city.toml", "port = 8461", "porto = 8461", r"stream\.porto: 'porto'.*unknown key"),
    ("city.toml", "origins = []", 'origins = ["desk"]', r"stream\.origins: .*list of origins"),
    ("city.toml", '"officer_in_danger"', '"party"', r"policies\.emergency_type: 'party'.*a type of run_cards"),
    ("city.toml", '"officer_in_danger"', "7", r"policies\.emergency_type: 7 is not taken; a type of run_cards"),
    ("city.toml", "others = 20", "others = -1", r"city\.toml:\d+: policies\.others: -1 is not taken; a whole number"),
    ("city.toml", "joint_most = 64", "joint_most = 0", r"policies\.joint_most: 0 is not taken; a whole number, 1 to"),
    ("city.toml", "snap_limit_m = 1000.0", "snap_limit_m = nan", r"policies\.snap_limit_m: nan .*above 0"),
    ("city.toml", 'close = "by_person"', 'close = "maybe"', r"policies\.close: 'maybe'.*one of by_person, by_rule"),
    ("city.toml", "[policies]", "[policies", r"city\.toml:\d+: syntax:"),
    ("city.toml", "# [tls]", "[tls]\ncertificate = 'a'\n#", r"tls: 'certificate' .*belong together"),
    ("units.csv", "id,name,", "id,label,", r"units\.csv:\d: column: 'label'.*unknown column; known: id,"),
    ("units.csv", "id,name,capabilities", "id,name,name", r"column: 'capabilities' is not taken; missing"),
    ("units.csv", "P2,P2,patrol", "P1,P2,patrol", r"units\.csv:5: id: 'P1' is not taken; each id may stand once"),
    ("units.csv", "P2,P2,patrol", "P2,P2,patrole", r"units\.csv:5: capabilities: 'patrole'.*unknown to the run cards"),
    ("units.csv", "P2,P2,patrol", "P2,P2,", r"units\.csv:5: capabilities: '' .*at least one"),
    ("units.csv", "P2,P2,patrol,", "P2,P2,patrol,S9", r"units\.csv:5: station: 'S9'.*no station has this id"),
    ("units.csv", "P2,P2,patrol,,", "P2,P2,patrol,,nan", r"units\.csv:5: lon,lat: "),
    ("units.csv", "P2,P2,patrol", "S1,P2,patrol", r"units\.csv: id: 'S1' .*may not share an id"),
    ("units.csv", "P2,P2,patrol", "desk,P2,patrol", r"units\.csv: id: 'desk' .*command room"),
    ("units.csv", ",0,yes", ",0,perhaps", r"units\.csv:4: on_duty: 'perhaps'.*yes or no"),
    ("units.csv", ",0,yes", ",7200,yes", r"units\.csv:4: turnout_s: '7200'.*seconds from 0 to 3600"),
    ("units.csv", ",0,yes", ",0,yes,extra", r"units\.csv:4: columns: 9 is not taken; the header names 8"),
    ("stations.geojson", '"id": "S2"', '"id": "S1"', r"stations\.geojson:3: id: 'S1'.*each id may stand once"),
    ("stations.geojson", '"id": "S2"', '"id": 2', r"stations\.geojson:3: id: 2 is not taken; a text"),
    ("stations.geojson", '"id": "S2"', '"id": ["S2"]', r"stations\.geojson:3: id: \['S2'\] is not taken; a text"),
    ("stations.geojson", '"id": "S2"', '"setup_s": -1, "id": "S2"', r"stations\.geojson:3: setup_s: -1 .*0 to 3600"),
    ("stations.geojson", '"id": "S2"', '"setup_s": true, "id": "S2"', r"stations\.geojson:3: setup_s: True .*seconds"),
    ("stations.geojson", '"id": "S2"', '"setup_s": 30, "id": "S2"', r"stations\.geojson:3: setup_s: 30 .*checkpoint"),
    ("stations.geojson", '"id": "S2"', '"id": "desk"', r"stations\.geojson: id: 'desk' .*command room"),
    ("stations.geojson", '"name": "S2"', '"colour": "S2"', r"stations\.geojson:3: colour: 'S2'.*unknown property"),
    ("stations.geojson", '"Point"', '"LineString"', r"stations\.geojson:2: geometry: .*a Point"),
    ("stations.geojson", '"features"', '"crs": "EPSG:3857", "features"', r"stations\.geojson: crs: .*unknown member"),
    ("stations.geojson", '"FeatureCollection"', '"Feature"', r"stations\.geojson:1: type: 'Feature'"),
    ("stations.geojson", "]}\n", "", r"stations\.geojson:\d: syntax: "),
    ("stations.geojson", "[113.0, 36.5]", "[122.5, 36.5]", r"station S1 position: '122\.5.*within 1000 m of a road"),
    ("stations.geojson", "[113.0, 36.5]", "[36.5, 113.0]", r"stations\.geojson:2: geometry: "),
    ("stations.geojson", "[113.0, 36.5]", "[113.0]", r"stations\.geojson:2: geometry: \[113\.0\]"),
    (
        "run_cards.toml",
        'capability = "patrol", count = 3',
        'capability = "patrole", count = 3',
        r"run_cards\.toml:\d+: card officer_in_danger.*'patrole'",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), BAD)
def test_what_is_wrong_is_named(folder: Path, file: str, old: str, new: str, said: str):
    change(folder, file, old, new)
    found = problems(folder)
    assert any(re.search(said, problem) for problem in found), found


def test_exchanged_coordinates_are_told_so(folder: Path):
    """Where both orders are degrees, only the roads can tell; east of 90 degrees the latitude is out of range."""
    lon, lat = place(1, 1)
    (folder / "units.csv").write_text(f"id,capabilities,lon,lat\nP1,patrol,{lat},{lon}\n")
    assert any("longitude and latitude seem to be exchanged" in problem for problem in problems(folder))


def test_all_that_is_wrong_is_said_at_once(folder: Path):
    rows = "\n".join(f"P{number},patrole,nowhere,7200" for number in range(5))
    (folder / "units.csv").write_text(f"id,capabilities,station,turnout_s\n{rows}\n")
    assert len(problems(folder)) == 15


@pytest.mark.parametrize("file", ["city.toml", "roads.apn", "stations.geojson", "units.csv", "run_cards.toml"])
def test_a_missing_file_is_named(folder: Path, file: str):
    (folder / file).unlink()
    assert any(problem.startswith(f"{file}: file: ") for problem in problems(folder))


@pytest.mark.parametrize("content", [b"", b"APNROADS", b"no roads at all", b"APNROADS\x01\x00\x00\x00\xff\xff\xff\x00"])
def test_roads_that_are_none_are_named(folder: Path, content: bytes):
    (folder / "roads.apn").write_bytes(content)
    assert any(problem.startswith("roads.apn: ") for problem in problems(folder))


def test_roads_that_were_changed_on_disk_are_named(folder: Path):
    raw = bytearray((folder / "roads.apn").read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "roads.apn").write_bytes(raw)
    assert any("checksum" in problem for problem in problems(folder))


def test_a_file_in_another_encoding_is_named_with_its_line(folder: Path):
    (folder / "units.csv").write_bytes("id,capabilities,station\nP1,patrol,S1\n巡逻,patrol,S1\n".encode("gbk"))
    assert any(re.match(r"units\.csv:3: encoding: .*UTF-8", problem) for problem in problems(folder))


def test_coordinates_of_another_datum_are_converted_once(folder: Path):
    plain = load_city(folder)
    change(folder, "city.toml", 'datum = "wgs84"', 'datum = "gcj02"')
    moved = load_city(folder)
    shift_m = abs(moved.stations[0].lon - plain.stations[0].lon) * 89_000
    assert 100 < shift_m < 1_000
    assert moved.digest != plain.digest


def test_areas_are_read_and_rings_must_close(folder: Path):
    ring = [[113.0, 36.5], [113.01, 36.5], [113.01, 36.51], [113.0, 36.5]]
    area = {
        "type": "Feature",
        "properties": {"id": "A1", "name": "Old town"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    assert load_folder(folder).areas[0].polygons[0][0][1] == (113.01, 36.5)
    area["properties"] |= {"kind": "jurisdiction", "station": "S1"}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    city = load_folder(folder).city
    assert (city.responsible(113.008, 36.502), city.responsible(113.002, 36.508)) == ("S1", None)
    again = area | {"properties": {"id": "A2", "name": "Also", "kind": "jurisdiction", "station": "S2"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [area, again]}))
    assert any("A2, geometry: shares 100.0% with A1" in problem for problem in problems(folder))
    area["properties"]["station"] = "S9"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    assert any(re.match(r"areas\.geojson:1: station: 'S9'", problem) for problem in problems(folder))
    del area["properties"]["station"]
    ring.pop()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    assert any(re.match(r"areas\.geojson:1: area A1:", problem) for problem in problems(folder))


def test_settings_and_recipients_are_read_without_the_roads(folder: Path):
    (folder / "roads.apn").unlink()
    change(folder, "city.toml", "port = 8461", "port = 0")
    assert load_settings(folder).stream.port == 0
    assert recipients(folder) == {"P1": "unit", "P2": "unit", "D1": "unit", "S1": "station", "S2": "station"}


def test_a_city_s_calendar_is_read_and_what_is_wrong_with_it_is_named(folder: Path):
    monday_noon = 1_796_616_000_000  # 2026-12-07 12:00 in Shanghai
    assert load_city(folder).calendar.period_at(monday_noon).name == "day"
    (folder / "calendar.toml").write_text(
        '[[holidays]]\ndate = 2026-12-07\n[[periods]]\nname = "day"\ndays = "working"'
    )
    assert load_city(folder).calendar.period_at(monday_noon).name == "night"
    change(folder, "calendar.toml", "2026-12-07", "12")
    assert any(found.startswith("calendar.toml:2: holidays[1].date: 12 is not taken") for found in problems(folder))


def test_without_a_calendar_the_run_cards_working_time_holds_and_else_the_standard(folder: Path):
    monday_evening = 1_796_616_000_000 + 7 * 3_600_000
    (folder / "calendar.toml").unlink()
    assert load_city(folder).calendar.period_at(monday_evening).name == "night"
    day = '[meta]\nday = { weekdays = [1], from = "08:00", to = "20:00" }\n'
    cards = (folder / "run_cards.toml").read_text("utf-8")
    (folder / "run_cards.toml").write_text(re.sub(r"\[meta\]\n(?s:.*?)\n(?=\[)", day, cards, count=1), "utf-8")
    assert load_city(folder).calendar.period_at(monday_evening).name == "day"


def test_turn_costs_over_roads_without_turns_are_warned_of(folder: Path):
    (folder / "speeds.toml").write_text("schema = 1\n[normal]\nturn_s = { left = 5 }\n")
    warned = [str(warning) for warning in load_folder(folder).warnings]
    assert any(re.search(r"speeds\.toml: normal\.turn_s: .*allpoints build --turns=all", it) for it in warned)
    build_network(grid_roads(), turns="all").save(folder / "roads.apn")
    assert not any("turn_s" in str(warning) for warning in load_folder(folder).warnings)


def test_policies_that_verify_are_read_and_what_is_wrong_with_them_is_named(folder: Path):
    path = folder / "city.toml"
    text = path.read_text("utf-8")
    good = '[verification.plates]\nsources = ["anpr"]\nconfidence = 0.95\nlist_classes = ["inform"]\n'
    path.write_text(text + good, "utf-8")
    (policy,) = load_folder(folder).city.verification
    assert (policy.name, policy.sources, policy.list_classes) == ("plates", ("anpr",), ("inform",))
    assert policy.lets_go("anpr/camera-7", 0.95, "inform")
    assert not policy.lets_go("anpr2", 0.95, "inform")
    for old, new, said in (
        ("0.95", "1.5", "verification.plates.confidence"),
        ("confidence = 0.95\n", "", "verification.plates.confidence"),
        ('["inform"]', '["arrest"]', "verification.plates.list_classes"),
        ("verification.plates", 'verification."Plate Readers"', "1 to 32 of a-z"),
    ):
        path.write_text(text + good.replace(old, new), "utf-8")
        with pytest.raises(CityError, match=said):
            load_folder(folder)
