"""Phones, gateways and the list of devices over HTTP: who is let in, what moves, what is refused by name."""

import re
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from engine.core.city_devices import Device, DeviceSettings, DoorSettings
from engine.model.events import AlertReceived
from engine.service import device_hub
from tests.support.cities import NOW, place
from tests.support.desk import desk
from tests.support.streams import play, until

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
LOOPBACK = DoorSettings(networks=(ip_network("127.0.0.0/8"),))
ELSEWHERE = DoorSettings(networks=(ip_network("10.0.0.0/8"),))
ALL = DeviceSettings(owntracks=LOOPBACK, osmand=LOOPBACK, feed=LOOPBACK)
DEVICES = (
    Device(id="phone", protocol="owntracks", unit="P1", secret="swordfish"),
    Device(id="open", protocol="osmand", unit="P1"),
    Device(id="shut", protocol="osmand", unit="P2", secret="swordfish"),
    Device(id="34020000001320000001", protocol="feed", unit="P2"),
)
AT = NOW + 2_000
LON, LAT = place(2, 2)
QUERY = {"id": "open", "lon": LON, "lat": LAT, "timestamp": AT}
OWN = {"_type": "location", "lon": LON, "lat": LAT, "tst": AT // 1_000, "vel": 36}


def scene(tmp_path, settings=ALL):
    """Run what is decorated with a desk and a client without a token."""

    def run(act):
        async def whole():
            async with desk(tmp_path, devices=DEVICES, settings=settings) as place_of_work:
                transport = httpx.ASGITransport(app=place_of_work.app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
                    await act(place_of_work, client)

        play(whole())

    return run


def fleet_at(working, name):
    fleet = working.cycle.engine.fleet
    row = fleet.index(name)
    return round(float(fleet.lon[row]), 6), round(float(fleet.lat[row]), 6), int(fleet.fixed_at[row])


async def moved(working, name):
    await until(lambda: fleet_at(working, name) == (round(LON, 6), round(LAT, 6), AT))


def test_owntracks_moves_its_unit_and_is_given_an_empty_list(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.post("/v1/devices/owntracks", json=OWN, auth=("phone", "swordfish"))
        assert (answer.status_code, answer.json()) == (200, [])
        await moved(working, "P1")
        for body in (b'{"_type":"transition","event":"enter"}', b""):
            answer = await client.post("/v1/devices/owntracks", content=body, auth=("phone", "swordfish"))
            assert (answer.status_code, answer.json()) == (200, [])
        marks = {"taken", "transition", "empty"}
        for mark in marks:
            labels = {"protocol": "owntracks", "mark": mark}
            assert working.metrics.registry.get_sample_value("allpoints_device_positions_total", labels) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_query_of_osmand_moves_its_unit(tmp_path, method):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.request(method, "/v1/devices/osmand", params=QUERY)
        assert (answer.status_code, answer.json()) == (200, {"mark": "taken"})
        await moved(working, "P1")


def test_a_form_and_json_of_the_traccar_client_move_their_unit(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.post("/v1/devices/osmand", data=QUERY)
        assert answer.json() == {"mark": "taken"}
        coords = {"latitude": LAT, "longitude": LON, "speed": -1, "heading": -1, "accuracy": 5}
        said = {"device_id": "shut", "location": {"timestamp": str(AT), "coords": coords}}
        answer = await client.post("/v1/devices/osmand", json=said, auth=("shut", "swordfish"))
        assert answer.json() == {"mark": "taken"}
        await moved(working, "P1")
        await moved(working, "P2")
        said["location"]["mock"] = True
        answer = await client.post("/v1/devices/osmand", json=said, auth=("shut", "swordfish"))
        assert answer.json() == {"mark": "mock"}


def test_a_call_for_help_is_an_alert(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.get("/v1/devices/osmand", params={**QUERY, "alarm": "sos"})
        assert answer.status_code == 200
        (incident,) = working.cycle.engine.state.incidents.values()
        assert incident.type == "officer_in_danger"
        await client.get("/v1/devices/osmand", params={**QUERY, "alarm": "sos"})
        assert len(working.cycle.engine.state.incidents) == 1


def test_a_call_for_help_is_tried_again_by_itself_when_it_could_not_be_stored(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        working.journal.fail_next()
        answer = await client.get("/v1/devices/osmand", params={**QUERY, "alarm": "sos"})
        assert answer.status_code == 200
        assert len(working.cycle.engine.state.incidents) == 1


def test_a_call_for_help_that_cannot_be_stored_is_to_be_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr(device_hub, "STORED_WITHIN_S", 0.01)

    @scene(tmp_path)
    async def _(working, client):
        working.journal.fail_next(1_000_000)
        answer = await client.get("/v1/devices/osmand", params={**QUERY, "alarm": "sos"})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
        assert "Retry-After" in answer.headers
        working.journal.fail_next(0)


@pytest.mark.parametrize(
    ("path", "settings", "status", "code"),
    [
        ("/v1/devices/osmand", DeviceSettings(), 404, "switched_off"),
        ("/v1/devices/owntracks", DeviceSettings(), 404, "switched_off"),
        ("/v1/devices/osmand", DeviceSettings(osmand=ELSEWHERE), 403, "wrong_network"),
        ("/v1/devices/owntracks", DeviceSettings(owntracks=ELSEWHERE), 403, "wrong_network"),
    ],
)
def test_what_is_off_and_who_is_elsewhere(tmp_path, path, settings, status, code):
    @scene(tmp_path, settings)
    async def _(working, client):
        for body in ({}, OWN):
            answer = await client.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        refused = working.metrics.registry.get_sample_value(
            "allpoints_refusals_total", {"channel": "http", "code": code}
        )
        assert refused == 2


@pytest.mark.parametrize(
    ("path", "auth", "query", "status", "code"),
    [
        ("owntracks", None, {}, 401, "no_credentials"),
        ("owntracks", ("phone", "wrong"), {}, 401, "wrong_secret"),
        ("owntracks", ("phone", ""), {}, 401, "wrong_secret"),
        ("owntracks", ("open", "x"), {}, 403, "unknown_device"),
        ("osmand", None, {**QUERY, "id": "shut"}, 401, "wrong_secret"),
        ("osmand", ("open", "swordfish"), {**QUERY, "id": "shut"}, 401, "wrong_secret"),
        ("osmand", None, {**QUERY, "id": "stranger"}, 403, "unknown_device"),
        ("osmand", None, {"lon": LON, "lat": LAT}, 422, "missing"),
        ("osmand", None, {**QUERY, "lon": "east"}, 422, "wrong_type"),
    ],
)
def test_who_is_not_let_in_is_told_why(tmp_path, path, auth, query, status, code):
    @scene(tmp_path)
    async def _(working, client):
        before = fleet_at(working, "P1"), fleet_at(working, "P2")
        content = b"" if query else b'{"_type":"location"}'
        answer = await client.post(f"/v1/devices/{path}", params=query, content=content, auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Basic")
        assert "swordfish" not in answer.text
        assert (fleet_at(working, "P1"), fleet_at(working, "P2")) == before


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic !!!", "Basic " + "A" * 2_000, "Basic /////w=="])
def test_credentials_that_cannot_be_read_are_refused(tmp_path, header):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.post("/v1/devices/owntracks", json=OWN, headers={"Authorization": header})
        assert answer.status_code == 401


def test_a_secret_is_not_guessed_at_leisure(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        for _ in range(5):
            answer = await client.post("/v1/devices/owntracks", json=OWN, auth=("phone", "guess"))
            assert answer.status_code == 401
        answer = await client.post("/v1/devices/owntracks", json=OWN, auth=("phone", "swordfish"))
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert "Retry-After" in answer.headers


def test_a_device_that_sends_too_often_is_slowed(tmp_path, monkeypatch):
    monkeypatch.setattr(device_hub, "BURST", 3)
    monkeypatch.setattr(device_hub, "RATE_PER_S", 0.001)

    @scene(tmp_path)
    async def _(working, client):
        codes = [(await client.get("/v1/devices/osmand", params=QUERY)).status_code for _ in range(6)]
        assert codes == [200, 200, 200, 200, 429, 429]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("owntracks", b"{", 400),
        ("owntracks", b'{"_type":"encrypted","data":"x"}', 422),
        ("owntracks", b"[" * 1_000, 422),
        ("owntracks", b"x" * 70_000, 413),
        ("osmand", b"x" * 70_000, 413),
        ("osmand", "ü".encode(), 400),
        ("osmand", b"&".join(b"a%d=1" % number for number in range(100)), 400),
    ],
)
def test_bodies_that_are_not_taken_are_refused_by_name(tmp_path, path, body, status):
    @scene(tmp_path)
    async def _(working, client):
        answer = await client.post(f"/v1/devices/{path}", content=body, auth=("phone", "swordfish"))
        assert answer.status_code == status, answer.text
        assert answer.json()["field"]


def fed(**more):
    return {"device": "34020000001320000001", "lon": LON, "lat": LAT, "at": AT, **more}


def test_a_gateway_feeds_positions_of_the_devices_behind_it(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        async with working.client("integration") as gateway:
            positions = [fed(), fed(device="stranger"), fed(mock=True), fed(at=AT - 60_000, backfill=True)]
            answer = await gateway.post("/v1/feeds/positions", json={"positions": positions})
            assert answer.json() == {"marks": ["taken", "unknown_device", "mock", "older"]}
            await moved(working, "P2")
            answer = await gateway.post("/v1/feeds/positions", json={"positions": [fed(unit="P1")]})
            assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
        async with working.client("dispatcher") as dispatcher:
            assert (await dispatcher.post("/v1/feeds/positions", json={"positions": [fed()]})).status_code == 403
        assert (await client.post("/v1/feeds/positions", json={"positions": [fed()]})).status_code == 401


def test_a_feed_that_is_off_takes_nothing(tmp_path):
    @scene(tmp_path, DeviceSettings())
    async def _(working, _client):
        async with working.client("integration") as gateway:
            answer = await gateway.post("/v1/feeds/positions", json={"positions": [fed()]})
            assert (answer.status_code, answer.json()["code"]) == (404, "switched_off")


def test_the_list_says_how_devices_do_and_not_where_they_are(tmp_path):
    @scene(tmp_path)
    async def _(working, client):
        await client.get("/v1/devices/osmand", params=QUERY)
        await client.get("/v1/devices/osmand", params={**QUERY, "mock": "true"})
        async with working.client("observer") as observer:
            answer = await observer.get("/v1/devices", params={"limit": "2"})
            first, second = answer.json()["devices"]
            assert (first["device"], first["protocol"], first["connected"]) == ("34020000001320000001", "feed", False)
            assert second == {
                "device": "open",
                "protocol": "osmand",
                "unit": "P1",
                "connected": False,
                "heard_at": NOW,
                "fix_at": AT,
                "last_mark": "mock",
                "marks": {"taken": 1, "mock": 1},
            }
            rest = await observer.get("/v1/devices", params={"after": answer.json()["next"]})
            assert [each["device"] for each in rest.json()["devices"]] == ["shut", "phone"]
            assert "next" not in rest.json() or rest.json()["next"] is None
            assert (await observer.get("/v1/devices", params={"limit": "0"})).status_code == 422
            assert "swordfish" not in answer.text + rest.text
        async with working.client("terminal") as terminal:
            assert (await terminal.get("/v1/devices")).status_code == 403


NOTIFY = """<?xml version="1.0" encoding="GB2312"?>
<Notify>
<CmdType>MobilePosition</CmdType>
<SN>123456</SN>
<DeviceID>34020000001320000001</DeviceID>
<Time>{time}</Time>
<Longitude>{lon}</Longitude>
<Latitude>{lat}</Latitude>
<Speed>30.5</Speed>
<Direction>135.2</Direction>
<Altitude>50.0</Altitude>
</Notify>
"""
DISPOSITION = {
    "NotificationID": "650100000000022026112700001000001",
    "DispositionID": "650100000000012026112700001",
    "Title": "布控告警",
    "TriggerTime": "20270115160000",
    "PersonObject": {"DeviceID": "34020000001190000002", "GenderCode": "1"},
}


def test_the_example_of_a_gateway_does_what_it_says(tmp_path):
    """The code on the protocol page, run against the application: a position of GB/T 28181, a sighting of GA/T 1400."""
    page = PROTOCOL.read_text("utf-8")
    section = page[page.index("### Gateways") :]
    example = re.search(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    gateway = {}
    exec(compile(example[1], "protocol.md", "exec"), gateway)
    gateway["CAMERAS"] = {"34020000001190000002": (LON, LAT)}

    @scene(tmp_path)
    async def _(working, _client):
        # NOW is 2027-01-15 16:00:00 in Beijing.
        notify = NOTIFY.format(time="2027-01-15T16:00:02", lon=LON, lat=LAT).encode("gb2312")
        async with working.client("integration") as client:
            marks = (await gateway["hand_in"](client, "/v1/feeds/positions", gateway["positions_of"](notify))).json()
            assert marks == {"marks": ["taken"]}
            await moved(working, "P2")
            alert = gateway["sighting_of"](DISPOSITION)
            first = await gateway["hand_in"](client, "/v1/alerts", alert)
            again = await gateway["hand_in"](client, "/v1/alerts", alert)
            assert (first.status_code, again.status_code) == (201, 200)
            assert first.json()["incident"] == again.json()["incident"]
        (incident,) = working.cycle.engine.state.incidents.values()
        assert (incident.type, incident.first_alert_at) == ("wanted_sighting", NOW)
        received = [e.body for e in working.journal.inner.read() if isinstance(e.body, AlertReceived)]
        assert [body.source_ref for body in received] == [DISPOSITION["NotificationID"]]
