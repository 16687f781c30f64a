"""What each message means, by who says it: everybody speaks for themselves alone."""

import msgpack
import msgspec
import pytest

from engine import DecideStep
from engine.wire.messages import Fix, Heartbeat, Positions
from engine.wire.order_messages import NamedUnit
from engine.wire.server_messages import Superseded, Taken
from tests.support.cards import county_with
from tests.support.cities import NOW, place, station, unit
from tests.support.streams import hear, play, report, running, say, until

FIX = {"lon": 113.0, "lat": 36.5, "at": NOW}
STATUS = {"message": "status", "key": "k", "status": "busy"}
ANSWER = {"message": "answer", "key": "k", "order": "x", "version": 1, "answer": "accept"}
POSITIONS = {"message": "positions", "fixes": [FIX]}
CLOCK = {"message": "clock", "key": "k", "now": NOW}
ALERT = {"message": "alert", "source": "s", "source_ref": "k", "type": "robbery", **FIX}


@pytest.mark.parametrize(
    ("token", "content", "code", "field"),
    [
        ("terminal:near", {**STATUS, "unit": "far"}, "not_yours", "unit"),
        ("station:near", STATUS, "not_allowed", "message"),
        ("observer:o", ANSWER, "not_allowed", "message"),
        ("observer:o", {"message": "ack", "seq": 0}, "", ""),
        ("observer:o", {"message": "ack", "seq": 1}, "out_of_range", "seq"),
        ("observer:o", POSITIONS, "not_allowed", "message"),
        ("terminal:near", CLOCK, "not_allowed", "message"),
        ("integration:i", CLOCK, "not_allowed", "message"),
        ("terminal:near", {**POSITIONS, "fixes": [{**FIX, "unit": "far"}]}, "not_yours", "fixes[0].unit"),
        ("dispatcher:li", {**STATUS, "unit": "ghost"}, "unknown_unit", "unit"),
        ("dispatcher:li", ANSWER, "unknown_order", "order"),
        ("observer:o", ALERT, "not_allowed", "message"),
    ],
)
def test_each_speaks_for_itself_alone(token, content, code, field):
    async def scene():
        async with running() as server:
            socket = await server.socket(token)
            welcome = await hear(socket)
            if welcome.recipient:
                await hear(socket)
            await socket.send(msgpack.packb(content))
            await say(socket, Heartbeat())
            if code:
                refused = await hear(socket)
                assert (refused.code, refused.field) == (code, field)
                assert refused.limit
                assert refused.ref == content.get("key", content.get("source_ref", ""))

    play(scene())


def test_a_unit_answers_its_own_orders_only():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("terminal:far") as far:
            await far.connected()
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            order = (await near.next_item()).order
            answered = await far.answer(order, "accept")
            assert (answered.code, answered.field, answered.limit) == ("not_yours", "order", "an order to far")

    play(scene())


def test_units_that_number_their_answers_alike_do_not_silence_each_other():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("terminal:far") as far:
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
                await cad.report(report(2))
            first, second = await near.next_item(), await far.next_item()
            assert not (await near.answer(first.order, "accept", key="1")).duplicate
            assert not (await far.answer(second.order, "accept", key="1")).duplicate
            assert (await far.answer(second.order, "accept", key="1")).duplicate

    play(scene())


def test_positions_reach_the_fleet_and_the_newest_counts():
    async def scene():
        async with running() as server, server.client("terminal:near") as near:
            await near.connected()
            lon, lat = place(3, 3)
            near.position(Fix(lon=lon, lat=lat, at=NOW))
            row = server.engine.fleet.index("near")
            await until(lambda: abs(server.engine.fleet.lon[row] - lon) < 1e-9)
            near.position(Fix(lon=0.0, lat=0.0, at=NOW))
            await until(lambda: near.last_refused)
            assert near.last_refused.code == "off_road"

    play(scene())


