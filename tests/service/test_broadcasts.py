"""One key to all: over HTTP in, over the stream out, and back who has read it."""

from engine.model.broadcasts import SendBroadcast
from engine.wire.server_messages import Taken
from tests.support.cities import unit
from tests.support.desk import desk
from tests.support.streams import play, running, until

SAID = {"key": "k", "text": "Fog on the ring road", "to": "all"}


def test_who_may_send_and_whom_it_has_reached(tmp_path):
    async def scene():
        async with (
            desk(tmp_path) as working,
            working.client() as li,
            working.client("observer") as other,
            working.client("duty_leader") as leader,
        ):
            assert (await other.post("/v1/broadcasts", json=SAID)).status_code == 403
            sent = await leader.post("/v1/broadcasts", json=SAID)
            assert sent.status_code == 201
            body = sent.json()
            assert (body["by"], body["text"]) == ("user:some duty_leader", SAID["text"])
            assert body["counts"] == {"mailed": 4}
            assert [each["recipient"] for each in body["reached"]] == ["S1", "P1", "P2", "D1"]
            assert (await leader.post("/v1/broadcasts", json=SAID)).status_code == 200
            (listed,) = (await li.get("/v1/broadcasts")).json()["broadcasts"]
            assert "reached" not in listed
            assert (await other.get("/v1/broadcasts")).status_code == 403
            assert (await li.get("/v1/broadcasts/x")).status_code == 404
            refused = (await li.post("/v1/broadcasts", json={**SAID, "key": "l", "area": "moon"})).json()
            assert (refused["code"], refused["field"]) == ("unknown_area", "area")

    play(scene())


def test_it_is_read_at_the_terminal_and_that_is_told_once():
    async def scene():
        async with running(unit("near", 1, 0), unit("far", 5, 4)) as server, server.client("terminal:near") as near:
            await near.connected()
            outcome = await server.cycle.submit(SendBroadcast(actor="user:li", key="k", text="Fog", to="units"))
            its = outcome.reply.broadcast
            item = await near.next_item()
            assert (item.code, item.values["broadcast"], item.values["text"]) == ("broadcast", its, "Fog")
            near._finish()
            await until(lambda: server.engine.state.mailbox("near").delivered_seq == 1)
            for _ in range(2):
                assert isinstance(await near.read(its), Taken)
            assert list(server.engine.state.broadcasts[its].read) == ["near"]
            refused = await near.read("grid-broadcast-9")
            assert refused.code == "unknown_broadcast"

    play(scene())
