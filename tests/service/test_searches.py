"""Nine hotels over HTTP and the stream: alert and telephone at the desk, looks by terminals, and who may say what."""

import asyncio
from pathlib import Path

from engine.model.ids import RecipientId
from engine.service.order_views import open_orders
from engine.wire.reports import NeedOf, PlaceOf
from engine.wire.server_messages import Refused, Taken
from tests.support.cities import NOW, place, unit
from tests.support.desk import desk
from tests.support.streams import play, report, running

HOTELS = ((1, 1), (2, 0), (4, 0), (0, 3), (2, 4), (4, 3), (5, 2), (3, 2), (1, 3))
UNITS = tuple(unit(name, *at) for name, at in (("u1", (0, 0)), ("u2", (5, 4)), ("u3", (5, 0))))
PLACES = [
    {"lon": place(*at)[0], "lat": place(*at)[1], "chance": 0.1, "name": f"Hotel {n}", "phone": f"0351-{n}"}
    for n, at in enumerate(HOTELS, 1)
]


def test_the_desk_opens_a_search_telephones_and_reads_how_far_it_has_come(tmp_path: Path):
    async def scene():
        async with desk(tmp_path) as it, it.client("dispatcher") as client:
            lon, lat = place(2, 2)
            said = {"source_ref": "f1", "type": "robbery", "lon": lon, "lat": lat, "at": NOW, "places": PLACES}
            taken = await client.post("/v1/alerts", json=said)
            assert taken.status_code == 201, taken.text
            incident = taken.json()["incident"]
            at = f"/v1/searches/{incident}"
            search = (await client.get(at)).json()
            assert (search["state"], len(search["places"]), "Hotel" in str(search)) == ("open", 9, False)
            assert sorted(search["calls"]) == list(range(1, 10))
            turns = {its["place"]: its["unit"] for its in search["places"] if "unit" in its}
            assert set(turns) == set(range(1, 10))
            assert all(its["done_at"] > NOW for its in search["places"])
            engine = it.backend.cycle.engine
            (order,) = open_orders(engine, RecipientId(turns[1]))
            assert order.task == "look"
            assert [look.name for look in order.looks] == [f"Hotel {look.place}" for look in order.looks]
            call = search["calls"][0]
            look = {"key": "c1", "place": call, "found": False, "how": "phone"}
            after = (await client.post(f"{at}/looks", json=look)).json()
            assert after["places"][call - 1]["left"] < search["places"][call - 1]["left"]
            assert after["places"][call - 1]["looks"][0]["how"] == "phone"
            again = await client.post(f"{at}/looks", json=look)
            assert len(again.json()["places"][call - 1]["looks"]) == 1
            refused = await client.post(f"{at}/looks", json=look | {"key": "c2", "place": 10})
            assert (refused.status_code, refused.json()["field"], refused.json()["limit"]) == (422, "place", "1 to 9")
            assert (await client.get("/v1/searches/grid-incident-99")).json()["code"] == "unknown_search"
            read = await client.post(f"/v1/incidents/{incident}/details", json={"reason": "to brief"})
            assert [its["name"] for its in read.json()["places"]] == [f"Hotel {n}" for n in range(1, 10)]
            async with it.client("observer") as observer:
                assert (await observer.post(f"{at}/looks", json=look)).status_code == 403
                assert "Hotel" not in (await observer.get(at)).text
            found = (await client.post(f"{at}/looks", json=look | {"key": "c3", "place": 5, "found": True})).json()
            assert found["state"] == "found"
            assert "calls" not in found
            mailbox = [mail.body.code for mail in engine.state.mailbox(RecipientId("desk")).items]
            assert mailbox.count("search_found") == 1

    asyncio.run(scene())


def test_a_terminal_goes_from_door_to_door_and_the_others_hear_that_he_is_found(tmp_path: Path):
    async def scene():
        async with running(*UNITS) as server, server.client("integration:cad") as cad:
            u1, u2, u3 = (server.client(f"terminal:{name}", state_path=tmp_path / name) for name in ("u1", "u2", "u3"))
            async with u1, u2, u3:
                places = tuple(PlaceOf(**its) for its in PLACES)
                await cad.report(report(1, type="robbery", needs=(NeedOf("patrol", 3),), places=places))
                order = (await u1.next_item()).order
                assert (order.task, order.version) == ("look", 1)
                first, second = order.looks[:2]
                taken = await u1.look(order, first.place, found=False, text="nobody of that name")
                assert isinstance(taken, Taken)
                item = await u1.next_item()
                while item.order is None:
                    item = await u1.next_item()
                moved = item.order
                assert (moved.id, moved.version, moved.lon, moved.lat) == (order.id, 2, second.lon, second.lat)
                assert moved.looks[0].place == second.place
                refused = await u2.look(moved, second.place, found=True)
                assert isinstance(refused, Refused)
                assert refused.code == "not_yours"
                assert isinstance(await u1.look(moved, second.place, found=True), Taken)
                for other in (u2, u3):
                    item = await other.next_item()
                    while item.kind != "cancellation":
                        item = await other.next_item()
                    assert item.code == "subject_found"
                assert list(server.engine.state.claims) == ["u1"]

    play(scene())
