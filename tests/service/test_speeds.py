"""Closures, rules and live speeds over HTTP: in force, on record, refused by name, and only for who may."""

import asyncio
from pathlib import Path

import pytest

from geo_data.speeds import NEVER
from tests.support.cities import NOW, place
from tests.support.desk import desk

CLOSED = {"key": "k", "factor": 0.0, "spots": [dict(zip(("lon", "lat"), place(0.5, 0), strict=True))]}


def spot(column, row, **more):
    lon, lat = place(column, row)
    return {"lon": lon, "lat": lat, **more}


def run(scenario, tmp_path: Path, role="dispatcher"):
    async def whole():
        async with desk(tmp_path) as it, it.client(role) as client:
            return await scenario(it, client)

    return asyncio.run(whole())


def test_a_closure_is_taken_listed_obeyed_and_lifted(tmp_path: Path):
    async def scenario(it, client):
        taken = await client.post("/v1/speeds/rules", json={**CLOSED, "reason": "fire"})
        again = await client.post("/v1/speeds/rules", json=CLOSED)
        listed = (await client.get("/v1/speeds")).json()
        shut = int((it.backend.cycle.engine.times.weights.arc_ms >= NEVER).sum())
        lifted = await client.post("/v1/speeds/rules/grid-rule-1/lift", json={})
        gone = await client.post("/v1/speeds/rules/grid-rule-1/lift", json={})
        late = await client.post("/v1/speeds/rules", json=CLOSED)
        return taken, again, listed, shut, lifted.json(), gone, late

    taken, again, listed, shut, lifted, gone, late = run(scenario, tmp_path)
    assert (taken.status_code, again.status_code, again.json()["duplicate"]) == (201, 200, True)
    rule = taken.json()["rule"]
    assert (rule["id"], rule["arcs"], rule["set_by"], rule["set_at"]) == (
        "grid-rule-1", 2, "user:some dispatcher", NOW,
    )  # fmt: skip
    assert [its["id"] for its in listed["rules"]] == ["grid-rule-1"]
    assert listed["rules"][0]["rule"]["reason"] == "fire"
    assert shut == 2
    assert lifted["rules"] == []
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_rule")
    assert (late.status_code, late.json()["rule"]) == (200, None)


def test_live_speeds_are_in_the_version_that_was_promised(tmp_path: Path):
    async def scenario(it, client):
        async with it.client("integration") as source:
            every = [spot(column / 2, row / 2) for column in range(11) for row in range(9)]
            fed = (await source.post("/v1/speeds/feed", json={"speeds": [{**at, "kmh": 15.0} for at in every]})).json()
            stray = await source.post("/v1/speeds/feed", json={"speeds": [{"lon": 10.0, "lat": 50.0, "factor": 0.5}]})
        for _ in range(20):
            said = (await client.get("/v1/speeds")).json()
            if said["version"] == said["coming"]:
                break
            await asyncio.sleep(0)
        times = it.backend.cycle.engine.times
        return fed, stray.json(), said, times.weights.arc_ms, it.backend.cycle.engine.city.arc_ms

    fed, stray, said, ms, usual = run(scenario, tmp_path)
    assert (fed["off_road"], stray["off_road"], stray["arcs"]) == (0, 1, 0)
    assert said["live_arcs"] == len(ms)
    assert ms == pytest.approx(2 * usual, abs=2)  # the grid is driven at 30 km/h


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**CLOSED, "factor": -1}, "factor"),
        ({**CLOSED, "factor": 0.001}, "factor"),
        ({**CLOSED, "spots": []}, "rings,spots"),
        ({**CLOSED, "rings": [[[0, 0], [1, 1]]]}, "rings[0]"),
        ({**CLOSED, "hours": [[9, 7]]}, "hours"),
        ({**CLOSED, "classes": ["alley"]}, "classes"),
        ({**CLOSED, "until": 5}, "until"),
        ({**CLOSED, "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, body, field):
    async def scenario(_, client):
        return await client.post("/v1/speeds/rules", json=body)

    answer = run(scenario, tmp_path)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_only_who_may_sets_and_feeds(tmp_path: Path):
    async def scenario(it, _):
        statuses = {}
        for role in it.tokens:
            async with it.client(role) as client:
                rule = await client.post("/v1/speeds/rules", json={**CLOSED, "key": role})
                fed = await client.post("/v1/speeds/feed", json={"speeds": [{**spot(1, 1), "factor": 1.0}]})
                statuses[role] = rule.status_code, fed.status_code
        return statuses

    statuses = run(scenario, tmp_path)
    assert {role for role, (rule, _) in statuses.items() if rule == 201} == {
        "dispatcher",
        "shift_supervisor",
        "commander",
    }
    assert {role for role, (_, fed) in statuses.items() if fed == 200} == {"integration"}
    assert {status for pair in statuses.values() for status in pair} == {200, 201, 403}
