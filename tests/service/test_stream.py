"""The stream with a real server on loopback: from alert to order, what bad input is answered, who gets which mail."""

import json
from contextlib import suppress

import msgpack
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.core.plain_ports import VolatileJournal
from engine.service.cycle import CycleLimits
from engine.service.virtual_clock import VirtualClock
from engine.terminal import ClientEnded
from engine.wire.closing import ClosingCode
from engine.wire.codec import JSON, MSGPACK, SUBPROTOCOLS
from engine.wire.limits import Limits
from engine.wire.messages import Ack, Heartbeat, Hello
from engine.wire.server_messages import Item, Refused, Snapshot, Superseded, Taken, Welcome
from tests.support.cities import NOW, place
from tests.support.recording import FailingJournal
from tests.support.streams import CODEC, closed, hear, play, report, running, say, until

# From an alert to its order.


def test_an_alert_becomes_an_order_on_the_nearest_units_terminal():
    async def scene():
        async with (
            running(trace=True) as server,
            server.client("terminal:near") as near,
            server.client("terminal:far", codec=JSON) as far,
            server.client("integration:cad", codec=JSON) as cad,
        ):
            for client in (near, far, cad):
                await client.connected()
            taken = await cad.report(report(1))
            assert isinstance(taken, Taken)
            assert taken.ref == "1"
            assert taken.refs["orders"] == ["grid-order-1"]
            assert taken.trace.commit_us >= 0
            item = await near.next_item()
            assert (item.seq, item.kind, item.order.id, item.order.recipient) == (1, "order", "grid-order-1", "near")
            assert (item.order.text, item.order.address, item.order.caller) == ("a man with a knife", "No. 1", "Wang")
            assert item.order.eta_ms > 0
            assert item.order.route
            assert item.trace.committed_ns > 0
            for word in ("accept", "en_route", "on_scene", "report", "clear"):
                answered = await near.answer(item.order, word)
                assert isinstance(answered, Taken), answered
            again = await cad.report(report(1))
            assert again.duplicate
            assert again.refs == taken.refs
            assert far.applied_seq == 0

    play(scene())


def test_both_formats_carry_it_to_other_peoples_libraries():
    async def scene():
        async with running() as server:
            for codec, load, dump in (
                (MSGPACK, msgpack.unpackb, msgpack.packb),
                (JSON, json.loads, json.dumps),
            ):
                async with connect(server.url, subprotocols=[codec], proxy=None) as socket:
                    await socket.send(dump({"message": "hello", "token": "dispatcher:li"}))
                    frame = await socket.recv()
                    assert isinstance(frame, str) == (codec == JSON)
                    assert load(frame)["message"] == "welcome"
                    assert load(await socket.recv())["message"] == "snapshot"
                    lon, lat = place(0, 0)
                    said = {"message": "alert", "source": "me", "source_ref": codec, "type": "robbery"}
                    needs = [{"capability": "patrol"}]
                    await socket.send(dump({**said, "lon": lon, "lat": lat, "at": NOW, "needs": needs}))
                    while (taken := load(await socket.recv()))["message"] == "item":  # what the desk is told of it
                        pass
                    assert (taken["message"], taken["ref"]) == ("taken", codec)

    play(scene())


def test_an_order_that_has_ended_shows_no_names():
    async def scene():
        async with running() as server:
            async with server.client("terminal:near") as near, server.client("dispatcher:li") as desk:
                await near.connected()
                await desk.report(report(1))
                item = await near.next_item()
                assert item.order.caller == "Wang"
                await near.answer(item.order, "refuse", reason="flat tyre")
            # A fresh device has no number: it is sent what is open, which is nothing.
            fresh = await server.socket("terminal:near", device="fresh")
            assert isinstance(await hear(fresh), Welcome)
            assert await hear(fresh) == Snapshot(seq=1)
            # Whoever resumes from the start is sent the order as it stands now.
            log_id = server.engine.journal.log_id
            old = await server.socket("terminal:near", device="old", log_id=log_id, applied_seq=0)
            assert (await hear(old)).resumed
            item = await hear(old)
            assert (item.order.state, item.order.text, item.order.caller) == ("refused", "", "")
            # Who has it now sees them.
            async with server.client("terminal:far") as far:
                assert (await far.next_item()).order.caller == "Wang"

    play(scene())


def test_the_desk_hears_of_what_nobody_answers_and_records_the_radio():
    async def scene():
        clock = VirtualClock(NOW)
        async with (
            running(clock=clock) as server,
            server.client("dispatcher:li") as desk,
            server.client("integration:driver") as driver,
        ):
            await desk.connected()
            await driver.connected()
            taken = await driver.report(report(1))
            assert (await driver.set_clock(NOW + 60_000)).ref
            notice = await desk.next_item()
            assert (notice.kind, notice.code, notice.order.id) == ("notice", "not_delivered", taken.refs["orders"][0])
            assert notice.order.caller == ""
            answered = await desk.answer(notice.order, "accept", said_at=NOW + 50_000)
            assert isinstance(answered, Taken)
            advanced = [event for event in server.engine.journal.read() if event.kind == "order_advanced"]
            assert (advanced[-1].body.via, advanced[-1].actor) == ("radio", "user:li")
            back = await driver.set_clock(NOW)
            assert (back.code, back.field) == ("out_of_range", "now")

    play(scene())


