"""A call for help over the stream and HTTP: nothing that waits, fails or floods goes before it."""

import asyncio

import pytest

from engine.core.plain_ports import VolatileJournal
from engine.model.lifecycle import UnitStatus
from engine.service.cycle import CycleLimits
from engine.service.urgent import MOST_TOLD, Press, Urgent
from engine.terminal import Client, ClientEnded, hurry
from engine.terminal.outbox import MOST_SAID, Outbox
from engine.wire.closing import ClosingCode
from engine.wire.codec import JSON, MSGPACK, Codec
from engine.wire.limits import Limits
from engine.wire.messages import Emergency, Fix, Positions, Status
from engine.wire.order_messages import AnswerOrder
from engine.wire.server_messages import Taken, Welcome
from tests.support.cities import NOW, place, unit
from tests.support.desk import desk
from tests.support.recording import FailingJournal
from tests.support.streams import closed, hear, play, report, running, say, until

UNITS = (unit("near", 1, 0, station="s1"), unit("far", 5, 4))


def test_a_press_is_taken_and_the_desk_is_told():
    async def scene():
        async with running(*UNITS) as server, server.client("dispatcher:li") as li:
            await li.connected()
            async with server.client("terminal:near") as near:
                lon, lat = place(3, 3)
                near.position(Fix(lon=lon, lat=lat, at=NOW))
                taken = await near.emergency()
                assert isinstance(taken, Taken)
                item = await li.next_item()
                while item.code != "emergency":
                    item = await li.next_item()
                assert item.values == {"unit": "near", "incident": taken.refs["incident"]}
                incident = server.engine.state.incidents[taken.refs["incident"]]
                assert (incident.lon, incident.lat) == pytest.approx((lon, lat))
                again = await near.emergency()
                assert again.refs == taken.refs

    play(scene())


@pytest.mark.parametrize(
    ("token", "said", "code"),
    [
        ("terminal:near", {"unit": "far"}, "not_yours"),
        ("observer:o", {"unit": "near"}, "not_allowed"),
        ("dispatcher:li", {"unit": "ghost"}, "unknown_unit"),
        ("dispatcher:li", {"unit": "near"}, ""),
        ("terminal:near", {"lon": 999.0, "lat": -999.0, "order": "no-such"}, ""),
    ],
)
def test_who_may_press_for_whom(token, said, code):
    async def scene():
        async with running(*UNITS) as server, server.client(token) as client:
            answered = await client._say(Emergency(key="k", **said))
            assert getattr(answered, "code", "") == code
            if not code:
                (its,) = server.engine.state.emergencies.values()
                assert its.unit == "near"

    play(scene())


def test_a_full_queue_holds_no_press_back():
    async def scene():
        async with (
            running(*UNITS, cycle_limits=CycleLimits(waiting=0)) as server,
            server.client("terminal:near") as near,
        ):
            near.status(UnitStatus.BUSY)
            assert isinstance(await near.emergency(), Taken)

    play(scene())


def test_a_press_that_cannot_be_stored_waits_and_is_the_first_that_is_tried_again():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        limits = CycleLimits(retry_ms=20)
        async with running(*UNITS, journal=journal, cycle_limits=limits) as server:
            async with server.client("terminal:near") as near:
                await near.connected()
                journal.fail_next(3)
                assert isinstance(await near.emergency(), Taken)
                assert journal.refused == 3
            assert server.cycle.counts["not_stored"] == 3

    play(scene())


