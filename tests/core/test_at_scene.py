"""What a patrol says from where it stands: an incident that it takes on, that it is well, why it is busy."""

import pytest

from engine.core.engine import Engine
from engine.model import events as e
from engine.model.commands import (
    AcknowledgeMail,
    AnswerOrder,
    ReportAlert,
    SetUnitStatus,
    WatchWelfare,
)
from engine.model.emergency_events import EmergencyRaised
from engine.model.entities import Need
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from engine.model.step_events import DeadlineMissed
from tests.core.test_emergencies import UNITS, Room
from tests.support.cities import NOW, alert, unit


def open_here(room, name="u1", ref=1, kind="robbery", **more):
    given = alert(ref, 0, 0, kind, at=room.clock.time, **more)
    return room.submit(ReportAlert(actor=f"device:{name}", alert=given, on_scene=name))


def say(room, order, *answers, **more):
    for answer in answers:
        key = f"{order} {answer} {room.clock.time}"
        room.submit(AnswerOrder(actor="device:x", key=key, order=order, version=1, answer=answer, **more))


def codes(room, recipient):
    return [its.code for its in room.state.mailbox(recipient).after(0) if its.item == "notice"]


def test_who_stands_there_is_on_scene_at_once_and_meets_a_need():
    room = Room()
    reply = open_here(room, needs=(Need("patrol", 2),))
    mine = next(its for its in map(room.state.orders.get, reply.orders) if its.recipient == "u1")
    assert (mine.state, mine.eta_ms) == (OrderState.ON_SCENE, None)
    assert room.state.unit_status["u1"] is UnitStatus.ON_SCENE
    assert room.state.incidents[reply.incident].state is IncidentState.ON_SCENE
    # The other that the card wants is sought as ever, and nobody in its place.
    assert room.goers(reply.incident) == {"u1", "u2"}
    assert [its.item for its in room.state.mailbox("u1").after(0)] == ["order"]
    assert open_here(room, needs=(Need("patrol", 2),)).duplicate
    assert len(room.state.orders) == 2
    say(room, mine.id, "report", "clear")
    assert room.state.orders[mine.id].state is OrderState.CLEARED


def test_who_meets_no_need_is_there_all_the_same():
    room = Room((*UNITS, unit("dog", 0, 0, "tracking")))
    reply = open_here(room, "dog", needs=(Need("patrol"),))
    assert room.goers(reply.incident) == {"dog", "u1"}
    assert room.state.unit_status["dog"] is UnitStatus.ON_SCENE


@pytest.mark.parametrize("why", ["on an order", "busy", "called for help"])
def test_who_is_not_free_opens_the_incident_and_is_not_taken(why):
    room = Room()
    if why == "on an order":
        open_here(room, ref=1, needs=(Need("patrol"),))
    elif why == "busy":
        room.submit(SetUnitStatus(actor="device:u1", key="b", unit="u1", status=UnitStatus.BUSY, reason="meal"))
    else:
        room.press()
    reply = open_here(room, ref=2, needs=(Need("traffic"),))
    assert reply.orders == ()
    assert room.state.incidents[reply.incident].state is IncidentState.TRIAGED


def test_an_order_that_began_on_scene_replays_the_same():
    room = Room()
    open_here(room)
    again = Engine(room.engine.city, clock=room.clock, journal=room.engine.journal)
    assert again.snapshot() == room.engine.snapshot()


def on_scene(room):
    reply = open_here(room, needs=(Need("patrol"),))
    (order,) = reply.orders
    return order


def acknowledge(room, name):
    seq = room.state.mailbox(name).last_seq
    room.submit(AcknowledgeMail(actor=f"device:{name}", recipient=name, device="phone", mail_seq=seq))


def test_silence_on_scene_is_asked_about_then_called_then_taken_for_an_emergency():
    """By the county's cards: level 1 wants a sign of life every 10 minutes."""
    room = Room()
    order = on_scene(room)
    room.at(590)
    assert "urge" not in codes(room, "u1")
    room.at(600)
    assert codes(room, "u1").count("urge") == 1
    assert "welfare_check" not in codes(room, DESK)
    room.at(660)
    assert codes(room, DESK).count("welfare_check") == 1
    assert not room.state.emergencies
    room.at(780)
    (its,) = room.state.emergencies.values()
    assert (its.unit, its.order, its.by) == ("u1", order, "system")
    assert codes(room, DESK).count("emergency") == codes(room, "commander").count("emergency") == 1
    # It stands; the clock goes round again, and no second one comes of that.
    room.at(780 + 780)
    assert room.state.emergencies["u1"].presses == 2
    raised = [event.body for event in room.engine.journal.read() if isinstance(event.body, EmergencyRaised)]
    assert [body.via for body in raised] == ["core"]


