"""The figures count what happened, and their labels are our own words only."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.service.test_http import alert
from tests.support.desk import desk


def read(page: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_figures_follow_what_happened(tmp_path: Path):
    async def scenario():
        async with desk(tmp_path) as it, it.client("dispatcher") as client:
            before = read((await client.get("/metrics")).text)
            await client.post("/v1/alerts", json=alert())
            await client.post("/v1/alerts", json=alert("2", needs=[{"capability": "eod"}]))
            await client.post("/v1/alerts", json=alert("3", type="x" * 100))
            it.journal.fail_next()
            await client.post("/v1/alerts", json=alert("4"))
            answer = await client.get("/metrics")
            return before, answer

    before, answer = asyncio.run(scenario())
    after = read(answer.text)
    assert answer.headers["content-type"].startswith("text/plain")
    assert before["allpoints_incidents_open",] == 0
    assert after["allpoints_incidents_open",] == 2
    assert after["allpoints_units_claimed",] == 1
    assert after["allpoints_mail_undelivered",] >= 2
    assert after["allpoints_refusals_total", "http", "unknown_type"] == 1
    assert after["allpoints_refusals_total", "http", "not_stored"] == 1
    assert after["allpoints_not_stored_total",] == 1
    assert after["allpoints_commit_seconds_count",] == 2
    assert after["allpoints_decide_seconds_count",] >= 2
    assert "x" * 100 not in answer.text


def test_two_servers_in_one_process_do_not_mix(tmp_path: Path):
    async def scenario():
        async with desk(tmp_path) as one, desk(tmp_path) as two, one.client() as client:
            await client.post("/v1/alerts", json=alert())
            return read(one.metrics.page()[0].decode()), read(two.metrics.page()[0].decode())

    one, two = asyncio.run(scenario())
    assert (one["allpoints_incidents_open",], two["allpoints_incidents_open",]) == (1, 0)
