"""A connection that is kept alive, falls silent, or is read too slowly: it may end, its mailbox loses nothing."""

import socket as socket_module
from itertools import count

from websockets.asyncio.client import connect

from engine.model.commands import EndIncident
from engine.service.order_views import view_order
from engine.wire.closing import ClosingCode
from engine.wire.codec import MSGPACK
from engine.wire.limits import Limits
from engine.wire.messages import Heartbeat, Hello
from engine.wire.server_messages import Taken
from tests.support.cities import unit
from tests.support.streams import closed, hear, play, report, running, say, until


def test_heartbeats_come_and_silence_ends():
    async def scene():
        async with running(limits=Limits(heartbeat_ms=20, silence_ms=80)) as server:
            socket = await server.socket("terminal:near")
            code, _, said = await closed(socket)
            assert code == ClosingCode.SILENT
            assert said[-1] == Heartbeat()

    play(scene())


async def mail_to_near(server, desk, ref):
    """Have `near` ordered once more, refuse for it, and end the incident."""
    taken = await desk.report(report(ref))
    order = view_order(server.engine, server.engine.state.orders[taken.refs["orders"][0]], "desk")
    assert isinstance(await desk.answer(order, "refuse", reason="busy"), Taken)
    await server.cycle.submit(EndIncident(actor="x", incident=taken.refs["incident"], state="cancelled"))


def test_a_slow_reader_loses_its_connection_and_never_its_mail():
    async def scene():
        async with running(unit("near", 1, 0), limits=Limits(outgoing_bytes=2_000)) as server:
            # Small buffers in the system, so that what is not read soon waits in the server.
            line = socket_module.create_connection(("127.0.0.1", server.port))
            line.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 2_048)
            line.setblocking(False)
            socket = await connect(server.url, sock=line, subprotocols=[MSGPACK], ping_interval=None)
            await say(socket, Hello(token="terminal:near"))
            await hear(socket)
            (connection,) = server.stream._present.everybody
            theirs = connection.socket.transport.get_extra_info("socket")
            theirs.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_SNDBUF, 2_048)
            socket.transport.pause_reading()
            async with server.client("dispatcher:li") as desk:
                for ref in count():
                    await mail_to_near(server, desk, ref)
                    if connection.is_slow:
                        break
                await until(lambda: server.stream.counts["slow"])
                last = server.engine.state.mailbox("near").last_seq
            async with server.client("terminal:near", device="other") as client:
                assert (await client.connected()).next_seq == last + 1
            socket.transport.abort()
            await socket.wait_closed()

    play(scene())


def test_a_long_mailbox_is_resent_piece_by_piece_while_new_mail_arrives():
    async def scene():
        async with running(unit("near", 1, 0)) as server:
            log_id = server.engine.journal.log_id
            async with server.client("integration:cad") as cad, server.client("dispatcher:li") as desk:
                await desk.connected()
                for ref in range(100):
                    taken = await cad.report(report(ref))
                    order = view_order(server.engine, server.engine.state.orders[taken.refs["orders"][0]], "desk")
                    await desk.answer(order, "refuse", reason="busy")
                    await server.cycle.submit(
                        EndIncident(actor="x", incident=taken.refs["incident"], state="cancelled")
                    )
                last = server.engine.state.mailbox("near").last_seq
                assert last >= 100
                old = await server.socket("terminal:near", log_id=log_id, applied_seq=1)
                assert (await hear(old)).next_seq == 2
                await cad.report(report("new"))
                seqs = [(await hear(old)).seq for _ in range(last)]
                assert seqs == list(range(2, last + 2))

    play(scene())