def test_an_office_has_a_mailbox_of_its_own_and_one_that_no_card_knows_is_not_let_in():
    async def scene():
        async with running() as server, server.client("office:verify_by_analyst") as analyst:
            async with server.client("integration:cad") as cad:
                await cad.report(report(1, type="wanted_sighting"))
            notice = await analyst.next_item()
            assert (notice.kind, notice.code, notice.values["by"]) == ("notice", "approval_wanted", "verify_by_analyst")
            assert (notice.order.caller, notice.order.text) == ("", "")
            assert (await closed(await server.socket("office:nobody")))[0] == ClosingCode.DENIED

    play(scene())


def test_a_stale_answer_is_superseded():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("dispatcher:li") as desk:
            await desk.connected()
            await desk.report(report(1))
            order = (await near.next_item()).order
            stale = type(order)(**{name: getattr(order, name) for name in order.__struct_fields__} | {"version": 7})
            answered = await near.answer(stale, "accept", key="k")
            assert answered == Superseded(ref="k", order=order.id, version=1, state=answered.state)

    play(scene())


# Bad input.


def fixed(**more):
    return msgpack.packb({"message": "positions", "fixes": [{"lon": 113.0, "lat": 36.5, "at": NOW, **more}]})


BAD = [
    (b"\xc1", "malformed", "frame"),
    (b"\x91" * 30, "too_deep", "frame"),
    (msgpack.packb({"message": "dance"}), "unknown_message", "message"),
    (fixed(lon=float("nan")), "out_of_range", "fixes[0].lon"),
    (fixed(lon=36.5, lat=113.0), "out_of_range", "fixes[0].lat"),
    (fixed(lon=0.0, lat=0.0), "off_road", "fixes[0].lon,fixes[0].lat"),
    (fixed(at=NOW + 3_600_000), "clock_ahead", "fixes[0].at"),
    (msgpack.packb({"message": "status", "key": 5, "status": "busy"}), "wrong_type", "key"),
    (CODEC.encode(Hello(token="x")), "out_of_turn", "message"),
    (CODEC.encode(report(9, lon=36.5, lat=66.0)), "off_road", "lon,lat"),
    (CODEC.encode(report(9, type="nonsense")), "unknown_type", "type"),
    (CODEC.encode(report(9, at=NOW + 3_600_000)), "clock_ahead", "at"),
]


def test_bad_input_is_answered_by_name_and_the_server_stays_up():
    async def scene():
        async with running() as server:
            socket = await server.socket("terminal:near")
            await hear(socket)
            await hear(socket)
            for frame, code, field in BAD:
                await socket.send(frame)
                refused = await hear(socket)
                assert isinstance(refused, Refused)
                assert (refused.code, refused.field) == (code, field), refused
                assert refused.limit
            await say(socket, report(1))
            assert isinstance(await hear(socket), (Taken, Item))
            assert server.stream.counts["refused_off_road"] == 2

    play(scene())


def test_a_message_of_ten_megabytes_closes_with_its_code():
    async def scene():
        async with running() as server:
            socket = await server.socket("terminal:near")
            with suppress(ConnectionClosed):
                await socket.send(b"\x00" * 10_000_000)
            code, reason, _ = await closed(socket)
            assert code == ClosingCode.TOO_BIG
            assert "65536" in reason
            async with server.client("terminal:near") as again:
                assert (await again.connected()).recipient == "near"

    play(scene())


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        ("nobody", ClosingCode.DENIED, "unknown_credential"),
        ("terminal:ghost", ClosingCode.DENIED, "unknown_recipient"),
    ],
)
def test_who_is_not_known_is_not_let_in(token, code, reason):
    async def scene():
        async with running() as server:
            socket = await server.socket(token)
            assert await closed(socket) == (code, reason, [])
            with pytest.raises(ClientEnded, match=reason):
                async with server.client(token) as client:
                    await client.connected()

    play(scene())


def test_the_first_message_is_a_greeting_in_time():
    async def scene():
        async with running(limits=Limits(hello_ms=50)) as server:
            late = await server.socket()
            code, reason, _ = await closed(late)
            assert (code, reason) == (ClosingCode.GREETING_LATE, "no hello within 50 ms")
        async with running() as server:
            early = await server.socket()
            await say(early, Heartbeat())
            code, _, said = await closed(early)
            assert code == ClosingCode.GREETING_WRONG
            assert said[0].code == "out_of_turn"
            large = await server.socket()
            await large.send(CODEC.encode(Hello(token="t" * 2_048)) + b"\x00" * 4_000)
            code, reason, _ = await closed(large)
            assert (code, reason) == (ClosingCode.GREETING_WRONG, "too_big: frame")

    play(scene())


