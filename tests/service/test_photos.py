"""Photos over HTTP: by who has the order, whole, by their hash; read for a reason that is on record."""

import hashlib

from engine.core.forgetting import RETAIN_MS
from engine.journal.photos import erase_photos, media_of
from engine.model.commands import AnswerOrder, ReportAlert
from engine.model.entities import Need
from engine.model.events import DetailsRead
from engine.model.limits import MOST_PHOTO_BYTES
from engine.service import photo_http
from tests.support.cities import alert
from tests.support.desk import desk
from tests.support.streams import play

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a face" * 100
SHA256 = hashlib.sha256(PICTURE).hexdigest()


async def ordered(working, answer="accept"):
    given = alert(1, 1, 1, needs=(Need("patrol"),))
    reply = (await working.cycle.submit(ReportAlert(actor="x", alert=given))).reply
    (order,) = reply.orders
    said = AnswerOrder(actor="device:P1", key="a", order=order, version=1, answer=answer)
    assert (await working.cycle.submit(said)).reply.refusal is None
    return order


def test_a_photo_is_uploaded_once_named_in_a_report_and_read_for_a_reason(tmp_path):
    async def scene():
        async with (
            desk(tmp_path) as working,
            working.client("terminal") as car,
            working.client() as li,
            working.client("observer") as other,
        ):
            order = await ordered(working)
            where = f"/v1/orders/{order}/photos"
            assert (await car.put(f"{where}/{SHA256}", content=PICTURE)).status_code == 201
            assert (await car.put(f"{where}/{SHA256}", content=PICTURE)).status_code == 200
            (photo,) = (await other.get(where)).json()["photos"]
            assert (photo["sha256"], photo["size"], photo["media"]) == (SHA256, len(PICTURE), "image/png")
            for answer in ("on_scene", "report"):
                named = {"photos": (SHA256,), "result": "helped"} if answer == "report" else {}
                said = AnswerOrder(actor="device:P1", key=answer, order=order, version=1, answer=answer, **named)
                assert (await working.cycle.submit(said)).reply.refusal is None
            look = {"reason": "is it the man?"}
            assert (await other.post(f"{where}/{SHA256}/read", json=look)).status_code == 403
            assert (await li.post(f"{where}/{SHA256}/read", json={"reason": ""})).status_code == 422
            assert (await li.post(f"{where}/{'0' * 64}/read", json=look)).status_code == 404
            seen = await li.post(f"{where}/{SHA256}/read", json=look)
            assert (seen.status_code, seen.content, seen.headers["content-type"]) == (200, PICTURE, "image/png")
            assert seen.headers["cache-control"] == "no-store"
            events = list(working.cycle.engine.journal.read())
            (read,) = [event for event in events if isinstance(event.body, DetailsRead)]
            assert (read.actor, read.body.what, read.personal.text) == ("user:some dispatcher", "photo", look["reason"])
            async with working.client("auditor") as auditor:
                (listed,) = (await auditor.get("/v1/readings")).json()["readings"]
                assert listed["id"] == f"{order}/{SHA256}"

    play(scene())


def test_a_photo_of_an_order_that_has_left_the_state_is_found_by_the_record(tmp_path):
    async def scene():
        async with (
            desk(tmp_path) as working,
            working.client("terminal") as car,
            working.client() as li,
            working.client("observer") as other,
        ):
            engine = working.cycle.engine
            order = await ordered(working)
            where = f"/v1/orders/{order}/photos"
            assert (await car.put(f"{where}/{SHA256}", content=PICTURE)).status_code == 201
            for answer in ("on_scene", "clear"):
                said = AnswerOrder(actor="device:P1", key=answer, order=order, version=1, answer=answer)
                assert (await working.cycle.submit(said)).reply.refusal is None
            before = (await other.get(where)).json()
            engine.clock.time += 2 * RETAIN_MS
            await working.cycle.submit(ReportAlert(actor="x", alert=alert(2, 1, 1, at=engine.clock.now())))
            assert order not in engine.state.orders

            assert (await other.get(where)).json() == before
            look = {"reason": "the court asks"}
            assert (await other.post(f"{where}/{SHA256}/read", json=look)).status_code == 403
            assert (await li.post(f"{where}/{SHA256}/read", json={"reason": ""})).status_code == 422
            unknown = await li.post(f"{where}/{'0' * 64}/read", json=look)
            assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_photo")
            nobodys = await li.get("/v1/orders/x/photos")
            assert (nobodys.status_code, nobodys.json()["code"]) == (404, "unknown_order")
            late = await car.put(f"{where}/{SHA256}", content=PICTURE)
            assert (late.status_code, late.json()["code"]) == (404, "unknown_order")
            seen = await li.post(f"{where}/{SHA256}/read", json=look)
            assert (seen.status_code, seen.content, seen.headers["content-type"]) == (200, PICTURE, "image/png")

            working.backend.vault.erase(order, at=engine.clock.now())
            erase_photos(tmp_path, [order])
            gone = await li.post(f"{where}/{SHA256}/read", json=look)
            assert (gone.status_code, gone.json()["code"]) == (404, "erased")
            reads = [event.body for event in engine.journal.read() if isinstance(event.body, DetailsRead)]
            assert [(read.id, read.key) for read in reads] == [(f"{order}/{SHA256}", order)]

    play(scene())


def test_what_is_not_taken_is_refused_before_it_is_kept(tmp_path, monkeypatch):
    async def scene():
        async with desk(tmp_path) as working, working.client("terminal") as car, working.client("station") as station:
            order = await ordered(working)
            where = f"/v1/orders/{order}/photos"

            async def refused(client, path, content=PICTURE, **headers):
                answer = await client.put(path, content=content, headers=headers)
                return answer.status_code, answer.json()["code"]

            assert await refused(station, f"{where}/{SHA256}") == (403, "not_yours")
            assert await refused(car, f"{where}/{'0' * 64}") == (422, "wrong_hash")
            assert await refused(car, f"{where}/xyz") == (422, "bad_hash")
            assert await refused(car, f"/v1/orders/x/photos/{SHA256}") == (404, "unknown_order")
            assert await refused(car, f"{where}/{SHA256}", b"<svg>") == (422, "no_picture")
            assert await refused(car, f"{where}/{SHA256}", bytes(MOST_PHOTO_BYTES + 1)) == (413, "too_big")
            monkeypatch.setattr(photo_http, "MOST_AT_ONCE", 0)
            assert await refused(car, f"{where}/{SHA256}") == (503, "busy")
            assert (await car.get(where)).status_code == 403
            assert not (tmp_path / "photos").exists()
            assert media_of(PICTURE)

    play(scene())


def test_an_order_nobody_has_accepted_has_no_photos(tmp_path):
    async def scene():
        async with desk(tmp_path) as working, working.client("terminal") as car:
            given = alert(1, 1, 1, needs=(Need("patrol"),))
            (order,) = (await working.cycle.submit(ReportAlert(actor="x", alert=given))).reply.orders
            answer = await car.put(f"/v1/orders/{order}/photos/{SHA256}", content=PICTURE)
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")

    play(scene())


def test_the_results_and_templates_of_the_city_are_in_the_bootstrap(tmp_path):
    async def scene():
        async with desk(tmp_path) as working, working.client("terminal") as car:
            body = (await car.get("/v1/bootstrap")).json()
            assert body["results"]["mediated"]["zh"] == "现场调解"
            assert body["report_templates"]["dispute"]["result"] == "mediated"

    play(scene())
