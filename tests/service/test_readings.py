"""What names people is read for a reason, on record before it is handed out; the auditor lists who read it and why."""

import json
from pathlib import Path

import pytest

from engine.journal.sqlite_journal import SqliteJournal
from engine.journal.vault import Vault
from engine.service.access import Access
from engine.service.order_views import view_order
from tests.support.cities import NOW, place
from tests.support.desk import desk
from tests.support.streams import play

LON, LAT = place(1, 1)
SAID = {"text": "Wang Wu has a knife", "caller": "Zhang San", "phone": "13800000000", "address": "No. 1"}
WHY = {"reason": "to call Zhang San back"}
CONFIDENTIAL = "sexual_assault"
"""A type whose run card keeps from everybody but the commander who called."""


def alert(ref="1", **more):
    needs = [{"capability": "patrol"}]
    return {"source_ref": ref, "type": "robbery", "lon": LON, "lat": LAT, "needs": needs, "details": SAID, **more}


def run(scene, tmp_path: Path, **more):
    async def whole():
        async with desk(tmp_path, **more) as it:
            return await scene(it)

    return play(whole())


async def reported(it, **more):
    async with it.client("integration") as source:
        return (await source.post("/v1/alerts", json=alert(**more))).headers["location"]


def test_an_incident_names_nobody_and_details_are_read_for_a_reason(tmp_path: Path):
    async def scene(it):
        path = await reported(it)
        async with it.client("dispatcher") as client:
            incident = await client.get(path)
            order = await client.get(f"/v1/orders/{incident.json()['orders'][0]['id']}")
            without = [
                await client.post(f"{path}/details", json=body) for body in ({}, {"reason": ""}, {"reason": " "})
            ]
            before = [event.kind for event in it.backend.cycle.engine.journal.read()]
            read = await client.post(f"{path}/details", json=WHY)
            (event,) = list(it.backend.cycle.engine.journal.read())[len(before) :]
        return incident, order, without, before, read, event

    incident, order, without, before, read, event = run(scene, tmp_path)
    for answer in (incident, order):
        assert answer.status_code == 200
        assert not any(word in answer.text for word in ("Zhang", "Wang", "1380", "No. 1"))
    assert [(answer.status_code, answer.json()["field"]) for answer in without] == [(422, "reason")] * 3
    assert "details_read" not in before
    assert read.json()["details"] == SAID
    assert read.headers["Cache-Control"] == "no-store"
    assert (event.kind, event.seq, event.actor) == ("details_read", read.json()["reading"], "user:some dispatcher")
    assert (event.body.id, event.body.key, event.body.role) == ("grid-incident-1", "grid-alert-1", "dispatcher")
    assert event.personal.text == WHY["reason"]


def test_what_cannot_be_put_on_record_is_not_handed_out(tmp_path: Path):
    async def scene(it):
        path = await reported(it)
        it.journal.fail_next(1)
        async with it.client("dispatcher") as client:
            return await client.post(f"{path}/details", json=WHY)

    answer = run(scene, tmp_path)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
    assert "Zhang" not in answer.text


def test_only_who_may_reads_details_and_only_the_auditor_lists_readings(tmp_path: Path):
    async def scene(it):
        path = await reported(it)
        found = {}
        for role in it.tokens:
            async with it.client(role) as client:
                answers = await client.post(f"{path}/details", json=WHY), await client.get("/v1/readings")
                found[role] = tuple(answer.status_code for answer in answers)
        return found

    found = run(scene, tmp_path)
    readers = {"call_taker", "dispatcher", "analyst", "shift_supervisor", "commander", "duty_leader"}
    assert {role for role, (details, _) in found.items() if details == 200} == readers
    assert {role for role, (_, listed) in found.items() if listed == 200} == {"auditor"}
    assert {status for pair in found.values() for status in pair} == {200, 403}


def test_the_auditor_sees_who_read_what_when_and_why_page_by_page(tmp_path: Path):
    async def scene(it):
        paths = [await reported(it, ref=str(number)) for number in range(3)]
        async with it.client("dispatcher") as reader, it.client("auditor") as auditor:
            for number in range(5):
                await reader.post(f"{paths[number % 3]}/details", json={"reason": f"why {number}"})
            first = (await auditor.get("/v1/readings", params={"limit": 3})).json()
            second = (await auditor.get("/v1/readings", params={"limit": 3, "before": first["next"]})).json()
            wrong = [
                (await auditor.get("/v1/readings", params=one)).json()["field"]
                for one in ({"limit": 0}, {"before": "x"})
            ]
            return first, second, wrong

    first, second, wrong = run(scene, tmp_path)
    listed = first["readings"] + second["readings"]
    assert [one["reason"] for one in listed] == [f"why {number}" for number in (4, 3, 2, 1, 0)]
    assert (listed[0]["what"], listed[0]["id"]) == ("incident", "grid-incident-2")
    assert {(one["actor"], one["role"], one["at"]) for one in listed} == {("user:some dispatcher", "dispatcher", NOW)}
    assert "next" not in second
    assert wrong == ["limit", "before"]