def test_many_positions_in_one_message_are_refused_one_by_one():
    async def scene():
        async with running() as server:
            socket = await server.socket("terminal:near")
            await hear(socket)
            await hear(socket)
            lon, lat = place(3, 3)
            good, bad = Fix(lon=lon, lat=lat, at=NOW), Fix(lon=lon, lat=lat, at=NOW, unit="far")
            await say(socket, Positions(fixes=(good, bad, good)))
            refused = await hear(socket)
            assert (refused.code, refused.field) == ("not_yours", "fixes[1].unit")

    play(scene())


async def ordered(client):
    """Return the next order; a station is told of what happens in its area, too."""
    while (item := await client.next_item()).kind != "order":
        pass
    return item.order


def test_a_station_names_who_goes_and_its_unit_asks_for_more_and_gives_back(tmp_path):
    cards = county_with(tmp_path, robbery='dispatch = "station"')
    units = (unit("W1", 1, 0, station="west"), unit("W2", 2, 0, station="west"), unit("E1", 5, 4, station="east"))
    stations = (station("west", 0, 0), station("east", 5, 4))

    async def scene():
        async with (
            running(*units, stations=stations, run_cards=cards) as server,
            server.client("station:west") as west,
            server.client("terminal:W1") as patrol,
            server.client("station:east") as east,
        ):
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            order = await ordered(west)
            refused = await east.assign(order)
            assert (refused.code, refused.limit) == ("not_yours", "an order to east")
            assert (await west.assign(order, [NamedUnit("E1")])).code == "not_yours"
            named = await west.assign(order, [NamedUnit("W1", officers=("0101",))], reason="knows_place")
            assert named.refs == {"state": "accepted"}
            mine = await ordered(patrol)
            assert (await patrol.ask(mine, "backup")).code == "wrong_state"
            assert (await patrol.answer(mine, "accept")).refs == {"state": "accepted"}
            assert isinstance(await patrol.ask(mine, "support", "analyst", text="who is it?"), Taken)
            assert isinstance(await patrol.ask(mine, "backup", count=2), Taken)
            assert server.engine.state.claims.keys() == {"W1", "W2", "E1"}
            asked = await patrol.answer(mine, "refuse", reason="flat tyre")
            assert asked.refs == {"state": "accepted"}
            assert (await patrol.give_back(mine, "flat tyre", text="hurt")).code == "asked_already"
            old = msgspec.structs.replace(mine, version=0)
            assert isinstance(await patrol.give_back(old, "flat tyre"), Superseded)

    play(scene())


def test_a_dispatcher_says_it_for_whom_it_hears_by_radio():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("dispatcher:li") as desk:
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            order = (await near.next_item()).order
            await desk.answer(order, "accept")
            assert isinstance(await desk.give_back(order, "flat tyre"), Taken)
            step = list(server.engine.state.steps.values())[-1]
            assert (step.step, step.requested_by) == ("return_order", "user:li")

    play(scene())


def test_an_order_that_is_given_back_is_open_until_another_has_accepted():
    async def scene():
        async with running() as server, server.client("terminal:near") as near, server.client("terminal:far") as far:
            async with server.client("integration:cad") as cad:
                await cad.report(report(1))
            order = (await near.next_item()).order
            await near.answer(order, "accept")
            await near.answer(order, "refuse", reason="flat tyre")
            step = list(server.engine.state.steps.values())[-1]
            await server.cycle.submit(DecideStep(actor="user:li", step=step.id, granted=True))
            assert (await near.next_item()).code == "return_granted"
            theirs = (await far.next_item()).order
            assert list(near.open_orders) == [order.id]
            await far.answer(theirs, "accept")
            over = await near.next_item()
            assert (over.kind, over.code, over.order.id) == ("cancellation", "handed_over", order.id)
            near.status("available")
            await until(lambda: not near.unanswered)
            assert server.engine.state.claims.keys() == {"far"}

    play(scene())
