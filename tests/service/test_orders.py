"""Orders over HTTP: listed, chosen over, replaced, added to; what was heard by radio; who may, and who was first."""

import asyncio
from pathlib import Path

from tests.support.cities import NOW, place, unit
from tests.support.desk import desk

UNITS = [unit("P1", 1, 0), unit("P2", 3, 0), unit("P3", 5, 0), unit("T1", 4, 0, "traffic")]
CHOICE = {"version": 1, "recipient": "P2", "why": "knows_people"}


def run(scenario, folder: Path, **more):
    async def scene():
        async with desk(folder, units=UNITS, **more) as it, it.client() as client:
            return await scenario(it, client)

    return asyncio.run(scene())


def alert(ref, **more):
    lon, lat = place(0, 0)
    needs = [{"capability": "patrol", "count": 1}]
    return {"source_ref": ref, "type": "robbery", "lon": lon, "lat": lat, "at": NOW, "needs": needs, "level": 2} | more


async def reported(client, ref="1", **more):
    said = (await client.post("/v1/alerts", json=alert(ref, **more))).json()
    return said["incident"], said["orders"][0]["id"]


def test_somebody_else_is_chosen_and_every_view_says_who_did_and_why(tmp_path: Path):
    async def scenario(it, client):
        incident, order = await reported(client)
        body = CHOICE | {"key": "k", "words": "Wang knows him"}
        chosen = await client.post(f"/v1/orders/{order}/choose", json=body, params={"lang": "en"})
        again = await client.post(f"/v1/orders/{order}/choose", json=body, params={"lang": "en"})
        zh = await client.get(f"/v1/orders/{order}", params={"lang": "zh"})
        details = await client.post(f"/v1/incidents/{incident}/details", json={"reason": "checking"})
        async with it.client("observer") as observer:
            seen = (await observer.get(f"/v1/incidents/{incident}")).json()
            denied = await observer.post(f"/v1/orders/{order}/choose", json=body)
        return chosen, again, zh.json(), seen, denied, details.json()

    chosen, again, zh, seen, denied, details = run(scenario, tmp_path)
    assert (chosen.status_code, chosen.json()["recipient"], chosen.json()["state"]) == (200, "P2", "sent")
    assert again.json() == chosen.json()
    its = chosen.json()["overruled"]
    assert details["words"] == {chosen.json()["id"]: "Wang knows him"}
    assert its["decided"]["by"] == "user:some dispatcher"
    assert "P2 goes instead of P1: user:some dispatcher chose so" in its["said"][0]
    assert "(knows the people)" in its["said"][0]
    assert "改派 P2(原为 P1)" in zh["overruled"]["said"][0]
    assert (zh["state"], zh["overruled"]["decided"]["instead"]) == ("replaced", chosen.json()["id"])
    assert [order["overruled"]["decided"]["why"] for order in seen["orders"]] == ["knows_people"] * 2
    assert "Wang" not in str(seen)
    assert denied.status_code == 403


def test_the_second_of_two_dispatchers_gets_409_with_who_was_first(tmp_path: Path):
    async def scenario(_, client):
        _, order = await reported(client, type="wanted_sighting")
        first = await client.post(f"/v1/orders/{order}/approve", params={"version": 1})
        second = await client.post(f"/v1/orders/{order}/choose", json=CHOICE | {"key": "k", "seen": "proposed"})
        third = await client.post(f"/v1/orders/{order}/approve", params={"version": 1})
        fourth = await client.post(f"/v1/orders/{order}/approve", params={"version": "new"})
        return first, second, third, fourth

    first, second, third, fourth = run(scenario, tmp_path)
    assert first.json()["state"] == "sent"
    for late in (second, third):
        assert (late.status_code, late.json()["code"]) == (409, "superseded")
        assert "user:some dispatcher decided (approved)" in late.json()["limit"]
    assert (fourth.status_code, fourth.json()["field"]) == (422, "version")


def test_who_cannot_go_is_refused_by_name(tmp_path: Path):
    async def scenario(_, client):
        _, order = await reported(client)
        path = f"/v1/orders/{order}/choose"
        answers = [
            await client.post(path, json=CHOICE | {"key": "1", "recipient": "T1"}),
            await client.post(path, json=CHOICE | {"key": "2", "recipient": "P9"}),
            await client.post(path, json=CHOICE | {"key": "3", "why": "because"}),
            await client.post(path, json=CHOICE | {"key": "4", "why": "other"}),
        ]
        return [(answer.status_code, answer.json()["code"], answer.json()["field"]) for answer in answers]

    assert run(scenario, tmp_path) == [
        (422, "lacks_capability", "recipient"),
        (404, "unknown_unit", "recipient"),
        (422, "unknown_value", "why"),
        (422, "missing", "words"),
    ]


def test_to_add_and_to_replace_are_two_acts(tmp_path: Path):
    async def scenario(_, client):
        incident, order = await reported(client)
        body = {"key": "a", "capability": "traffic", "reason": "crowd", "acting_as": "commander"}
        added = await client.post(f"/v1/incidents/{incident}/units", json=body)
        replaced = await client.post(f"/v1/orders/{order}/replace", json={"key": "r", "version": 1, "reason": "far"})
        asked = await client.post(f"/v1/incidents/{incident}/units", json={"key": "b", "capability": "patrol"})
        listed = (await client.get("/v1/orders", params={"limit": 1})).json()
        rest = (await client.get("/v1/orders", params={"before": listed["next"]})).json()
        every = (await client.get("/v1/orders", params={"state": "all"})).json()
        wrong = await client.get("/v1/orders", params={"state": "closed"})
        return added.json(), replaced.json(), asked.json(), listed, rest, every, wrong

    added, replaced, asked, listed, rest, every, wrong = run(scenario, tmp_path)
    assert [order["recipient"] for order in added["orders"]] == ["P1", "T1"]
    assert replaced["state"] == "replaced"
    assert [(step["step"], step.get("outcome")) for step in asked["steps"]] == [
        ("more_force", "granted"),
        ("more_force", None),
    ]
    assert [order["recipient"] for order in (*listed["orders"], *rest["orders"])] == ["P2", "T1"]
    assert [order["recipient"] for order in every["orders"]] == ["P2", "T1", "P1"]
    assert (wrong.status_code, wrong.json()["field"]) == (422, "state")


def test_what_was_heard_by_radio_is_recorded_and_a_return_shows_how_far_it_is(tmp_path: Path):
    async def scenario(_, client):
        incident, order = await reported(client)
        path = f"/v1/orders/{order}"
        await client.post(f"{path}/answer", json={"key": "1", "version": 1, "answer": "accept"})
        help_ = await client.post(f"{path}/ask", json={"key": "2", "version": 1, "what": "support", "wanted": "video"})
        back = await client.post(f"{path}/return", json={"key": "3", "version": 1, "reason": "flat tyre"})
        step = (await client.get(f"/v1/incidents/{incident}")).json()["steps"][-1]
        await client.post(f"/v1/steps/{step['id']}/decide", json={"granted": True})
        sought = (await client.get(path)).json()
        assign = await client.post(f"{path}/assign", json={"key": "4", "version": 1})
        return help_, back.json(), step, sought, assign.json()

    help_, back, step, sought, assign = run(scenario, tmp_path)
    assert help_.status_code == 200
    assert (back["state"], back["returning"]) == ("accepted", "asked")
    assert (step["step"], step["values"]["reason"]) == ("return_order", "flat tyre")
    assert (sought["state"], sought["returning"]) == ("accepted", "sought")
    assert assign["code"] == "wrong_state"
