"""The emergency button: an incident at once, once, wherever the unit is, until a person ends it."""

import pytest

from engine.core.engine import Engine
from engine.core.plain_ports import VolatileJournal
from engine.core.state import State
from engine.model.commands import (
    AnswerOrder,
    ApproveOrder,
    EndEmergency,
    EndIncident,
    PressEmergency,
    ReportAlert,
    SetUnitStatus,
    Tick,
)
from engine.model.entities import Need, PositionFix
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from tests.support.cities import NOW, SetClock, alert, city, place, unit

UNITS = (unit("u1", 0, 0), unit("u2", 3, 0), unit("u3", 5, 4), unit("swat", 5, 0, "swat"))
BASE = place(0, 0)


class Room:
    """An engine over the grid with the county's cards."""

    def __init__(self, units=UNITS, **more):
        self.clock = SetClock()
        self.engine = Engine(city(units, **more), clock=self.clock, journal=VolatileJournal())
        self.presses = 0

    def submit(self, command, refused=""):
        reply = self.engine.submit(command)[0]
        assert (reply.refusal.code if reply.refusal else "") == refused, reply.refusal
        return reply

    def press(self, name="u1", refused="", **more):
        self.presses += 1
        key = more.pop("key", f"k{self.presses}")
        return self.submit(PressEmergency(actor=f"device:{name}", key=key, unit=name, **more), refused)

    def end(self, name="u1", reason="they are well", refused="", **more):
        return self.submit(EndEmergency(actor="user:li", unit=name, reason=reason, **more), refused)

    def told(self, recipient):
        box = self.engine.state.mailbox(recipient)
        return [(its.code, its.values) for its in box.after(0) if its.code.startswith("emergency")]

    def at(self, seconds):
        self.clock.time = NOW + seconds * 1_000
        self.submit(Tick(actor="system"))

    @property
    def state(self):
        return self.engine.state

    def goers(self, incident):
        return {self.state.orders[order].recipient for order in self.state.incidents[incident].orders}


def test_a_press_is_an_incident_of_level_one_where_the_unit_stands():
    room = Room()
    lon, lat = place(2, 2)
    assert room.engine.move([PositionFix("u1", lon, lat, NOW)], NOW) == [None]
    reply = room.press(text="Emergency button of u1")
    incident = room.state.incidents[reply.incident]
    assert (incident.type, incident.level, incident.first_alert_at) == ("officer_in_danger", 1, NOW)
    assert (incident.lon, incident.lat) == pytest.approx((lon, lat))
    # The others go, the one who calls does not: and nobody had to approve it.
    assert room.goers(incident.id) == {"u2", "u3", "swat"}
    assert all(room.state.orders[order].state is OrderState.SENT for order in incident.orders)
    assert room.engine.details(incident.id).text == "Emergency button of u1"
    values = {"unit": "u1", "incident": incident.id}
    assert room.told(DESK) == [("emergency", values)]
    assert room.told("commander") == [("emergency", values)]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        pytest.param(place(4, 1), place(4, 1), id="as it says"),
        pytest.param((10.0, 10.0), BASE, id="far from any road"),
        pytest.param((float("nan"), 36.5), BASE, id="no number"),
        pytest.param((36.5, 113.0), BASE, id="exchanged"),
        pytest.param((None, 36.5), BASE, id="half of one"),
    ],
)
def test_no_place_stops_a_press(said, where):
    room = Room()
    reply = room.press(lon=said[0], lat=said[1])
    incident = room.state.incidents[reply.incident]
    assert (incident.lon, incident.lat) == pytest.approx(where)


def test_neither_a_wrong_clock_nor_an_unknown_order_stops_a_press():
    room = Room()
    reply = room.press(said_at=NOW + 10**12, order="grid-order-99")
    assert room.state.incidents[reply.incident].first_alert_at == NOW
    assert room.state.emergencies["u1"].order is None
    before = room.press("u2", said_at=NOW - 4_000)
    assert room.state.incidents[before.incident].first_alert_at == NOW - 4_000


def test_a_city_without_such_a_card_hears_of_it_all_the_same():
    from engine import Policies

    room = Room(policies=Policies(stale_position_ms=0, emergency_type="ghost"))
    reply = room.press()
    incident = room.state.incidents[reply.incident]
    assert (incident.type, incident.level, incident.orders) == ("ghost", 1, ())
    assert [code for code, _ in room.told(DESK)] == ["emergency"]


