"""A photo from a terminal at the real server: uploaded over HTTP, named in a report over the stream."""

import asyncio
from pathlib import Path

import pytest

from engine.model.errors import Refusal
from engine.terminal import Exchange
from engine.terminal.photos import send_photo
from engine.wire.server_messages import Taken
from tests.support.cities import place
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import Served, served

PICTURE = b"\xff\xd8\xff\xe0" + b"a face" * 20_000


async def report(server: Served, credentials: dict[str, str]) -> None:
    exchange = Exchange(server.http, credentials["P1"])
    lon, lat = place(1, 1)
    body = {"source_ref": "1", "type": "robbery", "lon": lon, "lat": lat, "needs": [{"capability": "patrol"}]}
    async with server.terminal(credentials["P1"]) as car:
        with server.client(credentials["calls"]) as calls:
            await asyncio.to_thread(calls.post, "/v1/alerts", json=body)
        item = await car.next_item()
        order = item.order
        assert order is not None
        assert isinstance(await car.answer(order, "accept"), Taken)
        with pytest.raises(Refusal, match="no_picture"):
            await send_photo(exchange, order.id, b"<svg>")
        sha256 = await send_photo(exchange, order.id, PICTURE)
        assert await send_photo(exchange, order.id, PICTURE) == sha256
        assert isinstance(await car.answer(order, "on_scene"), Taken)
        said = await car.answer(order, "report", text="a face", result="helped", photos=(sha256,))
        assert isinstance(said, Taken)
        assert (server.folder / "record" / "photos" / order.id / sha256).exists()
    nobody = Exchange("http://127.0.0.1:9", "apt_x")
    with pytest.raises(OSError, match="does not answer"):
        await send_photo(nobody, order.id, PICTURE)


def test_a_photo_is_uploaded_and_named_in_a_report(tmp_path: Path):
    folder = grid_folder(tmp_path)
    with served(folder) as server:
        asyncio.run(asyncio.wait_for(report(server, credentials_of(folder)), 60))
        assert server.terminate() == 0
