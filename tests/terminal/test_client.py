"""The client against a real server that is cut off, restarted and refused: once in effect, whatever happens."""

import asyncio

import pytest

from engine.core.plain_ports import VolatileJournal
from engine.model.commands import EndIncident
from engine.model.lifecycle import UnitStatus
from engine.service.cycle import CycleLimits
from engine.terminal import Client, ClientEnded
from engine.wire.closing import ClosingCode
from engine.wire.codec import JSON
from engine.wire.messages import Fix
from engine.wire.server_messages import Refused, Taken
from tests.support.cities import NOW, place, unit
from tests.support.streams import QUICK, play, report, running, until


def advanced(journal, to):
    return [e for e in journal.read() if e.kind == "order_advanced" and e.body.to == to]


async def cut(client):
    """Break the client's connection without a word."""
    client._line.drop()
    await until(lambda: client.welcome is None)


def test_an_item_is_acknowledged_when_the_next_one_is_asked_for():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("integration:cad") as cad:
            await cad.report(report(1))
            box = server.engine.state.mailbox
            async for item in near:
                assert item.order.recipient == "near"
                assert (near.applied_seq, box("near").delivered_seq) == (0, 0)
                break
            asked = asyncio.ensure_future(near.next_item())
            await until(lambda: box("near").delivered_seq == 1)
            assert near.applied_seq == 1
            await near.close()
            assert await asked is None

    play(scene())


def test_a_callback_is_awaited_for_each_item_in_order_and_then_acknowledged():
    async def scene():
        got, hold = [], asyncio.Event()

        async def on_order(item):
            got.append(item.seq)
            await hold.wait()

        async with (
            running(unit("near", 0, 0)) as server,
            server.client("terminal:near", on_order=on_order) as near,
            server.client("dispatcher:li") as desk,
        ):
            await near.connected()
            await desk.report(report(1))
            await until(lambda: got == [1])
            assert server.engine.state.mailbox("near").delivered_seq == 0
            hold.set()
            await until(lambda: server.engine.state.mailbox("near").delivered_seq == 1)

    play(scene())


@pytest.mark.parametrize("codec", ["allpoints.v1.msgpack", JSON])
def test_a_cut_connection_is_made_again_and_nothing_is_missed_or_doubled(codec):
    async def scene():
        got = []

        async def on_order(item):
            got.append((item.seq, item.kind))

        async with (
            running(unit("near", 0, 0)) as server,
            server.client("integration:cad") as cad,
            server.client("terminal:near", codec=codec, on_order=on_order) as near,
        ):
            for ref in range(6):
                await near.connected()
                taken = await cad.report(report(ref))
                if ref % 2:
                    await cut(near)
                order = taken.refs["orders"][0]
                await until(lambda: got and got[-1][0] == server.engine.state.mailbox("near").last_seq)
                await near.connected()
                view = near._outbox.memory.open_orders[order]
                await near.answer(view, "refuse", reason="busy")
                # Nobody else can go: the need waits, and is dropped with its incident.
                incident = taken.refs["incident"]
                await server.cycle.submit(EndIncident(actor="user:li", incident=incident, state="cancelled"))
            assert [seq for seq, _ in got] == list(range(1, len(got) + 1))
            assert len(got) >= 6

    play(scene())


def test_an_answer_given_offline_arrives_later_once(tmp_path):
    path = tmp_path / "near.json"

    async def scene():
        journal = VolatileJournal()
        async with running(journal=journal) as server:
            port = server.port
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            async with server.client("terminal:near", state_path=path) as near:
                order = (await near.next_item()).order
        # The server is gone. The answer is kept, and so is the terminal's process only until here.
        client = Client(f"ws://127.0.0.1:{port}/v1/stream", "terminal:near", state_path=path, backoff_s=QUICK)
        async with client:
            said = client.answer(order, "accept", key="offline-1")
            for _ in range(20):
                await asyncio.sleep(0)
            assert not said.done()
        with pytest.raises(ClientEnded):
            await said
        # A new server over the same journal, a new process over the same file: it goes out by itself.
        async with running(journal=journal, port=port) as server:
            async with server.client("terminal:near", state_path=path) as near:
                await until(lambda: not near.unanswered)
                again = await near.answer(order, "accept", key="offline-1")
                assert again.duplicate
            assert len(advanced(journal, "accepted")) == 1

    play(scene())


