"""HTTP from alert to answer, what it refuses and how it says so, and that nothing is taken that is not stored."""

import asyncio
import json
from pathlib import Path

import pytest

from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from tests.support.cities import NOW, place, unit
from tests.support.desk import desk

LON, LAT = place(1, 1)
# A Wednesday morning in Shanghai: the day force of a robbery is two patrols and detectives.
PATROL = [{"capability": "patrol"}]
SAID = {"text": "two men with a knife", "caller": "Wang", "phone": "13800000000", "address": "by the bridge"}


def alert(ref="1", **more):
    return {"source_ref": ref, "type": "robbery", "lon": LON, "lat": LAT, "needs": PATROL, "details": SAID, **more}


def run(scenario, folder: Path, **more):
    async def within():
        async with desk(folder, **more) as it:
            return await scenario(it)

    return asyncio.run(within())


def test_an_alert_becomes_an_order_with_eta_and_reasons(tmp_path: Path):
    async def scenario(it):
        async with it.client("integration") as client:
            return await client.post("/v1/alerts", params={"lang": "zh"}, json=alert())

    answer = run(scenario, tmp_path)
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/incidents/{body['incident']}"
    (order,) = body["orders"]
    assert (order["recipient"], order["state"], order["recipient_kind"]) == ("P1", "sent", "unit")
    assert order["eta_ms"] == 0
    assert not body["duplicate"]
    assert body["recommendations"][0]["said"][1].startswith("派 P1")


def test_the_same_alert_again_gives_the_first_answer_again(tmp_path: Path):
    async def scenario(it):
        async with it.client("integration") as client:
            first = await client.post("/v1/alerts", json=alert())
            seq = it.cycle.engine.state.seq
            second = await client.post("/v1/alerts", json=alert())
            return first, second, it.cycle.engine.state.seq - seq

    first, second, events = run(scenario, tmp_path)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["duplicate"]
    assert {k: v for k, v in first.json().items() if k != "duplicate"} == {
        k: v for k, v in second.json().items() if k != "duplicate"
    }
    assert events == 0


def test_a_shortage_is_stated(tmp_path: Path):
    async def scenario(it):
        async with it.client("integration") as client:
            return (await client.post("/v1/alerts", json=alert(needs=[{"capability": "swat"}]))).json()

    body = run(scenario, tmp_path)
    assert body["shortage"] == ["swat"]
    # The station is told, since nobody with the capability is free.
    assert [order["recipient_kind"] for order in body["orders"]] == ["station"]


