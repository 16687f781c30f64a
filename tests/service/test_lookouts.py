"""Lookouts and sightings over HTTP and on the stream's views: who may, what is shown to whom, and until when."""

import asyncio
from pathlib import Path

from engine.model.commands import Tick
from engine.model.ids import RecipientId
from engine.service.order_views import item_of, open_orders
from tests.support.cities import NOW, place
from tests.support.desk import desk

LOOKOUT = {
    "key": "k1",
    "reference": "TJ-118",
    "list_class": "seize",
    "case_number": "A-12",
    "until": NOW + 3_600_000,
    "label": "Zhang San",
    "text": "a scar",
    "told": ["detectives"],
}


def seen(**more):
    lon, lat = place(2, 2)
    said = {"lookout": "TJ-118", "source_ref": "f1", "source": "camera-7", "lon": lon, "lat": lat, "confidence": 0.9}
    return said | more


def test_from_the_request_to_the_order_at_the_terminal(tmp_path: Path):
    async def scenario():
        async with desk(tmp_path) as it, it.client("analyst") as analyst, it.client("commander") as commander:
            engine = it.backend.cycle.engine
            taken = await analyst.post("/v1/lookouts", json=LOOKOUT)
            again = await analyst.post("/v1/lookouts", json=LOOKOUT)
            assert (taken.status_code, again.status_code, again.json()["duplicate"]) == (201, 200, True)
            assert taken.json()["lookout"]["state"] == "proposed"
            lookout = taken.json()["lookout"]["id"]
            assert (await analyst.post(f"/v1/lookouts/{lookout}/approve")).status_code == 403
            approved = await commander.post(f"/v1/lookouts/{lookout}/approve")
            assert approved.json()["state"] == "active"
            async with it.client("integration") as source:
                reported = await source.post("/v1/sightings", json=seen())
                assert reported.status_code == 201
                sighting = reported.json()["sighting"]
                assert sighting["source"] == "some integration/camera-7"
                assert (await source.get("/v1/lookouts")).status_code == 403
                verified = await source.post(f"/v1/sightings/{sighting['id']}/verify", json={"verdict": "true"})
                assert verified.status_code == 403
            verdict = {"verdict": "true", "acting_as": "commander"}
            not_yours = await analyst.post(f"/v1/sightings/{sighting['id']}/verify", json=verdict)
            assert not_yours.json()["code"] == "not_yours"
            done = await analyst.post(f"/v1/sightings/{sighting['id']}/verify", json={"verdict": "true"})
            assert (done.json()["state"], done.json()["decided_as"]) == ("true", "verify_by_analyst")
            shown = {name: open_orders(engine, RecipientId(name)) for name in ("P1", "P2", "S1")}
            for name, orders in shown.items():
                assert [(order.task, order.label, order.text) for order in orders] == [
                    ("seize", "Zhang San", "a scar")
                ], name
            told = [item_of(engine, mail) for mail in engine.state.mailbox("detectives").after(0)]
            # The lookout names whom to tell of the subject; the run card, whom of the incident: area and task, no name.
            assert [(item.code, item.values.get("label")) for item in told] == [
                ("sighting_seen", "Zhang San"),
                ("informed", None),
            ]
            async with it.client("video_desk") as video:
                assert "Zhang" not in (await video.get("/v1/lookouts")).text
                refused = await video.post(f"/v1/lookouts/{lookout}/details", json={"reason": "curious"})
                assert refused.status_code == 403
            assert "Zhang" not in (await analyst.get("/v1/lookouts")).text
            read = await analyst.post(f"/v1/lookouts/{lookout}/details", json={"reason": "to brief"})
            assert (read.json()["label"], read.json()["details"]) == ("Zhang San", {"text": "a scar"})
            async with it.client("video_desk") as video:
                assert [its["state"] for its in (await video.get("/v1/sightings")).json()["sightings"]] == ["true"]
            engine.clock.time = NOW + 3_600_000
            await it.backend.submit(Tick(actor="system"))
            assert not open_orders(engine, RecipientId("P1"))
            (over,) = (await analyst.get("/v1/lookouts")).json()["lookouts"]
            assert over["state"] == "expired"
            read = await analyst.post(f"/v1/lookouts/{lookout}/details", json={"reason": "to brief"})
            assert "label" not in read.json()
            told = [item_of(engine, mail) for mail in engine.state.mailbox("detectives").after(0)]
            assert all("label" not in item.values for item in told)

    asyncio.run(scenario())


def test_it_is_extended_lifted_and_what_is_held_is_settled(tmp_path: Path):
    async def scenario():
        async with desk(tmp_path) as it, it.client("dispatcher") as client:
            lookout = (await client.post("/v1/lookouts", json=LOOKOUT | {"list_class": "inform"})).json()["lookout"]
            path = f"/v1/lookouts/{lookout['id']}"
            longer = await client.post(f"{path}/extend", json={"until": NOW + 7_200_000, "reason": "still out"})
            assert longer.json()["terms"]["until"] == NOW + 7_200_000
            held = (await client.post("/v1/sightings", json=seen(at=NOW + 60_000))).json()["sighting"]
            assert (held["state"], held["held_for"]) == ("held", "in_the_future")
            settled = await client.post(f"/v1/sightings/{held['id']}/settle", json={"what": "release"})
            assert settled.json()["state"] == "waiting"
            lifted = await client.post(f"{path}/lift", json={"reason": "caught"})
            assert (lifted.json()["state"], lifted.json()["ended_reason"]) == ("lifted", "caught")
            assert (await client.post(f"{path}/lift", json={"reason": "caught"})).status_code == 409
            assert (await client.post("/v1/lookouts/grid-lookout-9/lift", json={"reason": "x"})).status_code == 404
            unknown = await client.post("/v1/sightings/grid-sighting-99/verify", json={"verdict": "true"})
            assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_sighting")
            wrong = await client.post("/v1/sightings", json=seen(confidence=2, source_ref="f2"))
            assert (wrong.status_code, wrong.json()["field"]) == (422, "confidence")

    asyncio.run(scenario())