def test_who_floods_is_slowed_down_and_still_heard_when_they_call_for_help():
    async def scene():
        limits = Limits(rate_per_s=1, burst=2, silence_ms=600_000)
        async with running(*UNITS, limits=limits) as server:
            socket = await server.socket("terminal:near")
            assert isinstance(await hear(socket), Welcome)
            await hear(socket)
            statuses = [
                Status(key=f"s{n}", status=UnitStatus.BUSY if n % 2 else UnitStatus.AVAILABLE) for n in range(50)
            ]
            for status in statuses:
                await say(socket, status)
            await say(socket, Emergency(key="help"))
            refs = []
            while "help" not in refs:
                answered = await hear(socket)
                refs.append(getattr(answered, "ref", ""))
            # The two that were allowed at once, perhaps one more; never the fifty.
            assert len([ref for ref in refs if ref.startswith("s")]) <= 3
            assert server.stream.counts["slowed_down"]
            # What was read ahead comes in its turn.
            known = [ref for ref in refs if ref.startswith("s")]
            assert (await hear(socket)).ref == f"s{len(known)}"
            await socket.close()

    play(scene())


@pytest.mark.parametrize("codec", [MSGPACK, JSON])
def test_only_a_small_frame_that_calls_for_help_is_one(codec):
    its, limits = Codec(codec), Limits()
    assert its.is_emergency(its.encode(Emergency(key="k", lon=1.0, lat=2.0)), limits)
    assert not its.is_emergency(its.encode(Status(key="emergency", status=UnitStatus.BUSY)), limits)
    assert not its.is_emergency(its.encode(Emergency(key="k", order="o" * 128, unit="u" * 128))[:-1], limits)
    assert not its.is_emergency(b"emergency", limits)
    assert not its.is_emergency(its.encode(Positions(fixes=(Fix(lon=1, lat=2, at=3, unit="emergency"),))), limits)


def test_a_press_is_the_first_that_is_said_on_a_new_connection(tmp_path):
    async def scene():
        heard = []
        async with running(*UNITS) as server:
            told = server.stream._hearing.hear

            def hear_it(connection, message):
                heard.append(message)
                told(connection, message)

            server.stream._hearing.hear = hear_it
            await server.stream.stop()
            client = server.client("terminal:near", state_path=tmp_path / "near.json")
            async with client:
                client.status(UnitStatus.BUSY)
                client.report(report(1, source="near"))
                pressed = client.emergency()
                assert client.emergency() is pressed
                kept = Outbox(tmp_path / "near.json")
                assert kept.emergency is not None
                assert isinstance(kept.ready()[0], Emergency)
                await server.stream.start("127.0.0.1", server.port)
                assert isinstance(await pressed, Taken)
            assert isinstance(heard[0], Emergency)

    play(scene())


def test_an_expired_token_of_a_device_calls_for_help_and_does_nothing_else(tmp_path):
    async def scene():
        async with running(*UNITS) as server:
            server.door.expired.add("terminal:near")
            client = server.client("terminal:near", state_path=tmp_path / "near.json")
            async with client:
                busy = client.status(UnitStatus.BUSY)
                near = client.emergency()
                assert isinstance(await near, Taken)
                with pytest.raises(ClientEnded, match="expired"):
                    await busy
            assert list(server.engine.state.emergencies) == ["near"]
            assert server.engine.state.unit_status["near"] is UnitStatus.AVAILABLE
            assert "near" not in server.engine.state.mailboxes
            # What was said besides is kept, and said once there is a token.
            server.door.expired.clear()
            async with server.client("terminal:near", state_path=tmp_path / "near.json") as again:
                await until(lambda: not again.unanswered)
            assert server.engine.state.unit_status["near"] is UnitStatus.BUSY

    play(scene())


@pytest.mark.parametrize(
    ("token", "emergency", "code"),
    [
        ("terminal:near", False, ClosingCode.TOKEN_SPENT),
        ("dispatcher:li", True, ClosingCode.TOKEN_SPENT),
        ("observer:o", True, ClosingCode.TOKEN_SPENT),
        ("ghost:x", True, ClosingCode.TOKEN_SPENT),
    ],
)
def test_an_expired_token_is_let_in_for_an_emergency_of_a_device_alone(token, emergency, code):
    async def scene():
        async with running(*UNITS) as server:
            server.door.expired.add(token)
            socket = await server.socket(token, emergency=emergency)
            assert (await closed(socket))[0] == code

    play(scene())