def test_what_is_not_the_stream_is_refused_before_it_begins():
    async def scene():
        async with running(limits=Limits(connections=1)) as server:
            for url, more, status in (
                (server.url, {}, 400),
                (server.url, {"subprotocols": ["allpoints.v9.xml"]}, 400),
                (server.url, {"subprotocols": [MSGPACK], "origin": "https://elsewhere.example"}, 403),
                (server.url.replace("/v1/stream", "/v2"), {"subprotocols": [MSGPACK]}, 404),
            ):
                with pytest.raises(InvalidStatus) as caught:
                    await connect(url, proxy=None, **more)
                assert caught.value.response.status_code == status
            first = await server.socket("terminal:near")
            await hear(first)
            with pytest.raises(InvalidStatus) as caught:
                await server.socket()
            assert caught.value.response.status_code == 503

    play(scene())


def test_all_subprotocols_are_offered():
    assert set(SUBPROTOCOLS) == {MSGPACK, JSON}


# Sessions and receipts.


def test_a_new_session_of_a_device_ends_the_old_one_and_other_devices_stay():
    async def scene():
        async with running() as server:
            first = await server.socket("terminal:near", device="a")
            other = await server.socket("terminal:near", device="b")
            for socket in (first, other):
                await hear(socket)
                await hear(socket)
            second = await server.socket("terminal:near", device="a")
            await hear(second)
            await hear(second)
            code, _, _ = await closed(first)
            assert code == ClosingCode.REPLACED
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            assert (await hear(second)).seq == (await hear(other)).seq == 1
            assert server.stream.counts["replaced"] == 1

    play(scene())


def test_delivered_means_that_the_first_device_has_it():
    async def scene():
        async with running() as server:
            first = await server.socket("terminal:near", device="a")
            second = await server.socket("terminal:near", device="b")
            for socket in (first, second):
                await hear(socket)
                await hear(socket)
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            await hear(first)
            await hear(second)
            box = server.engine.state.mailbox("near")
            assert box.delivered_seq == 0
            await say(second, Ack(seq=1))
            await until(lambda: box.devices["b"] == 1)
            assert box.delivered_seq == 1
            assert server.engine.state.orders["grid-order-1"].state == "delivered"
            await say(first, Ack(seq=1))
            await until(lambda: box.devices == {"a": 1, "b": 1})

    play(scene())


def test_who_is_revoked_loses_the_session_within_a_second():
    async def scene():
        async with running() as server:
            socket = await server.socket("terminal:near")
            await hear(socket)
            server.door.revoked.add("terminal:near")
            code, reason, _ = await closed(socket)
            assert (code, reason) == (ClosingCode.DENIED, "revoked")

    play(scene())


# A journal that fails.


def test_nothing_is_taken_while_nothing_can_be_stored_and_clients_try_again():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        async with (
            running(journal=journal, limits=Limits(), cycle_limits=CycleLimits(retry_ms=1)) as server,
            server.client("integration:cad") as cad,
            server.client("terminal:near") as near,
        ):
            await near.connected()
            await cad.connected()
            journal.fail_next(3)
            taken = await cad.report(report(1))
            assert isinstance(taken, Taken)
            assert not taken.duplicate
            assert journal.refused == 3
            assert (await near.next_item()).seq == 1
            assert server.stream.counts["refused_not_stored"] >= 3

    play(scene())


def test_a_server_that_stops_says_so():
    async def scene():
        async with running() as server:
            socket = await server.socket("terminal:near")
            await hear(socket)
            await hear(socket)
            await server.stream.stop()
            code, reason, _ = await closed(socket)
            assert (code, reason) == (ClosingCode.GOING_AWAY, "the server stops")

    play(scene())


def test_a_greeting_that_outlived_its_connection_ends_no_living_session():
    """Its client gave the connection up and is connected anew; what it had sent arrives all the same, and late."""

    async def scene():
        async with running() as server:
            ghost = await server.socket()
            ghost.transport.pause_reading()  # nobody is there any more: nothing that is said to it is answered
            async with server.client("terminal:near") as near:
                await near.connected()
                await say(ghost, Hello(token="terminal:near"))
                await until(lambda: server.stream._greetings == 2)
                async with server.client("dispatcher:li") as desk:
                    await desk.report(report(1))
                assert (await near.next_item()).seq == 1
                assert near.ended is None
                assert server.stream.counts["replaced"] == 0
            ghost.transport.abort()
            await ghost.wait_closed()

    play(scene())


def test_one_credential_has_only_so_many_connections_and_others_are_let_in():
    async def scene():
        async with running(limits=Limits(connections_per_credential=2)) as server:
            held = [await server.socket("terminal:near", device=name) for name in ("a", "b")]
            for socket in held:
                await hear(socket)
            code, reason, _ = await closed(await server.socket("terminal:near", device="c"))
            assert (code, reason) == (ClosingCode.CROWDED, "2 of this credential are open")
            assert server.stream.counts["refused_crowded"] == 1
            async with server.client("terminal:far") as far:
                assert (await far.connected()).recipient == "far"
            await held[0].close()
            async with server.client("terminal:near", device="c") as near:
                assert (await near.connected()).recipient == "near"

    play(scene())
