"""What names people leaves a terminal: with each order that ends, at logging out, and when it is let in no more."""

import pytest

from engine.model.errors import Refusal
from engine.terminal import ClientEnded
from engine.terminal.outbox import Outbox
from engine.wire.server_messages import Taken
from tests.support.streams import play, report, running, until

NAMES = (b"Wang", b"a man with a knife", b"+86 138 0013 8000", b"No. 1")


def names_in(path):
    content = path.read_bytes()
    return [name for name in NAMES if name in content]


async def ordered(server, client, ref=1):
    async with server.client("integration:cad") as cad:
        await cad.report(report(ref))
    item = await client.next_item()
    while item.order is None:
        item = await client.next_item()
    return item.order


@pytest.mark.parametrize("ending", ["clear", "refuse", "cancelled"])
def test_an_order_that_ends_leaves_no_name_on_the_disk(tmp_path, ending):
    path = tmp_path / "near.json"

    async def scene():
        async with running() as server, server.client("terminal:near", state_path=path) as near:
            order = await ordered(server, near)
            assert order.caller == "Wang"
            near._finish()
            assert names_in(path) == list(NAMES)
            if ending == "clear":
                for answer in ("accept", "on_scene", "clear"):
                    await near.answer(order, answer, text="Wang was here" if answer == "clear" else "")
            elif ending == "refuse":
                await near.answer(order, "refuse", reason="far")
            else:
                async with server.client("dispatcher:li") as li:
                    await li.connected()
                    await li.answer(order, "refuse", reason="by radio")
                await near.next_item()
                near._finish()
            assert near.open_orders == {}
            assert names_in(path) == []

    play(scene())


def test_logging_out_leaves_nothing_and_asks_first_where_something_would_be_lost(tmp_path):
    path = tmp_path / "near.json"

    async def scene():
        async with running() as server:
            near = server.client("terminal:near", state_path=path)
            async with near:
                order = await ordered(server, near)
                near._finish()
                await server.stream.stop()
                near.answer(order, "accept", text="Wang is known to us")
                with pytest.raises(Refusal, match="unanswered"):
                    await near.log_out()
                assert names_in(path)
                await near.log_out(force=True)
            assert list(tmp_path.iterdir()) == []
            assert (near.open_orders, near.unanswered, near.applied_seq) == ({}, 0, 0)
            assert await near.next_item() is None

    play(scene())


def test_who_is_revoked_keeps_nothing(tmp_path):
    path = tmp_path / "near.json"

    async def scene():
        async with running() as server:
            near = server.client("terminal:near", state_path=path)
            async with near:
                order = await ordered(server, near)
                # One is being shown and one waits to be: neither comes back.
                async with server.client("integration:cad") as cad:
                    await cad.report(report(2))
                near._finish()
                server.door.revoked.add("terminal:near")
                await until(lambda: near.ended is not None)
                assert order.id not in near.open_orders
                with pytest.raises(ClientEnded, match="revoked"):
                    await near.next_item()
            assert list(tmp_path.iterdir()) == []

    play(scene())


@pytest.mark.parametrize("reason", ["too_many_attempts", "wrong_audience"])
def test_who_may_come_back_loses_nothing(tmp_path, reason):
    path = tmp_path / "near.json"

    async def scene():
        async with running() as server, server.client("terminal:near", state_path=path) as near:
            await ordered(server, near)
            near._finish()
            near._end(ClientEnded(4003, reason))
            assert names_in(path) == list(NAMES)

    play(scene())


def test_a_file_that_cannot_be_removed_is_empty(tmp_path, monkeypatch):
    path = tmp_path / "box.json"
    box = Outbox(path)
    box.add(report(1))
    assert names_in(path)

    def stuck(*_, **__):
        raise OSError("busy")

    monkeypatch.setattr("pathlib.Path.unlink", lambda self, missing_ok=False: None if missing_ok else stuck())
    with pytest.raises(OSError, match="busy"):
        box.wipe()
    assert names_in(path) == []
    box.save()
    assert len(Outbox(path)) == 0


def test_an_answer_that_was_taken_leaves_no_words(tmp_path):
    path = tmp_path / "near.json"

    async def scene():
        async with running() as server, server.client("terminal:near", state_path=path) as near:
            order = await ordered(server, near)
            said = near.answer(order, "accept", text="the knife is in the kitchen")
            assert b"kitchen" in path.read_bytes()
            assert isinstance(await said, Taken)
            assert b"kitchen" not in path.read_bytes()

    play(scene())
