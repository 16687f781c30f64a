"""The text screen, played without a terminal against a real server on loopback."""

import pytest

from engine.terminal.screen import Asking, TerminalScreen
from engine.wire.reports import PlaceOf
from engine.wire.server_messages import Taken
from tests.support.cities import place, unit
from tests.support.streams import play, report, running

NAMES = {"robbery": {"zh": "抢劫", "en": "Robbery"}}
UNITS = (unit("near", 1, 0), unit("far", 5, 4))


async def until(pilot, holds):
    """Wait for something that the screen comes to show."""
    while not holds():
        await pilot.pause(0.01)


def shown(screen, name):
    return str(screen.query_one(name).render())


def log(screen):
    return "\n".join(line.text for line in screen.query_one("#log").lines)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_order_is_shown_answered_reported_and_cleared(language):
    async def scene():
        async with running(*UNITS) as server, server.client("integration:cad") as cad:
            screen = TerminalScreen(server.client("terminal:near"), NAMES, language)
            async with screen.run_test(size=(110, 40)) as pilot:
                await until(pilot, lambda: "near" in shown(screen, "#head"))
                assert ("没有待办指令" if language == "zh" else "No order is open") in shown(screen, "#details")
                await cad.report(report(1, type="robbery"))
                await until(pilot, lambda: screen.client.open_orders)
                await until(pilot, lambda: NAMES["robbery"][language] in shown(screen, "#details"))
                (order,) = screen.client.open_orders.values()
                assert order.address in shown(screen, "#details")
                state = server.engine.state.orders
                for key, to in (("a", "accepted"), ("e", "en_route"), ("s", "on_scene")):
                    await pilot.press(key)
                    await until(pilot, lambda to=to: state[order.id].state == to)
                await pilot.press("p")
                await until(pilot, lambda: isinstance(screen.screen, Asking))
                await pilot.press(*"all done", "enter")
                await until(pilot, lambda: state[order.id].state == "reported")
                said = [event.personal.text for event in server.engine.journal.read() if event.personal is not None]
                assert said[-1] == "all done"
                await pilot.press("c")
                await until(pilot, lambda: state[order.id].state == "cleared")
                await until(pilot, lambda: screen.query_one("#orders").option_count == 0)

    play(scene())


def test_the_emergency_key_calls_for_help_at_once_and_the_language_changes():
    async def scene():
        async with running(*UNITS) as server:
            screen = TerminalScreen(server.client("terminal:near"), NAMES, "en")
            async with screen.run_test(size=(110, 40)) as pilot:
                await until(pilot, lambda: "connected" in shown(screen, "#head"))
                await pilot.press("f12")
                await until(pilot, lambda: server.engine.state.emergencies)
                assert "HELP IS CALLED" in log(screen)
                await pilot.press("l")
                assert "已连接" in shown(screen, "#head")

    play(scene())


def test_without_a_line_the_screen_says_so_and_the_words_wait(tmp_path):
    async def scene():
        async with running(*UNITS) as server, server.client("integration:cad") as cad:
            screen = TerminalScreen(server.client("terminal:near", state_path=tmp_path / "near.json"), NAMES, "en")
            async with screen.run_test(size=(110, 40)) as pilot:
                await cad.report(report(1, type="robbery"))
                await until(pilot, lambda: screen.client.open_orders)
                (order,) = screen.client.open_orders.values()
                await server.stream.stop()
                await until(pilot, lambda: "NO CONNECTION" in shown(screen, "#head"))
                await pilot.press("a")
                await until(pilot, lambda: "1 words wait" in shown(screen, "#head"))
                await server.stream.start("127.0.0.1", server.port)
                await until(pilot, lambda: server.engine.state.orders[order.id].state == "accepted")
                await until(pilot, lambda: "0 unanswered" in shown(screen, "#head"))

    play(scene())


def test_a_revoked_terminal_says_that_it_has_ended():
    async def scene():
        async with running(*UNITS) as server:
            screen = TerminalScreen(server.client("terminal:near"), NAMES, "en")
            async with screen.run_test(size=(110, 40)) as pilot:
                await until(pilot, lambda: "connected" in shown(screen, "#head"))
                server.door.revoked.add("terminal:near")
                await until(pilot, lambda: screen.ended is not None)
                assert "has ended this session" in log(screen)

    play(scene())


def test_what_is_heard_while_the_screen_is_taken_down_is_left_alone():
    async def scene():
        async with running(*UNITS) as server:
            screen = TerminalScreen(server.client("terminal:near"), NAMES, "en")
            async with screen.run_test(size=(110, 40)) as pilot:
                await until(pilot, lambda: "connected" in shown(screen, "#head"))
                prune = screen._prune

                async def prune_in_part(parent):
                    await prune(parent.query_one("#head"))  # its parts go one by one
                    screen._look()
                    screen._heard(None, Taken(ref="r", refs={}))
                    screen.on_option_list_option_highlighted()
                    await prune(parent)

                screen._prune = prune_in_part

    play(scene())


def test_of_a_search_the_places_are_shown_in_turn_and_a_key_each_says_not_here_and_found():
    async def scene():
        async with running(*UNITS) as server, server.client("integration:cad") as cad:
            screen = TerminalScreen(server.client("terminal:near"), NAMES, "en")
            async with screen.run_test(size=(110, 60)) as pilot:
                places = tuple(
                    PlaceOf(lon=place(*at)[0], lat=place(*at)[1], chance=0.4, name=name)
                    for name, at in (("Hotel A", (1, 1)), ("Hotel B", (3, 3)))
                )
                await cad.report(report(1, 1, 1, places=places))
                await until(pilot, lambda: "Hotel A" in shown(screen, "#details"))
                (order,) = screen.client.open_orders.values()
                assert order.looks[0].name == "Hotel A"
                await pilot.press("n")
                await until(pilot, lambda: "Hotel A" not in shown(screen, "#details"))
                assert "Hotel B" in shown(screen, "#details")
                await pilot.press("f")
                await until(pilot, lambda: server.engine.state.searches[order.incident].state == "found")

    play(scene())