def test_repeated_presses_are_one():
    room = Room()
    first = room.press()
    again = room.press()
    same = room.press(key="k1")
    assert {first.incident, again.incident, same.incident} == {first.incident}
    assert same.duplicate
    assert not again.duplicate
    assert room.state.emergencies["u1"].presses == 2
    assert len(room.told(DESK)) == 1
    assert [event.kind for event in again.events] == ["emergency_repeated"]


def test_a_press_on_an_order_names_it_and_the_unit_keeps_it():
    room = Room()
    reply = room.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, needs=(Need("patrol"),))))
    (order,) = reply.orders
    if room.state.orders[order].state is OrderState.PROPOSED:
        room.submit(ApproveOrder(actor="user:li", order=order))
    assert room.state.orders[order].recipient == "u1"
    room.press()
    assert room.state.emergencies["u1"].order == order
    assert room.state.claims["u1"] == order
    # It is turned round for nothing, not even for a matter of level 1.
    assert room.engine.fleet.divertible[room.engine.fleet.index("u1")] == 0
    for answer in ("accept", "en_route", "on_scene", "clear"):
        said = AnswerOrder(actor="device:u1", key=answer, order=order, version=1, answer=answer)
        room.submit(said)
    # Cleared, it is still not sent: nobody has said yet that it is well.
    assert room.state.unit_status["u1"] is UnitStatus.AVAILABLE
    found = room.submit(ReportAlert(actor="x", alert=alert(2, 0, 0, needs=(Need("patrol"),))))
    assert "u1" not in room.goers(found.incident)


def test_who_called_for_help_is_sent_nowhere_until_a_person_ends_it():
    room = Room(UNITS[:1])
    room.press()
    wanted = room.submit(ReportAlert(actor="x", alert=alert(1, 0, 0, "intruder_alarm", needs=(Need("patrol"),))))
    assert wanted.shortage == ("patrol",)
    room.end(refused="missing", reason=" ")
    room.end("u9", refused="no_emergency")
    room.end()
    assert room.state.emergencies == {}
    assert room.goers(wanted.incident) == {"u1"}
    assert [code for code, _ in room.told("u1")] == ["emergency_over"]
    assert [code for code, _ in room.told(DESK)] == ["emergency", "emergency_over"]
    room.end(refused="no_emergency")


def test_a_false_alarm_calls_off_who_goes_there_and_another_end_does_not():
    room = Room()
    false = room.press().incident
    room.end(false_alarm=True)
    assert room.state.incidents[false].state is IncidentState.INVALID
    assert room.state.claims == {}
    real = room.press().incident
    assert real != false
    room.end()
    assert room.state.incidents[real].state is IncidentState.DISPATCHED


def test_a_press_after_its_incident_has_ended_is_a_new_one():
    room = Room()
    first = room.press().incident
    room.submit(EndIncident(actor="user:li", incident=first, state="invalid", reason="nobody there"))
    second = room.press().incident
    assert second != first
    assert room.state.emergencies["u1"].incident == second
    assert len(room.told(DESK)) == 2


def test_a_late_copy_of_a_press_raises_nothing_once_it_was_ended():
    room = Room()
    room.press(key="once")
    room.end()
    assert room.press(key="once").duplicate
    assert room.state.emergencies == {}


def test_a_unit_off_duty_may_call_for_help():
    room = Room((*UNITS[1:], unit("u1", 0, 0, on_duty=False)))
    assert room.press().incident in room.state.incidents
    room.end()
    room.submit(SetUnitStatus(actor="device:u1", key="s", unit="u1", status=UnitStatus.AVAILABLE))


def test_an_emergency_survives_replay_and_snapshot():
    room = Room()
    room.press()
    room.press()
    room.press("u2")
    room.end("u2")
    again = Engine(room.engine.city, clock=room.clock, journal=room.engine.journal)
    assert again.snapshot() == room.engine.snapshot()
    assert State.restored(room.engine.snapshot()).emergencies == room.state.emergencies
    assert again.fleet.status.tolist() == room.engine.fleet.status.tolist()