def test_a_revoked_token_calls_nobody_for_help():
    async def scene():
        async with running(*UNITS) as server:
            server.door.expired.add("terminal:near")
            server.door.revoked.add("terminal:near")
            socket = await server.socket("terminal:near", emergency=True)
            assert (await closed(socket))[0] == ClosingCode.DENIED
            assert not server.engine.state.emergencies

    play(scene())


def test_who_is_let_in_for_help_alone_is_heard_on_nothing_else():
    async def scene():
        async with running(*UNITS) as server:
            server.door.expired.add("terminal:near")
            first = await server.socket("terminal:near", emergency=True)
            welcome = await hear(first)
            assert (welcome.emergency_only, welcome.recipient) == (True, "")
            await say(first, Status(key="s", status=UnitStatus.BUSY))
            assert (await hear(first)).code == "not_allowed"
            await say(first, Emergency(key="k", unit="far"))
            assert (await hear(first)).code == "not_yours"
            # A newer one of the same device takes its place, so that there is never more than one.
            second = await server.socket("terminal:near", emergency=True)
            await hear(second)
            assert (await closed(first))[0] == ClosingCode.REPLACED
            await say(second, Emergency(key="k"))
            assert isinstance(await hear(second), Taken)
            assert (await closed(second))[0] == ClosingCode.TOKEN_SPENT

    play(scene())


def test_a_press_on_a_silent_line_is_said_again_on_another(monkeypatch):
    monkeypatch.setattr(hurry, "AGAIN_S", 0.05)

    async def scene():
        async with running(*UNITS) as server:
            reader = None

            async def swallow(source, writer):
                nonlocal reader
                reader = source
                reached, back = await asyncio.open_connection("127.0.0.1", server.port)
                first = swallow.count == 0
                swallow.count += 1

                async def pump(a, b, *, deaf):
                    while data := await a.read(65536):
                        if deaf and swallow.deaf:
                            continue
                        b.write(data)

                up = asyncio.create_task(pump(source, back, deaf=first))
                down = asyncio.create_task(pump(reached, writer, deaf=False))
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                for task in (up, down):
                    task.cancel()
                back.close()
                writer.close()

            swallow.count, swallow.deaf = 0, False
            relay = await asyncio.start_server(swallow, "127.0.0.1", 0)
            port = relay.sockets[0].getsockname()[1]
            async with (
                relay,
                Client(f"ws://127.0.0.1:{port}/v1/stream", "terminal:near", backoff_s=(30.0, 30.0)) as near,
            ):
                await near.connected()
                swallow.deaf = True
                assert isinstance(await near.emergency(), Taken)
                assert swallow.count >= 2
                assert len(server.engine.state.emergencies) == 1

    play(scene())


def test_an_outbox_that_is_full_or_cannot_be_written_keeps_no_press_back(tmp_path, monkeypatch):
    box = Outbox(tmp_path / "box.json")
    monkeypatch.setattr("engine.terminal.outbox.MOST_SAID", 1)
    box.add(AnswerOrder(key="a", order="o", version=1, answer="accept"))
    assert MOST_SAID > 1

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("engine.terminal.outbox.replace_private", full)
    box.add(Emergency(key="help"))
    assert [said.key for said in box.ready()] == ["help", "a"]
    assert box.emergency.key == "help"


def test_the_lane_has_one_place_for_each_unit():
    from engine.model.commands import PressEmergency

    lane, told = Urgent(), []
    for number in range(20):
        command = PressEmergency(actor="device:u1", key=f"k{number}", unit="u1")
        lane.add(command, lambda outcome, number=number: told.append(number))
    lane.add(PressEmergency(actor="device:u2", key="k", unit="u2"), told.append)
    (first, second) = lane.take()
    assert (len(lane), first.command.key, second.command.unit) == (0, "k0", "u2")
    lane.add(PressEmergency(actor="device:u3", key="k", unit="u3"), told.append)
    lane.put_back([first, second])
    assert [press.command.unit for press in lane.take()] == ["u1", "u2", "u3"]
    first(None)
    assert told == list(range(20 - MOST_TOLD, 20))
    assert isinstance(first, Press)