def test_who_is_looked_for_and_what_was_said_of_a_sighting_is_read_for_a_reason_too(tmp_path: Path):
    lookout = {"key": "k", "reference": "TJ-1", "list_class": "inform", "case_number": "A", "until": NOW + 3_600_000}
    seen = {"lookout": "TJ-1", "source_ref": "f1", "lon": LON, "lat": LAT, "confidence": 0.9, "text": "with Li Si"}

    async def scene(it):
        async with it.client("dispatcher") as desk_, it.client("auditor") as auditor:
            answers = [await desk_.post("/v1/lookouts", json={**lookout, "label": "Wang Wu", "text": "a scar"})]
            answers.append(await desk_.post("/v1/sightings", json=seen))
            answers += [await desk_.get(path) for path in ("/v1/lookouts", "/v1/sightings")]
            read = [
                (await desk_.post(path, json={"reason": f"why {number}"})).json()
                for number, path in enumerate(
                    ("/v1/lookouts/grid-lookout-1/details", "/v1/sightings/grid-sighting-1/details")
                )
            ]
            unknown = await desk_.post("/v1/lookouts/grid-lookout-9/details", json=WHY)
            listed = (await auditor.get("/v1/readings")).json()["readings"]
        return answers, read, unknown, listed

    answers, (subject, said), unknown, listed = run(scene, tmp_path)
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200]
    assert not any(name in answer.text for answer in answers for name in ("Wang Wu", "Li Si", "scar"))
    assert (subject["label"], subject["details"]) == ("Wang Wu", {"text": "a scar"})
    assert said["details"] == {"text": "with Li Si"}
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_lookout")
    assert [(one["what"], one["id"], one["reason"]) for one in listed] == [
        ("sighting", "grid-sighting-1", "why 1"),
        ("lookout", "grid-lookout-1", "why 0"),
    ]


def test_the_record_keeps_a_reading_encrypted_and_the_reason_goes_with_what_was_read(tmp_path: Path):
    vault = Vault(tmp_path / "keys.sqlite", bytes(32))
    journal = SqliteJournal(tmp_path / "journal.sqlite", vault)

    async def scene(it):
        path = await reported(it)
        async with it.client("dispatcher") as reader:
            await reader.post(f"{path}/details", json=WHY)

    try:
        run(scene, tmp_path, inner=journal)
        (opened,) = journal.readings(None, 10)
        assert opened.event.personal.text == WHY["reason"]
        assert journal.readings(opened.event.seq, 10) == []
        journal.settle()
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("journal*"))
        assert b"to call" not in raw
        journal.erase(opened.event.body.key, at=NOW)
        (erased,) = journal.readings(None, 10)
        assert erased.event.personal is None
        assert (erased.event.actor, erased.event.body.id) == ("user:some dispatcher", "grid-incident-1")
        assert journal.verify().ok
    finally:
        journal.close()
        vault.close()


def test_who_called_in_confidence_is_named_to_the_commander_alone(tmp_path: Path):
    async def scene(it):
        path = await reported(it, type=CONFIDENTIAL)
        found = {}
        for role in ("dispatcher", "commander"):
            async with it.client(role) as client:
                found[role] = (await client.post(f"{path}/details", json=WHY)).json()["details"]
        engine = it.backend.cycle.engine
        return found, [view_order(engine, order, order.recipient) for order in engine.state.orders.values()]

    found, orders = run(scene, tmp_path)
    assert found["commander"] == SAID
    assert found["dispatcher"] == {"text": SAID["text"], "address": SAID["address"]}
    assert orders
    assert {(order.caller, order.phone) for order in orders} == {("", "")}


def test_the_administrator_lists_and_revokes_credentials_and_nothing_of_a_secret_is_said(tmp_path: Path, caplog):
    async def scene(it):
        public = it.credentials["observer"].split("_")[1]
        async with it.client("administrator") as administrator, it.client("observer") as observer:
            listed = await administrator.get("/v1/credentials")
            assert (await observer.get("/v1/incidents")).status_code == 200
            revoked = await administrator.post(f"/v1/credentials/{public}/revoke")
            again = await administrator.post(f"/v1/credentials/{public}/revoke")
            unknown = await administrator.post("/v1/credentials/ffffffffffff/revoke")
            refused = await observer.get("/v1/incidents")
        return public, it.credentials, listed, revoked, again, unknown, refused

    public, credentials, listed, revoked, again, unknown, refused = run(scene, tmp_path)
    assert {one["role"] for one in listed.json()["credentials"]} == set(credentials)
    for credential in credentials.values():
        assert credential.split("_", 2)[2] not in listed.text
    assert revoked.json() == again.json()
    assert revoked.json()["revoked_at"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_credential")
    assert (refused.status_code, refused.json()["code"]) == (401, "revoked")
    (record,) = [each for each in caplog.records if each.getMessage() == "revoked"]
    assert (record.credential, record.by) == (public, credentials["administrator"].split("_")[1])
    with Access(tmp_path) as access:
        assert [row.id for row in access.credentials() if row.revoked_at is not None] == [public]


@pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"reason": 7}, {"why": "x"}])
def test_a_reason_that_is_none_is_refused_by_name(tmp_path: Path, body):
    async def scene(it):
        path = await reported(it)
        async with it.client("dispatcher") as client:
            return await client.post(f"{path}/details", json=body)

    answer = run(scene, tmp_path)
    assert answer.status_code in {400, 422}
    assert json.loads(answer.text)["limit"]