def test_a_dispatcher_answers_cancels_and_approves(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            (order,) = (await client.post("/v1/alerts", json=alert())).json()["orders"]
            path = f"/v1/orders/{order['id']}"
            answers = {"key": "1", "version": 1, "answer": "accept"}
            seen = [
                await client.post(f"{path}/answer", json=answers),
                await client.post(f"{path}/answer", json=answers),
                await client.post(f"{path}/answer", json={**answers, "key": "2", "version": 7}),
                await client.post(f"{path}/cancel", json={"reason": "road", "drop": True}),
                await client.post(f"{path}/cancel", json={"reason": "road"}),
                await client.get(path),
            ]
            proposed = (await client.post("/v1/alerts", json=alert("2", type="wanted_sighting"))).json()["orders"][0]
            approved = await client.post(f"/v1/orders/{proposed['id']}/approve")
            again = await client.post(f"/v1/orders/{proposed['id']}/approve")
        return seen, proposed, approved, again

    seen, proposed, approved, again = run(scenario, tmp_path)
    assert [answer.status_code for answer in seen] == [200, 200, 409, 200, 409, 200]
    assert [answer.json().get("state") for answer in seen] == [
        "accepted", "accepted", None, "cancelled", None, "cancelled",
    ]  # fmt: skip
    assert [seen[2].json()[name] for name in ("code", "field", "value", "limit")] == ["superseded", "version", "7", "1"]
    assert proposed["state"] == "proposed"
    assert approved.json()["state"] == "sent"
    assert again.status_code == 409
    assert again.json()["code"] == "superseded"
    assert "granted by user:some dispatcher as verify_by_analyst" in again.json()["limit"]


def test_leave_is_asked_for_what_people_do(tmp_path: Path):
    async def scenario(it):
        async with it.client() as desk, it.client("observer") as observer:
            taken = (await desk.post("/v1/alerts", json=alert(type="drunk_person"))).json()
            path = f"/v1/incidents/{taken['incident']}/steps"
            asked = {"step": "close_road", "reason": "he lies on it"}
            answers = [
                await desk.post(path, json=asked),
                await desk.post(path, json=asked),
                await desk.post(path, json={"step": "send"}),
                await observer.post(path, json=asked),
                await desk.post("/v1/incidents/none/steps", json=asked),
            ]
            (step,) = [its for its in answers[0].json()["steps"] if its["step"] == "close_road"]
            decided = await desk.post(f"/v1/steps/{step['id']}/decide", json={"granted": True})
            return answers, step, decided.json()

    answers, step, decided = run(scenario, tmp_path)
    assert (step["asked"], step["values"]) == ("dispatcher", {"reason": "he lies on it"})
    assert decided["outcome"] == "granted"
    assert [(answer.status_code, answer.json()["code"]) for answer in answers[1:]] == [
        (409, "asked_already"),
        (422, "unknown_value"),
        (403, "not_permitted"),
        (404, "unknown_incident"),
    ]


def test_an_office_decides_for_itself_alone_and_the_record_says_as_what(tmp_path: Path):
    async def scenario(it):
        async with it.client() as desk, it.client("office") as office, it.client("observer") as observer:
            taken = (await desk.post("/v1/alerts", json=alert(type="wanted_sighting"))).json()
            incident = f"/v1/incidents/{taken['incident']}"
            (step,) = (await desk.get(incident)).json()["steps"]
            path = f"/v1/steps/{step['id']}/decide"
            refused = [
                await observer.post(path, json={"granted": True}),
                await office.post(path, json={"granted": True, "acting_as": "commander"}),
                await office.post(path, json={"granted": True}),
                await desk.post("/v1/steps/x/decide", json={"granted": True}),
            ]
            decided = await desk.post(path, json={"granted": True, "acting_as": "commander"})
            return step, refused, decided, (await desk.get(incident)).json()

    step, refused, decided, incident = run(scenario, tmp_path)
    assert (step["step"], step["asked"], step["line"][:2]) == (
        "send",
        "verify_by_analyst",
        ["verify_by_analyst", "commander"],
    )
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (403, "not_permitted"),
        (403, "not_yours"),
        (422, "not_asked"),
        (404, "unknown_step"),
    ]
    assert decided.json()["outcome"] == "granted"
    assert (decided.json()["decided_by"], decided.json()["decided_as"]) == ("user:some dispatcher", "commander")
    assert (incident["orders"][0]["state"], incident["steps"]) == ("sent", [decided.json()])