def test_the_desk_raises_lists_and_ends_emergencies(tmp_path):
    async def scene():
        async with (
            desk(tmp_path) as working,
            working.client() as li,
            working.client("terminal") as terminal,
            working.client("observer") as other,
        ):
            said = {"key": "k", "unit": "P1"}
            assert (await terminal.post("/v1/emergencies", json={**said, "unit": "P2"})).status_code == 403
            assert (await other.post("/v1/emergencies", json=said)).status_code == 403
            taken = await li.post("/v1/emergencies", json=said)
            assert taken.status_code == 201
            body = taken.json()
            (its,) = body["emergencies"]
            assert (its["unit"], its.get("presses", 1), its["by"]) == ("P1", 1, "user:some dispatcher")
            (again,) = (await terminal.post("/v1/emergencies", json={"key": "own"})).json()["emergencies"]
            assert again["presses"] == 2
            listed = (await other.get("/v1/emergencies")).json()["emergencies"]
            assert [its["unit"] for its in listed] == ["P1"]
            assert (await terminal.post("/v1/emergencies/P1/end", json={"reason": "x"})).status_code == 403
            assert (await li.post("/v1/emergencies/P1/end", json={"reason": ""})).status_code == 422
            ended = await li.post("/v1/emergencies/P1/end", json={"reason": "sat on it", "false_alarm": True})
            assert (ended.status_code, ended.json()) == (200, {"emergencies": []})
            assert (await li.post("/v1/emergencies/P1/end", json={"reason": "x"})).status_code == 404
            incident = (await li.get(f"/v1/incidents/{its['incident']}")).json()["incident"]
            assert incident["state"] == "invalid"

    play(scene())


def test_a_terminal_opens_an_incident_where_it_stands_in_one_message():
    async def scene():
        async with running(*UNITS) as server, server.client("terminal:near") as near:
            taken = await near.report(report(1, source="near", on_scene=True))
            (order,) = taken.refs["orders"]
            item = await near.next_item()
            assert (item.order.id, item.order.state) == (order, "on_scene")
            assert isinstance(await near.watch_welfare(item.order, 300), Taken)
            assert isinstance(await near.answer(item.order, "clear"), Taken)
            async with server.client("integration:cad") as cad:
                refused = await cad.report(report(2, on_scene=True))
                assert (refused.code, refused.field) == ("not_yours", "on_scene")

    play(scene())


def test_the_desk_records_what_a_unit_does_and_lists_the_units(tmp_path):
    async def scene():
        async with desk(tmp_path) as working, working.client() as li, working.client("observer") as other:
            said = {"key": "k", "status": "busy", "reason": "meal", "said_at": NOW - 5_000}
            assert (await other.post("/v1/units/P1/status", json=said)).status_code == 403
            its = (await li.post("/v1/units/P1/status", json=said)).json()
            assert (its["status"], its["doing"]["reason"], its["doing"]["via"]) == ("busy", "meal", "radio")
            assert (its["doing"]["since"], its["doing"]["recorded_at"]) == (NOW - 5_000, NOW)
            assert (await li.post("/v1/units/x/status", json={**said, "key": "l"})).status_code == 404
            assert (await li.post("/v1/units/x/status", json=said)).status_code == 404  # though the key is known
            page = (await other.get("/v1/units", params={"limit": "2"})).json()
            assert [its["unit"] for its in page["units"]] == ["D1", "P1"]
            rest = (await other.get("/v1/units", params={"after": page["next"]})).json()
            assert ([its["unit"] for its in rest["units"]], "next" in rest) == (["P2"], False)
            assert "lon" not in str(page)
            assert (await other.get("/v1/units", params={"limit": "0"})).status_code == 422

    play(scene())
