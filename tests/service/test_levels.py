"""Facts, levels and the briefing, over HTTP and on the stream, by the county's run cards."""

import asyncio
from pathlib import Path

from engine.dispatch.calendar import DAY
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.wire.server_messages import Refused, Taken
from tests.service.test_orders import UNITS, alert
from tests.support.cities import unit
from tests.support.desk import desk
from tests.support.streams import play, report, running

FIGHT = "fight"


def run(scenario, folder: Path):
    async def scene():
        async with desk(folder, units=UNITS) as it, it.client() as client:
            return await scenario(it, client)

    return asyncio.run(scene())


def without_level(ref, **more):
    return {name: value for name, value in alert(ref, **more).items() if name not in ("level", "needs")}


def test_a_fact_over_http_raises_the_level_and_a_person_lowers_it_with_leave(tmp_path: Path):
    async def scenario(_, client):
        taken = (await client.post("/v1/alerts", json=without_level("1", type=FIGHT))).json()
        path = f"/v1/incidents/{taken['incident']}"
        raised = await client.post(f"{path}/facts", json={"established": ["weapon"]})
        unknown = await client.post(f"{path}/facts", json={"established": ["dragon"]})
        bare = await client.post(f"{path}/level", json={"level": 3})
        asked = await client.post(f"{path}/level", json={"level": 3, "reason": "it was a toy"})
        return raised, unknown, bare, asked

    raised, unknown, bare, asked = run(scenario, tmp_path)
    card = RunCards.load(COUNTY).cards[FIGHT]
    its = raised.json()["incident"]
    assert card.level > 1
    assert (its["level"], its["facts"]) == (1, ["weapon"])
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["field"]) == (
        422,
        "unknown_fact",
        "established",
    )
    assert (bare.status_code, bare.json()["field"]) == (422, "reason")
    assert asked.json()["incident"]["level"] == 1
    assert [(step["step"], step.get("outcome")) for step in asked.json()["steps"] if step["step"] == "lower"] == [
        ("lower", None)
    ]


def test_an_alert_with_a_fact_opens_at_its_level(tmp_path: Path):
    async def scenario(_, client):
        taken = (await client.post("/v1/alerts", json=without_level("1", type=FIGHT, facts=["weapon"]))).json()
        return (await client.get(f"/v1/incidents/{taken['incident']}")).json()

    assert run(scenario, tmp_path)["incident"]["level"] == 1


def test_who_goes_is_briefed_and_says_what_is_so_at_the_scene():
    async def scene():
        async with running(unit("near", 0, 0)) as server, server.client("terminal:near") as near:
            async with server.client("integration:cad") as cad:
                await cad.report(report(1, type=FIGHT, level=2))
            item = await near.next_item()
            card = RunCards.load(COUNTY).cards[FIGHT]
            its = item.order.briefing
            assert its.guidance
            assert its.guidance == dict(card.at(2, DAY).guidance)
            assert {asked["zh"] for asked in its.ask} == {asked.text["zh"] for asked in card.at(2, DAY).ask}
            assert isinstance(await near.state_facts(item.order, "weapon"), Taken)
            told = await near.next_item()
            assert (told.code, told.order.level, told.values["was"]) == ("level_changed", 1, "2")
            assert len(told.order.briefing.ask) < len(its.ask)
            asked = await near.ask_leave(item.order, "firearms", reason="a knife", key="k1")
            again = await near.ask_leave(item.order, "firearms", reason="a knife", key="k1")
            assert isinstance(asked, Taken)
            assert isinstance(again, Taken)
            steps = server.engine.state.steps_of(item.order.incident)
            assert [(step.step, step.values["reason"]) for step in steps if step.step == "firearms"] == [
                ("firearms", "a knife")
            ]
            refused = await near.state_facts(item.order, "dragon")
            assert isinstance(refused, Refused)
            assert (refused.code, refused.field) == ("unknown_fact", "established")

    play(scene())