def test_an_answer_whose_taken_was_lost_takes_effect_once(tmp_path):
    async def scene():
        async with (
            running() as server,
            server.client("integration:cad") as cad,
            server.client("terminal:near", state_path=tmp_path / "near.json") as near,
        ):
            await cad.report(report(1))
            order = (await near.next_item()).order
            said = near.answer(order, "accept")
            await until(lambda: advanced(server.engine.journal, "accepted"))
            if not said.done():
                await cut(near)
            answered = await said
            assert isinstance(answered, Taken)
            assert len(advanced(server.engine.journal, "accepted")) == 1

    play(scene())


def test_a_restarted_server_goes_on_where_it_was():
    async def scene():
        journal, got = VolatileJournal(), []

        async def on_order(item):
            got.append((item.seq, item.order.id))

        units = (unit("near", 0, 0), unit("far", 5, 4))
        async with running(*units, journal=journal) as server:
            port = server.port
            near = server.client("terminal:near", on_order=on_order)
            await near.__aenter__()
            async with server.client("integration:cad") as cad:
                first = await cad.report(report(1))
            await until(lambda: got == [(1, "grid-order-1")])
        async with running(*units, journal=journal, port=port) as server:
            async with server.client("integration:cad") as cad:
                again = await cad.report(report(1))
                assert again.duplicate
                assert again.refs == first.refs
            welcome = await near.connected()
            assert (welcome.resumed, welcome.next_seq) == (True, 2)
            view = near._outbox.memory.open_orders["grid-order-1"]
            for word in ("accept", "on_scene", "clear"):
                assert isinstance(await near.answer(view, word), Taken)
            async with server.client("integration:cad") as cad:
                await cad.report(report(2))
            await until(lambda: got == [(1, "grid-order-1"), (2, "grid-order-2")])
        await near.close()

    play(scene())


def test_a_server_with_another_journal_sends_what_is_open_there():
    async def scene():
        got = []

        async def on_order(item):
            got.append((item.kind, item.code, item.order.incident))

        async with running() as server:
            port = server.port
            near = server.client("terminal:near", on_order=on_order)
            await near.__aenter__()
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            await until(lambda: len(got) == 1)
        async with running(port=port) as server:
            welcome = await near.connected()
            assert not welcome.resumed
            await until(lambda: len(got) == 2)
            assert got[1] == ("cancellation", "ended_elsewhere", "grid-incident-1")
        await near.close()

    play(scene())


def test_the_same_key_said_twice_is_one_thing_with_one_answer():
    async def scene():
        async with running() as server, server.client("integration:cad") as cad:
            first, second = cad.report(report(1)), cad.report(report(1))
            assert (await first) == (await second)
            assert len(server.engine.state.incidents) == 1

    play(scene())


def test_a_busy_server_is_asked_again():
    async def scene():
        limits = CycleLimits(waiting=1, retry_ms=1)
        async with running(cycle_limits=limits) as server, server.client("integration:cad") as cad:
            await cad.connected()
            answers = await asyncio.gather(*(cad.report(report(ref)) for ref in range(30)))
            assert all(isinstance(answer, Taken) for answer in answers)
            assert server.cycle.counts["busy"]
            assert len(server.engine.state.incidents) == 30

    play(scene())


def test_statuses_positions_and_refusals():
    async def scene():
        async with running() as server, server.client("terminal:near") as near:
            lon, lat = place(2, 2)
            near.position(Fix(lon=0.0, lat=0.0, at=NOW))  # not connected yet: replaced by the next
            near.position(Fix(lon=lon, lat=lat, at=NOW))
            assert isinstance(await near.status(UnitStatus.BUSY), Taken)
            row = server.engine.fleet.index("near")
            await until(lambda: abs(server.engine.fleet.lon[row] - lon) < 1e-9)
            refused = await near.status(UnitStatus.ASSIGNED)
            assert isinstance(refused, Refused)
            assert (refused.code, refused.field) == ("wrong_state", "status")
            assert near.unanswered == 0

    play(scene())


def test_a_replaced_client_ends_and_does_not_fight_for_its_place():
    async def scene():
        async with running() as server, server.client("terminal:near") as older:
            await older.connected()
            async with server.client("terminal:near") as newer:
                await newer.connected()
                with pytest.raises(ClientEnded) as caught:
                    await older.next_item()
                assert caught.value.code == ClosingCode.REPLACED
                with pytest.raises(ClientEnded):
                    await older.status(UnitStatus.BUSY)
                assert newer.welcome is not None

    play(scene())


def test_a_client_that_was_never_let_in_closes_cleanly():
    async def scene():
        client = Client("ws://127.0.0.1:9/v1/stream", "terminal:near", backoff_s=QUICK)
        async with client:
            waiting = asyncio.ensure_future(client.connected())
            await asyncio.sleep(0)
        with pytest.raises(ClientEnded):
            await waiting

    play(scene())