@pytest.mark.parametrize("answer", ["well", "report"])
def test_a_sign_of_life_at_any_step_begins_it_anew(answer):
    room = Room()
    order = on_scene(room)
    room.at(700)
    assert "welfare_check" in codes(room, DESK)
    say(room, order, answer)
    room.at(1_290)
    assert codes(room, "u1").count("urge") == 1
    room.at(1_300)
    # Other clocks of a reported order urge, too: only this one is looked at.
    missed = [event.body for event in room.engine.journal.read() if isinstance(event.body, DeadlineMissed)]
    assert [its.due_at - NOW for its in missed if its.clock == "welfare"] == [600_000, 1_300_000]
    assert not room.state.emergencies


def test_a_patrol_wants_to_be_asked_more_often():
    room = Room()
    order = on_scene(room)
    watch = WatchWelfare(actor="device:u1", key="w", order=order, version=1, every_ms=120_000)
    room.at(30)
    room.submit(watch)
    assert room.submit(watch).duplicate
    room.at(149)
    assert "urge" not in codes(room, "u1")
    room.at(150)
    assert "urge" in codes(room, "u1")
    again = Engine(room.engine.city, clock=room.clock, journal=room.engine.journal)
    assert again.snapshot() == room.engine.snapshot()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"every_ms": 59_999}, "out_of_range"),
        ({"every_ms": 14_400_001}, "out_of_range"),
        ({"version": 2}, "superseded"),
        ({"order": "grid-order-9"}, "unknown_order"),
    ],
)
def test_a_watch_that_cannot_be_is_refused_by_name(changed, code):
    room = Room()
    said = {"order": on_scene(room), "version": 1, "every_ms": 120_000, **changed}
    room.submit(WatchWelfare(actor="device:u1", key="w", **said), code)


def test_who_has_cleared_is_watched_no_more():
    room = Room()
    order = on_scene(room)
    say(room, order, "clear")
    room.submit(WatchWelfare(actor="device:u1", key="w", order=order, version=1, every_ms=60_000), "wrong_state")
    room.at(2_000)
    assert not room.state.emergencies


def test_why_a_unit_is_busy_and_who_said_so_is_kept_until_it_is_on_an_order():
    room = Room()
    busy = {"actor": "user:li", "unit": "u1", "status": UnitStatus.BUSY, "reason": "paperwork", "via": "radio"}
    room.submit(SetUnitStatus(key="a", said_at=NOW - 60_000, **busy))
    doing = room.state.kept.doing["u1"]
    assert (doing.by, doing.reason, doing.via) == ("user:li", "paperwork", "radio")
    assert (doing.since, doing.recorded_at) == (NOW - 60_000, NOW)
    room.submit(SetUnitStatus(key="b", **{**busy, "reason": "x" * 129}), "too_long")
    room.submit(SetUnitStatus(key="c", said_at=NOW + 10**7, **busy), "clock_ahead")
    room.submit(SetUnitStatus(key="d", **{**busy, "status": UnitStatus.AVAILABLE, "reason": ""}))
    assert room.state.kept.doing["u1"].recorded_at is None
    open_here(room)
    assert "u1" not in room.state.kept.doing


def test_the_desk_records_any_answer_later_with_the_true_time_marked_as_such():
    room = Room()
    reply = room.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, needs=(Need("patrol"),))))
    (order,) = reply.orders
    room.at(600)
    said = {"actor": "user:li", "order": order, "version": 1, "via": "radio"}
    room.submit(AnswerOrder(key="early", answer="accept", said_at=NOW - 1, **said), "too_early")
    for number, answer in enumerate(("accept", "en_route", "on_scene", "report", "clear")):
        room.submit(AnswerOrder(key=answer, answer=answer, said_at=NOW + number * 60_000, **said))
    recorded = [
        (event.actor, event.at - NOW, event.body.via, event.body.said_at - NOW)
        for event in room.engine.journal.read()
        if isinstance(event.body, e.OrderAdvanced) and event.body.key
    ]
    assert recorded == [("user:li", 600_000, "radio", number * 60_000) for number in range(5)]
