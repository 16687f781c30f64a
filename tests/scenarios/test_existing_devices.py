"""Terminals that exist already, at the real server in a process of its own: an order all the way, and the alarm."""

import asyncio
import time
from pathlib import Path

from engine.intake.jt808 import messages as m
from geo_data.datum import convert
from tests.support.cities import place
from tests.support.folders import credentials_of, grid_folder
from tests.support.jt808_terminal import Jt808Terminal, here
from tests.support.serving import Served, served

DEVICES = """
[devices.jt808]
networks = ["127.0.0.0/8"]
port = 0
"""
ROWS = "device,protocol,unit,datum,secret,terminal_id\n13900000001,jt808,P1,gcj02,code,7654321\n"


def folder_with_devices(folder: Path) -> Path:
    grid_folder(folder)
    with (folder / "city.toml").open("a") as file:
        file.write(DEVICES)
    (folder / "devices.csv").write_text(ROWS)
    (folder / "devices.csv").chmod(0o600)
    return folder


def gcj02(column: float, row: float) -> tuple[float, float]:
    lon, lat = convert(*place(column, row), "wgs84", "gcj02")
    return float(lon), float(lat)


async def drive(server: Served, tokens: dict[str, str]) -> None:
    host, _, port = server.jt808.partition(":")
    car = await Jt808Terminal("13900000001", 2019).connect(host, int(port))
    result, code = await car.register("7654321")
    assert result == m.REGISTERED
    assert await car.ask(m.Authenticate(code=code)) == m.DONE
    # A terminal counts whole seconds, and the units have stood at their bases since the server began.
    now_ms = time.time_ns() // 1_000_000 + 1_000
    assert await car.ask(here(*gcj02(3, 2), now_ms)) == m.DONE
    with server.client(tokens["calls"]) as calls, server.client(tokens["desk"]) as desk:
        lon, lat = place(3, 2)
        body = {"source_ref": "1", "type": "robbery", "lon": lon, "lat": lat, "needs": [{"capability": "patrol"}]}
        taken = (await asyncio.to_thread(calls.post, "/v1/alerts", json=body)).json()
        (order,) = taken["orders"]
        # P2 is nearer to this place by its base; the terminal has said that P1 is there.
        assert order["recipient"] == "P1"
        assert order["id"] in await car.order()
        while (await asyncio.to_thread(desk.get, f"/v1/orders/{order['id']}")).json()["state"] != "delivered":
            pass
        assert await car.ask(here(*gcj02(3, 2), now_ms + 1_000, alarm=m.EMERGENCY)) == m.DONE
        (alarm,) = [
            incident
            for incident in (await asyncio.to_thread(desk.get, "/v1/incidents")).json()["incidents"]
            if incident["type"] == "officer_in_danger"
        ]
        assert abs(alarm["lon"] - lon) < 2e-6
        figures = (await asyncio.to_thread(desk.get, "/metrics")).text
        assert 'allpoints_device_positions_total{mark="taken",protocol="jt808"} 2.0' in figures
        assert "allpoints_devices_connected 1.0" in figures
    await car.close()


def test_a_terminal_is_moved_ordered_and_heard(tmp_path: Path):
    folder = folder_with_devices(tmp_path)
    with served(folder) as server:
        asyncio.run(asyncio.wait_for(drive(server, credentials_of(folder)), 60))
        assert server.terminate() == 0
        assert "code" not in server.log()