def test_incidents_are_listed_newest_first_in_pages(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            for number in range(5):
                await client.post("/v1/alerts", json=alert(str(number)))
            pages, before = [], None
            while True:
                query = {"limit": 2} | ({"before": before} if before else {})
                page = (await client.get("/v1/incidents", params=query)).json()
                pages.append([incident["id"] for incident in page["incidents"]])
                before = page.get("next")
                if before is None:
                    return pages, (await client.get("/v1/incidents", params={"state": "ended"})).json()

    pages, ended = run(scenario, tmp_path)
    assert pages == [
        ["grid-incident-5", "grid-incident-4"],
        ["grid-incident-3", "grid-incident-2"],
        ["grid-incident-1"],
    ]
    assert ended["incidents"] == []


BAD = [
    # body, status, code, field
    (b"{", 400, "malformed", "body"),
    (b"", 400, "malformed", "body"),
    (b"\xff\xfe", 400, "malformed", "body"),
    (b"[" * 5_000, 422, "too_deep", "body"),
    (b"[]", 422, "wrong_type", "body"),
    (json.dumps(alert(lon=float("nan"))).encode(), 422, "out_of_range", "lon"),
    (json.dumps(alert(lon="113")).encode(), 422, "wrong_type", "lon"),
    (json.dumps(alert(lon=LAT, lat=LON)).encode(), 422, "out_of_range", "lat"),
    (json.dumps(alert(lon=122.5, lat=30.5)).encode(), 422, "off_road", "lon,lat"),
    (json.dumps(alert(lon=1e300)).encode(), 422, "out_of_range", "lon"),
    (json.dumps(alert(type="flood")).encode(), 422, "unknown_type", "type"),
    (json.dumps(alert(level=9)).encode(), 422, "out_of_range", "level"),
    (json.dumps(alert(at=NOW + 3_600_000)).encode(), 422, "clock_ahead", "at"),
    (json.dumps(alert(at=NOW - 7 * 86_400_000)).encode(), 422, "too_old", "at"),
    (json.dumps(alert(at=NOW // 1000)).encode(), 422, "too_old", "at"),
    (json.dumps(alert(needs=[{"capability": "dragon"}])).encode(), 422, "unknown_capability", "needs[0].capability"),
    (json.dumps(alert(needs=[{"capability": "patrol", "count": 0}])).encode(), 422, "out_of_range", "needs[0].count"),
    (json.dumps(alert(needs=PATROL * 33)).encode(), 422, "too_long", "needs"),
    (json.dumps(alert(ref="")).encode(), 422, "too_short", "source_ref"),
    (json.dumps(alert(colour="red")).encode(), 422, "unknown_field", "colour"),
    (json.dumps(alert(datum="gps")).encode(), 422, "unknown_value", "datum"),
    (json.dumps(alert(details={"text": "x" * 4_001})).encode(), 422, "too_long", "details.text"),
    (b'{"source_ref": "1"}', 422, "missing", "type"),
    (b"x" * 10_000_000, 413, "too_big", "body"),
]


def test_what_is_not_taken_is_named_and_the_next_alert_is_taken(tmp_path: Path):
    async def scenario(it):
        async with it.client("integration") as client:
            problems = [await client.post("/v1/alerts", content=body) for body, *_ in BAD]
            return problems, await client.post("/v1/alerts", json=alert()), it.cycle.engine.state.seq

    problems, after, _ = run(scenario, tmp_path)
    for problem, (body, *expected) in zip(problems, BAD, strict=True):
        said = problem.json()
        assert [problem.status_code, said["code"], said["field"]] == expected, (body[:80], said)
        assert problem.headers["content-type"] == "application/problem+json"
        assert said["limit"]
        assert len(problem.content) < 2_000
    assert after.status_code == 201
    assert after.json()["incident"] == "grid-incident-1"


def test_exchanged_coordinates_are_told_so(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            return (await client.post("/v1/alerts", json=alert(lon=LAT, lat=LON))).json()

    assert "exchanged" in run(scenario, tmp_path)["limit"]


def test_an_endless_body_is_cut_off_before_it_is_all_read(tmp_path: Path):
    read = []

    async def endless():
        while True:
            read.append(1)
            yield b"x" * 10_000

    async def scenario(it):
        async with it.client() as client:
            return await client.post("/v1/alerts", content=endless(), headers={"content-type": "application/json"})

    assert run(scenario, tmp_path).status_code == 413
    assert len(read) < 100


def test_a_body_that_does_not_come_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engine.service.edge.BODY_TIMEOUT_S", 0.01)

    async def stalled():
        yield b"{"
        await asyncio.Event().wait()

    async def receives(it):
        sent = []

        async def send(message):
            sent.append(message)

        parts = stalled()

        async def receive():
            return {"type": "http.request", "body": await anext(parts), "more_body": True}

        headers = [(b"authorization", f"Bearer {it.tokens['integration']}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/alerts", "headers": headers, "query_string": b""}
        await it.app(scope, receive, send)
        return sent

    start, body = run(receives, tmp_path)
    assert start["status"] == 408
    assert json.loads(body["body"])["code"] == "too_slow"


def test_a_terminal_speaks_for_itself(tmp_path: Path):
    async def scenario(it):
        async with it.client("terminal") as client:
            return [await client.post("/v1/alerts", json=alert(source=source)) for source in ("calls", "P1")]

    foreign, own = run(scenario, tmp_path)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_yours")
    assert own.status_code == 201


@pytest.mark.parametrize(
    ("path", "method", "headers", "status", "code"),
    [
        ("/v1/alerts", "POST", {"Authorization": ""}, 401, "no_token"),
        ("/v1/alerts", "POST", {"Authorization": "Basic eDp5"}, 401, "no_token"),
        ("/v1/alerts", "POST", {"Authorization": "Bearer apt_1_2"}, 401, "credential_shown"),
        ("/v1/alerts", "POST", {"Authorization": "Bearer " + "x" * 9_000}, 401, "malformed_token"),
        ("/v1/alerts", "POST", {"Content-Type": "text/xml"}, 415, "wrong_media_type"),
        ("/v1/alerts", "GET", {}, 405, "wrong_method"),
        ("/v1/nothing", "GET", {}, 404, "unknown_path"),
        ("/v1/incidents/nobody", "GET", {}, 404, "unknown_incident"),
        ("/v1/orders/x/approve", "POST", {}, 404, "unknown_order"),
        ("/v1/incidents?limit=0", "GET", {}, 422, "out_of_range"),
        ("/v1/incidents?before=x", "GET", {}, 422, "out_of_range"),
        ("/v1/incidents?before=x-" + "9" * 5_000, "GET", {}, 422, "out_of_range"),
        ("/v1/incidents?state=x", "GET", {}, 422, "unknown_value"),
        ("/v1/incidents/x?lang=fr", "GET", {}, 422, "unknown_value"),
    ],
)
def test_other_refusals(tmp_path: Path, path: str, method: str, headers: dict, status: int, code: str):
    async def scenario(it):
        async with it.client() as client:
            return await client.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)

    answer = run(scenario, tmp_path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_named_role_decides_as_whichever_of_its_offices_is_asked(tmp_path: Path):
    async def scenario(it):
        async with it.client() as desk, it.client("analyst") as analyst, it.client("commander") as commander:
            paths = []
            for number in range(2):
                taken = (await desk.post("/v1/alerts", json=alert(str(number), type="wanted_sighting"))).json()
                (step,) = (await desk.get(f"/v1/incidents/{taken['incident']}")).json()["steps"]
                paths.append(f"/v1/steps/{step['id']}/decide")
            return [
                await analyst.post(paths[0], json={"granted": True, "acting_as": "commander"}),
                await analyst.post(paths[0], json={"granted": True}),
                await commander.post(paths[1], json={"granted": False, "reason": "no"}),
            ]

    refused, by_analyst, by_commander = run(scenario, tmp_path)
    assert (refused.status_code, refused.json()["limit"]) == (
        403,
        "analyst or verify_by_analyst, whom this token is for",
    )
    decided = [(one.json()["decided_by"], one.json()["decided_as"]) for one in (by_analyst, by_commander)]
    assert decided == [("user:some analyst", "verify_by_analyst"), ("user:some commander", "commander")]


def test_what_cannot_be_stored_has_not_happened_and_can_be_sent_again(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            it.journal.fail_next(2)
            full = await client.post("/v1/alerts", json=alert())
            ready = (await client.get("/readyz")).status_code
            nothing = (await client.get("/v1/incidents")).json()["incidents"]
            still_full = await client.post("/v1/alerts", json=alert())
            taken = await client.post("/v1/alerts", json=alert())
            return full, ready, nothing, still_full, taken, (await client.get("/readyz")).status_code

    full, ready, nothing, still_full, taken, ready_again = run(scenario, tmp_path)
    assert (full.status_code, full.json()["code"]) == (503, "not_stored")
    assert int(full.headers["retry-after"]) >= 1
    assert (ready, nothing, still_full.status_code) == (503, [], 503)
    assert (taken.status_code, taken.json()["duplicate"], ready_again) == (201, False, 200)


def test_a_full_disk_is_said_and_got_over(tmp_path: Path):
    """SQLite itself runs out of pages in the middle; what was accepted before is there, what was refused is not."""
    vault = Vault(tmp_path / "keys.sqlite", bytes(32))
    journal = SqliteJournal(tmp_path / "journal.sqlite", vault)
    (pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count={pages + 30}")

    async def scenario(it):
        async with it.client() as client:
            statuses = []
            while 503 not in statuses:
                statuses.append((await client.post("/v1/alerts", json=alert(str(len(statuses))))).status_code)
            journal._writer.execute("PRAGMA max_page_count=1000000")
            again = await client.post("/v1/alerts", json=alert(str(len(statuses) - 1)))
            listed = (await client.get("/v1/incidents", params={"limit": 500})).json()["incidents"]
            return statuses, again, listed

    try:
        statuses, again, listed = run(scenario, tmp_path, inner=journal)
        assert statuses == [201] * (len(statuses) - 1) + [503]
        assert len(statuses) > 3
        assert (again.status_code, again.json()["duplicate"]) == (201, False)
        assert len(listed) == len(statuses)
        assert journal.verify().ok
    finally:
        journal.close()
        vault.close()


def test_many_alerts_at_once_are_each_answered_and_no_unit_goes_twice(tmp_path: Path):
    units = [unit(f"P{number}", number % 6, number % 5) for number in range(20)]

    async def scenario(it):
        async with it.client() as client:
            return await asyncio.gather(*(client.post("/v1/alerts", json=alert(str(n))) for n in range(40)))

    answers = run(scenario, tmp_path, units=units)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["incident"] for answer in answers}) == 40


def test_coordinates_of_another_datum_are_converted(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            path = (await client.post("/v1/alerts", json=alert(datum="gcj02"))).headers["location"]
            return (await client.get(path)).json()["incident"]

    incident = run(scenario, tmp_path)
    assert 0.001 < abs(incident["lon"] - LON) < 0.02


def test_before_the_engine_is_there_it_is_alive_but_takes_nothing(tmp_path: Path):
    async def scenario(it):
        it.backend.started = False
        async with it.client() as client:
            paths = ("/healthz", "/v1/openapi", "/metrics", "/v1/incidents", "/v1/bootstrap")
            statuses = [(await client.get(path)).status_code for path in paths]
            return statuses, await client.post("/v1/alerts", json=alert())

    statuses, refused = run(scenario, tmp_path)
    assert statuses == [200, 200, 200, 503, 503]
    assert (refused.status_code, refused.json()["code"]) == (503, "starting")
    assert "retry-after" in refused.headers


def test_bootstrap_says_where_to_begin(tmp_path: Path):
    async def scenario(it):
        async with it.client("terminal") as client:
            return (await client.get("/v1/bootstrap")).json()

    body = run(scenario, tmp_path)
    assert body["stream_url"] == "ws://desk.example:8461/v1/stream"
    assert body["subprotocols"] == ["allpoints.v1.msgpack", "allpoints.v1.json"]
    assert body["alert_types"]["robbery"]["zh"] == "抢劫、抢夺"


def test_the_language_is_asked_for_accepted_or_the_city_s_first(tmp_path: Path):
    async def scenario(it):
        async with it.client() as client:
            heads = []
            for number, (query, header) in enumerate([("en", ""), (None, "en-GB,en;q=0.8"), (None, "")]):
                answer = await client.post(
                    "/v1/alerts",
                    params={"lang": query} if query else {},
                    headers={"Accept-Language": header},
                    json=alert(str(number)),
                )
                heads.append(answer.json()["recommendations"][0]["said"][0][:2])
            return heads

    assert run(scenario, tmp_path) == ["Wa", "Wa", "需要"]
