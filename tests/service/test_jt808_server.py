"""A simulated terminal at the real listener over TCP: what it moves, what it is told, and what it is refused."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from engine.core.city_devices import Device, DeviceSettings, Jt808Settings
from engine.core.plain_ports import VolatileJournal
from engine.fleet.columns import READY
from engine.intake.jt808 import messages as m
from engine.intake.jt808.frames import Packet, encode
from engine.intake.jt808.limits import Limits
from engine.model.commands import CancelOrder, EndEmergency, ReportAlert, SetUnitStatus
from engine.model.entities import Need
from engine.model.lifecycle import OrderState, UnitStatus
from engine.service import device_hub, jt808_server
from engine.service.device_hub import DeviceHub
from engine.service.device_words import DeviceWords
from engine.service.jt808_server import Jt808Server
from engine.service.metrics import Metrics
from tests.support.cities import NOW, SetClock, alert, place, unit
from tests.support.jt808_terminal import Jt808Terminal, here
from tests.support.recording import FailingJournal
from tests.support.streams import play, running, until

CAR = Device(id="13900000001", protocol="jt808", unit="near", secret="right", terminal_id="7654321")
PHONE = Device(id="13900000002", protocol="jt808", unit="far", secret="also right")
STRANGER = Device(id="13999999999", protocol="jt808", unit="near", secret="x")
LOOPBACK = (ip_network("127.0.0.0/8"),)


class World:
    """A server with its listener for terminals."""

    def __init__(self, server, listener, metrics):
        self.server, self.listener, self.metrics = server, listener, metrics
        self.engine, self.cycle = server.engine, server.cycle
        self.terminals = []

    async def terminal(self, device=CAR, edition=2013, *, log_in=True):
        terminal = await Jt808Terminal(device.id, edition).connect("127.0.0.1", self.listener.port)
        self.terminals.append(terminal)
        if log_in:
            assert await terminal.ask(m.Authenticate(code=device.secret)) == m.DONE
        return terminal

    async def report(self, ref, column=0, row=0, **more):
        more.setdefault("needs", (Need("patrol"),))
        outcome = await self.cycle.submit(ReportAlert(actor="user:li", alert=alert(ref, column, row, **more)))
        assert outcome.reply.refusal is None
        return outcome.reply.orders[0]

    def order(self, order_id):
        return self.engine.state.orders[order_id]

    def figure(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"allpoints_{name}_total", labels) or 0


@asynccontextmanager
async def devices(*units, networks=LOOPBACK, limits=None, settings=None, **more):
    units = units or (unit("near", 1, 0), unit("far", 5, 4))
    clock = SetClock(NOW - 3_600_000)
    async with running(*units, clock=clock, **more) as server:
        # The units have stood at their bases for an hour.
        clock.time = NOW
        metrics = Metrics()
        jt808 = Jt808Settings(networks=networks, port=0)
        hub = DeviceHub(settings or DeviceSettings(jt808=jt808), (CAR, PHONE), server.cycle, metrics)
        words = DeviceWords(server.engine, ())
        listener = Jt808Server(server.cycle, hub, jt808, words, limits=limits)
        await listener.start()
        try:
            world = World(server, listener, metrics)
            yield world
        finally:
            for terminal in world.terminals:
                await terminal.close()
            await listener.stop()


@pytest.mark.parametrize("edition", [2013, 2019])
def test_a_terminal_registers_moves_gets_an_order_and_says_that_it_has_it(edition):
    async def scene():
        async with devices() as world:
            car = await world.terminal(edition=edition, log_in=False)
            result, code = await car.register("7654321")
            assert (result, code) == (m.REGISTERED, "right")
            assert await car.ask(m.Authenticate(code=code, imei="1")) == m.DONE
            lon, lat = place(2, 0)
            assert await car.ask(here(lon, lat, NOW - 1_000, speed_mps=5.0, heading_deg=90)) == m.DONE
            row = world.engine.fleet.index("near")
            await until(lambda: abs(world.engine.fleet.lon[row] - lon) < 1e-6)
            assert world.engine.fleet.fixed_at[row] == NOW - 1_000

            order = await world.report(1)
            assert world.order(order).state is OrderState.SENT
            words = await car.order()
            await until(lambda: world.order(order).state is OrderState.DELIVERED)
            assert order in words
            assert world.engine.state.mailbox("near").devices == {"jt808:13900000001": 1}
            for said in ("knife", "Wang", "138"):
                assert said not in words

            await world.cycle.submit(CancelOrder(actor="user:li", order=order, reason="error", drop=True))
            assert order in await car.order()
            await until(lambda: world.engine.state.mailbox("near").delivered_seq == 2)
            assert await car.ask(m.Heartbeat()) == m.DONE
            assert await car.ask(m.Logout()) == m.DONE
            assert await car.hung_up()
            await until(lambda: world.listener.connected == 0)

    play(scene())


def test_the_words_say_area_and_task():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            order = await world.report(1, level=2, exercise=True)
            assert await car.order() == f"【演练】指令 {order}:2 级,抢劫、抢夺,地点请用电台询问。请用电台签收。"

    play(scene())


def test_only_a_text_that_was_taken_is_delivered_and_the_next_waits_for_it():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            order = await world.report(1)
            text = await car.hear(0x8300)
            await world.cycle.submit(CancelOrder(actor="user:li", order=order, reason="error", drop=True))
            await car.ask(m.Heartbeat())
            assert not car.heard
            car.say(m.TerminalAnswer(serial=text.serial, message=0x8300, result=m.FAILED))
            await car.ask(m.Heartbeat())
            assert world.engine.state.mailbox("near").delivered_seq == 0
            # The order has ended meanwhile: what is said next is that, and it stands for both.
            second = await world.report(2)
            assert order in await car.order()
            assert second in await car.order()
            await until(lambda: world.engine.state.mailbox("near").delivered_seq == 3)

    play(scene())


def test_what_was_not_acknowledged_is_sent_again_and_what_was_is_not():
    async def scene():
        async with devices() as world:
            first, second = await world.terminal(), None
            order = await world.report(1)
            await first.hear(0x8300)
            await first.close()
            await until(lambda: world.listener.connected == 0)
            second = await world.terminal()
            assert order in await second.order()
            await until(lambda: world.order(order).state is OrderState.DELIVERED)
            await second.close()
            third = await world.terminal()
            await third.ask(m.Heartbeat())
            assert not third.heard

    play(scene())


def test_a_terminal_that_is_new_hears_of_what_is_open_and_not_of_what_has_been():
    async def scene():
        async with devices() as world:
            old = await world.report(1)
            await world.cycle.submit(CancelOrder(actor="user:li", order=old, reason="error", drop=True))
            order = await world.report(2)
            car = await world.terminal()
            assert order in await car.order()
            await car.ask(m.Heartbeat())
            assert not car.heard
            await until(lambda: world.engine.state.mailbox("near").delivered_seq == 3)

    play(scene())


def test_a_terminal_that_does_not_answer_is_asked_again_and_then_left(monkeypatch):
    class Hasty(jt808_server.Courier):
        def __init__(self, *args):
            super().__init__(*args, again_s=0.0)

    async def scene():
        monkeypatch.setattr(jt808_server, "Courier", Hasty)
        async with devices() as world:
            car = await world.terminal()
            order = await world.report(1)
            texts = [await car.hear(0x8300) for _ in range(3)]
            assert len({text.serial for text in texts}) == 3
            assert len({text.body for text in texts}) == 1
            await car.ask(m.Heartbeat())
            assert not car.heard
            # A late answer to any of them counts.
            car.say(m.TerminalAnswer(serial=texts[0].serial, message=0x8300, result=m.DONE))
            await until(lambda: world.order(order).state is OrderState.DELIVERED)

    play(scene())


def test_the_emergency_button_is_an_alert_before_it_is_answered():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            lon, lat = place(2, 1)
            pressed = here(lon, lat, NOW - 2_000, alarm=m.EMERGENCY)
            assert await car.ask(pressed) == m.DONE
            (incident,) = world.engine.state.incidents.values()
            assert (incident.type, incident.level, incident.first_alert_at) == ("officer_in_danger", 1, NOW - 2_000)
            assert (incident.lon, incident.lat) == pytest.approx((lon, lat), abs=1e-6)
            # Who is in danger is not sent to themselves.
            recipients = {world.order(order).recipient for order in incident.orders}
            assert "near" not in recipients
            # The bit stands until the terminal has our answer: that is the same alarm.
            assert await car.ask(here(lon, lat, NOW, alarm=m.EMERGENCY)) == m.DONE
            assert len(world.engine.state.incidents) == 1

    play(scene())


def test_a_button_is_one_alarm_until_a_person_ends_it_and_it_was_let_go():
    async def scene():
        async with devices() as world:
            clock, state = world.engine.clock, world.engine.state
            car = await world.terminal()
            lon, lat = place(2, 1)

            async def say(*alarms):
                for alarm in alarms:
                    clock.time += 10_000
                    assert await car.ask(here(lon, lat, clock.time, alarm=alarm)) == m.DONE

            await say(1, 0, 1, 0, 1)
            assert len(state.incidents) == 1
            over = EndEmergency(actor="user:li", unit="near", reason="sat on it", false_alarm=True)
            assert (await world.cycle.submit(over)).reply.refusal is None
            # The bit still stands, and that is known: the unit can be sent again.
            await say(1)
            assert (len(state.incidents), state.emergencies, state.claims) == (1, {}, {})
            assert state.unit_status["near"] is UnitStatus.AVAILABLE
            assert world.engine.fleet.bits[world.engine.fleet.index("near")] & READY
            await say(0, 1)
            assert len(state.incidents) == 2

    play(scene())


def test_an_alarm_that_still_stands_after_a_restart_is_no_new_one():
    async def scene():
        journal = VolatileJournal()
        for _ in range(2):
            async with devices(journal=journal) as world:
                car = await world.terminal()
                lon, lat = place(2, 1)
                assert await car.ask(here(lon, lat, NOW, alarm=m.EMERGENCY)) == m.DONE
                assert len(world.engine.state.incidents) == 1

    play(scene())


def test_an_alarm_without_a_fix_or_a_clock_is_where_the_unit_was_and_now():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            lon, lat = place(3, 2)
            await car.ask(here(lon, lat, NOW - 5_000))
            pressed = here(0.0, 0.0, None, status=0, alarm=m.EMERGENCY)
            assert await car.ask(pressed) == m.DONE
            (incident,) = world.engine.state.incidents.values()
            assert (incident.lon, incident.lat) == pytest.approx((lon, lat), abs=1e-6)
            assert incident.first_alert_at == NOW

    play(scene())


def test_an_alarm_far_from_any_street_is_where_the_unit_was():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            assert await car.ask(here(10.0, 10.0, NOW, alarm=m.EMERGENCY)) == m.DONE
            (incident,) = world.engine.state.incidents.values()
            assert (incident.lon, incident.lat) == pytest.approx(place(1, 0), abs=1e-6)

    play(scene())


def test_an_alarm_that_is_not_stored_is_not_answered_as_taken(monkeypatch):
    monkeypatch.setattr(device_hub, "STORED_WITHIN_S", 0.01)

    async def scene():
        journal = FailingJournal(VolatileJournal())
        async with devices(journal=journal) as world:
            car = await world.terminal()
            journal.fail_next()
            lon, lat = place(2, 1)
            pressed = here(lon, lat, NOW, alarm=m.EMERGENCY)
            assert await car.ask(pressed) == m.FAILED
            assert not world.engine.state.incidents
            while await car.ask(pressed) == m.FAILED:
                pass
            assert len(world.engine.state.incidents) == 1

    play(scene())


def test_a_batch_from_a_gap_is_as_old_as_it_is():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            row = world.engine.fleet.index("near")
            track = [here(*place(column, 2), NOW - 300_000 + column * 60_000) for column in range(4)]
            assert await car.ask(m.Batch(locations=tuple(track), is_backfill=True)) == m.DONE
            await until(lambda: world.engine.fleet.fixed_at[row] == NOW - 120_000)
            assert world.engine.fleet.lon[row] == pytest.approx(place(3, 2)[0], abs=1e-6)
            await car.ask(here(*place(3, 3), NOW))
            await car.ask(m.Batch(locations=(track[0],), is_backfill=True))
            await until(lambda: world.engine.fleet.fixed_at[row] == NOW)
            assert world.figure("device_positions", protocol="jt808", mark="backfill") == 4
            assert world.figure("device_positions", protocol="jt808", mark="older") == 1

    play(scene())


def test_a_frame_of_a_long_batch_that_was_lost_is_asked_for_and_moves_the_unit_when_it_comes():
    async def scene():
        async with devices(limits=Limits(asking_ms=1, gathering_ms=60_000)) as world:
            car = await world.terminal()
            row = world.engine.fleet.index("near")
            body = m.write(m.Batch(locations=tuple(here(*place(3, 2), NOW - ago) for ago in (2_000, 1_000))), 2013)
            parts = [
                {"body": body[:40], "part": 1, "serial": 40, "parts": 2},
                {"body": body[40:], "part": 2, "serial": 41, "parts": 2},
            ]
            car.say(m.Batch(locations=()), **parts[1])
            assert (await car.hear(0x8003)).body.hex() == "0028010001"
            car.say(m.Batch(locations=()), **parts[0])
            await until(lambda: world.engine.fleet.fixed_at[row] == NOW - 1_000)
            assert await car.ask(m.Heartbeat()) == m.DONE

    play(scene())


def test_positions_that_cannot_be_believed_move_nobody_and_are_counted():
    async def scene():
        async with devices() as world:
            car = await world.terminal()
            row = world.engine.fleet.index("near")
            await car.ask(here(*place(2, 2), NOW - 3_000))
            await car.ask(here(113.9, 36.6, NOW - 2_000))
            await car.ask(here(*place(3, 3), NOW - 1_000, status=0))
            await car.ask(here(*place(3, 3), NOW + 3_600_000))
            await until(lambda: world.engine.fleet.fixed_at[row] == NOW - 3_000)
            marks = world.listener.hub.screen.line(CAR).marks
            assert marks == {"taken": 1, "jump": 1, "not_located": 1, "ahead": 1}

    play(scene())


def test_who_is_off_duty_is_not_followed_but_may_call_for_help():
    async def scene():
        async with devices() as world:
            off = SetUnitStatus(actor="user:li", key="k", unit="near", status=UnitStatus.OFF_DUTY)
            await world.cycle.submit(off)
            car = await world.terminal()
            assert await car.ask(here(*place(3, 3), NOW, alarm=m.EMERGENCY)) == m.DONE
            assert world.listener.hub.screen.line(CAR).marks == {"off_duty": 1}
            assert len(world.engine.state.incidents) == 1

    play(scene())


def test_an_address_of_no_named_network_is_let_go_unheard():
    async def scene():
        async with devices(networks=(ip_network("10.0.0.0/8"),)) as world:
            stranger = await world.terminal(log_in=False)
            assert await stranger.hung_up()
            assert not stranger.heard
            assert world.figure("refusals", channel="jt808", code="wrong_network") == 1

    play(scene())


@pytest.mark.parametrize(
    ("device", "said", "code"),
    [
        (
            Device(id="13999999999", protocol="jt808", unit="near", secret="x"),
            m.Authenticate(code="x"),
            "unknown_device",
        ),
        (CAR, m.Authenticate(code="wrong"), "wrong_code"),
    ],
)
def test_who_is_not_believed_is_answered_counted_and_let_go(device, said, code):
    async def scene():
        async with devices() as world:
            stranger = await world.terminal(device, log_in=False)
            assert await stranger.ask(said) == m.FAILED
            assert await stranger.hung_up()
            assert world.figure("refusals", channel="jt808", code=code) == 1

    play(scene())


def test_a_code_is_not_guessed_at_leisure():
    async def scene():
        async with devices() as world:
            for _ in range(5):
                guesser = await world.terminal(log_in=False)
                assert await guesser.ask(m.Authenticate(code="guess")) == m.FAILED
                assert await guesser.hung_up()
            right = await world.terminal(log_in=False)
            right.say(m.Authenticate(code="right"))
            right.say(m.Authenticate(code="right"))
            await until(lambda: world.figure("refusals", channel="jt808", code="too_many_attempts") == 2)
            await world.terminal(PHONE)

    play(scene())


def test_a_new_connection_of_a_terminal_ends_the_old_one():
    async def scene():
        async with devices() as world:
            old = await world.terminal()
            new = await world.terminal()
            assert await old.hung_up()
            assert await new.ask(m.Heartbeat()) == m.DONE
            assert world.listener.connected == 1
            order = await world.report(1)
            assert order in await new.order()

    play(scene())


def test_silence_and_strangers_who_say_nothing_end():
    async def scene():
        async with devices(limits=Limits(login_ms=0)) as world:
            assert await (await world.terminal(log_in=False)).hung_up()
            assert world.listener.counts["ended_silent"] == 1

    play(scene())


def test_a_terminal_that_does_not_read_costs_bounded_memory_and_nobody_else(monkeypatch):
    async def scene():
        monkeypatch.setattr(jt808_server, "MOST_OUTGOING_BYTES", 4_096)
        async with devices(limits=Limits(rate_per_s=10**9, burst=10**9)) as world:
            deaf = await world.terminal()
            other = await world.terminal(PHONE)
            beat = encode(Packet(message=2, terminal=CAR.id, serial=0))
            with contextlib.suppress(ConnectionError):
                while True:
                    deaf._writer.write(beat * 1_000)
                    await deaf._writer.drain()
            assert await other.ask(m.Heartbeat()) == m.DONE
            await until(lambda: world.listener.connected == 1)
            assert world.listener.counts["ended_slow"] == 1

    play(scene())


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\x7e" + b"a" * 10_000, b"\x7ejunk\x7e" * 50])
def test_bytes_of_no_terminal_do_not_take_it_down(junk):
    async def scene():
        async with devices(limits=Limits(login_ms=200)) as world:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.listener.port)
            writer.write(junk)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await world.terminal()

    play(scene())
