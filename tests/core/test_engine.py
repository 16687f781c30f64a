"""What the engine does with commands, told as small scenarios on a grid of streets."""

from dataclasses import replace

import pytest

from engine import (
    AnswerOrder,
    ApproveOrder,
    CancelOrder,
    EndIncident,
    Engine,
    Need,
    Policies,
    PositionFix,
    ReportAlert,
    SetUnitStatus,
    Tick,
)
from engine.dispatch.decide import Wanted, decide
from engine.model.commands import AcknowledgeMail
from engine.model.errors import Refusal
from engine.model.ids import DESK
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from geo_data.speed_table import SpeedTable
from tests.support.cities import NOW, SetClock, alert, city, place, station, unit


def engine_with(*units, stations=(), policies=None):
    clock = SetClock()
    return Engine(city(units, stations, policies), clock=clock), clock


def report(engine, given):
    reply = engine.submit(ReportAlert(actor="user:li", alert=given))[0]
    assert reply.refusal is None, reply.refusal
    return reply


def answer(engine, order, word, **more):
    key = more.pop("key", f"{order}-{word}")
    version = more.pop("version", 1)
    command = AnswerOrder(actor="device:x", key=key, order=order, version=version, answer=word, **more)
    return engine.submit(command)[0]


def orders_of(engine, reply):
    return [engine.state.orders[order] for order in engine.state.incidents[reply.incident].orders]


def test_nearest_by_road_has_the_order_with_its_reasons():
    engine, _ = engine_with(unit("near", 1, 0), unit("far", 5, 4), unit("traffic", 0, 0, "traffic"))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    (order,) = orders_of(engine, reply)
    assert (order.recipient, order.state) == ("near", OrderState.SENT)
    assert order.eta_ms > 0
    assert order.route
    assert engine.state.incidents[reply.incident].state is IncidentState.DISPATCHED
    assert engine.state.unit_status["near"] is UnitStatus.ASSIGNED
    (recommendation,) = engine.recommendations(reply.incident)
    assert [c.recipient for c in recommendation.others] == ["far"]
    assert [(x.unit, x.why) for x in recommendation.excluded] == [("traffic", "lacks_capability")]


def test_turnout_counts():
    engine, _ = engine_with(unit("near_but_slow", 1, 0, turnout_ms=600_000), unit("far", 5, 0))
    assert orders_of(engine, report(engine, alert(1, 0, 0, needs=(Need("patrol"),))))[0].recipient == "far"


def test_what_every_way_costs_once_is_in_every_time_and_changes_no_order():
    units = (unit("near", 1, 0, turnout_ms=60_000), unit("far", 5, 4), unit("traffic", 0, 0, "traffic"))
    recommendations = []
    for fixed_s in (0.0, 80.5):
        shipped = SpeedTable.shipped()
        speeds = replace(shipped, emergency=replace(shipped.emergency, fixed_s=fixed_s))
        engine = Engine(replace(city(units), speeds=speeds), clock=SetClock())
        reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
        recommendations.append(engine.recommendations(reply.incident)[0])
        (order,) = orders_of(engine, reply)
        assert order.eta_ms == recommendations[-1].chosen.eta_ms
    plain, fixed = recommendations
    for one, other in zip(
        (plain.chosen, *plain.others, *plain.excluded), (fixed.chosen, *fixed.others, *fixed.excluded), strict=True
    ):
        assert other.eta_ms == one.eta_ms + 80_500
    for one, other in zip((plain.chosen, *plain.others), (fixed.chosen, *fixed.others), strict=True):
        assert (other.recipient, other.turnout_ms) == (one.recipient, one.turnout_ms)
        assert other.travel_ms == one.travel_ms + 80_500
    assert fixed.excluded


def test_the_same_alert_again_gives_the_first_answer():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 2, 0))
    first = report(engine, alert(7, 0, 0, needs=(Need("patrol"),)))
    seq = engine.state.seq
    again = report(engine, alert(7, 4, 4, needs=(Need("patrol"),)))
    assert again.duplicate
    assert (again.incident, again.orders) == (first.incident, first.orders)
    assert engine.state.seq == seq


def test_an_order_is_followed_to_its_end_and_the_incident_with_it():
    engine, _ = engine_with(unit("a", 1, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    (order,) = reply.orders
    engine.submit(AcknowledgeMail(actor="device:a", recipient="a", device="phone", mail_seq=1))
    states = [engine.state.orders[order].state]
    for word in ("accept", "en_route", "on_scene", "report", "clear"):
        assert answer(engine, order, word).refusal is None
        states.append(engine.state.orders[order].state)
    assert states == ["delivered", "accepted", "en_route", "on_scene", "reported", "cleared"]
    assert engine.state.incidents[reply.incident].state is IncidentState.RESOLVED
    assert engine.state.unit_status["a"] is UnitStatus.AVAILABLE
    assert not engine.state.claims
    assert not engine.state.demands


def test_closing_by_rule_is_a_policy_and_is_named_in_the_record():
    engine, _ = engine_with(unit("a", 1, 0), policies=Policies(stale_position_ms=0, close="by_rule"))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    for word in ("accept", "on_scene", "clear"):
        answer(engine, reply.orders[0], word)
    assert engine.state.incidents[reply.incident].state is IncidentState.CLOSED
    assert list(engine.journal.read())[-1].actor == "policy:close"


def test_a_refusal_says_why_and_the_next_is_asked():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 4, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    assert answer(engine, reply.orders[0], "refuse", key="k0").refusal.code == "missing"
    assert answer(engine, reply.orders[0], "refuse", reason="engine failed").refusal is None
    first, second = orders_of(engine, reply)
    assert (first.state, second.recipient, second.state) == (OrderState.REFUSED, "b", OrderState.SENT)
    assert "refused_before" in [x.why for x in engine.recommendations(reply.incident)[-1].excluded]


def test_answers_are_once_in_effect_and_stale_ones_are_superseded():
    engine, _ = engine_with(unit("a", 1, 0))
    (order,) = report(engine, alert(1, 0, 0, needs=(Need("patrol"),))).orders
    assert answer(engine, order, "accept", key="k").refusal is None
    seq = engine.state.seq
    assert answer(engine, order, "accept", key="k").duplicate
    assert engine.state.seq == seq
    assert answer(engine, order, "on_scene", key="k2", version=9).refusal.code == "superseded"
    wrong = answer(engine, order, "accept", key="k3").refusal
    assert (wrong.code, wrong.field) == ("wrong_state", "answer")


def test_alerts_that_wait_together_are_decided_together():
    """Each alone would take the car between them; together the second call's own neighbour goes."""
    engine, _ = engine_with(unit("between", 2, 0), unit("east", 5, 0))
    commands = [
        ReportAlert(actor="x", alert=alert(1, 0, 0, kind="theft_past", needs=(Need("patrol"),))),
        ReportAlert(actor="x", alert=alert(2, 3, 0, kind="theft_past", needs=(Need("patrol"),))),
    ]
    replies = engine.submit(*commands)
    went = [engine.state.orders[reply.orders[0]].recipient for reply in replies]
    assert went == ["between", "east"]
    assert engine.recommendations(replies[0].incident)[0].policy == "joint"


def test_a_more_urgent_level_goes_first_within_a_batch():
    engine, _ = engine_with(unit("only", 2, 0))
    low = ReportAlert(actor="x", alert=alert(1, 2, 0, needs=(Need("patrol"),), level=4))
    high = ReportAlert(actor="x", alert=alert(2, 5, 0, needs=(Need("patrol"),), level=1))
    replies = engine.submit(low, high)
    assert replies[0].shortage == ("patrol",)
    assert engine.state.orders[replies[1].orders[0]].recipient == "only"


def test_with_nobody_free_the_nearest_station_is_ordered_and_a_unit_that_frees_up_spares_it():
    engine, _ = engine_with(unit("a", 1, 0), stations=(station("south", 0, 0), station("north", 0, 4)))
    first = report(engine, alert(1, 1, 0, needs=(Need("patrol"),)))
    second = report(engine, alert(2, 0, 3, needs=(Need("patrol"),)))
    assert second.shortage == ("patrol",)
    (order,) = orders_of(engine, second)
    assert (order.recipient, order.recipient_kind, order.eta_ms) == ("north", "station", None)
    for word in ("accept", "on_scene", "clear"):
        answer(engine, first.orders[0], word)
    stations, units = orders_of(engine, second)
    assert (stations.state, units.recipient, units.state) == (OrderState.REPLACED, "a", OrderState.SENT)
    told, *sent = engine.state.mailbox("north").after(0)
    assert (told.code, [m.item for m in sent]) == ("informed", ["order", "cancellation"])


def test_a_station_that_has_accepted_keeps_the_duty():
    engine, _ = engine_with(unit("a", 1, 0), stations=(station("south", 0, 0),))
    first = report(engine, alert(1, 1, 0, needs=(Need("patrol"),)))
    second = report(engine, alert(2, 0, 3, needs=(Need("patrol"),)))
    answer(engine, second.orders[0], "accept")
    for word in ("accept", "on_scene", "clear"):
        answer(engine, first.orders[0], word)
    assert len(orders_of(engine, second)) == 1


def test_without_units_and_stations_the_shortage_is_stated_once_and_served_when_somebody_comes():
    engine, _ = engine_with(unit("a", 1, 0, on_duty=False))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    assert (reply.orders, reply.shortage) == ((), ("patrol",))
    engine.submit(Tick(actor="system"))
    notices = [m.code for m in engine.state.mailbox(DESK).after(0)]
    assert notices == ["shortage"]
    engine.submit(SetUnitStatus(actor="device:a", key="s1", unit="a", status=UnitStatus.AVAILABLE))
    assert [o.recipient for o in orders_of(engine, reply)] == ["a"]


def test_a_card_that_needs_a_person_waits_for_one():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    reply = report(engine, alert(1, 0, 0, kind="wanted_sighting", needs=(Need("patrol"),)))
    (order,) = orders_of(engine, reply)
    assert order.state is OrderState.PROPOSED
    assert not engine.state.claims
    report(engine, alert(2, 0, 0, needs=(Need("patrol"),)))  # takes the unit meanwhile
    assert engine.submit(ApproveOrder(actor="user:chen", order=order.id))[0].refusal is None
    first, second = orders_of(engine, reply)
    assert (first.state, second.recipient, second.state) == (OrderState.REPLACED, "b", OrderState.PROPOSED)
    engine.submit(ApproveOrder(actor="user:chen", order=second.id))
    assert engine.state.orders[second.id].state is OrderState.SENT
    again = engine.submit(ApproveOrder(actor="user:wu", order=second.id))[0]
    assert again.refusal.code == "superseded"


def test_the_desk_may_withdraw_an_order_and_its_recipient_is_told():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    engine.submit(CancelOrder(actor="user:li", order=reply.orders[0], reason="better_team"))
    assert [o.recipient for o in orders_of(engine, reply)] == ["a", "b"]
    assert [m.item for m in engine.state.mailbox("a").after(0)] == ["order", "cancellation"]
    engine.submit(CancelOrder(actor="user:li", order=orders_of(engine, reply)[1].id, reason="void", drop=True))
    assert not engine.state.demands


def test_ending_an_incident_withdraws_everything():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 3, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol", 3),)))
    engine.submit(EndIncident(actor="user:li", incident=reply.incident, state="invalid", reason="prank"))
    assert {o.state for o in orders_of(engine, reply)} == {OrderState.CANCELLED}
    assert not engine.state.demands
    assert engine.state.incidents[reply.incident].state is IncidentState.INVALID
    again = engine.submit(EndIncident(actor="user:li", incident=reply.incident, state="invalid"))[0]
    assert again.refusal.code == "wrong_state"


def test_clocks_run_out_once_and_tell_the_desk_to_use_the_radio():
    engine, clock = engine_with(unit("a", 1, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    assert engine.next_deadline() == NOW + 10_000
    clock.time = NOW + 10_000
    engine.submit(Tick(actor="system"), Tick(actor="system"))
    clock.time = NOW + 30_000
    engine.submit(Tick(actor="system"))
    assert [m.code for m in engine.state.mailbox(DESK).after(0)] == ["not_delivered", "not_accepted", "shortage"]
    assert answer(engine, reply.orders[0], "accept", via="radio").refusal is None


def test_an_old_position_is_not_sent_and_says_how_old():
    engine, clock = engine_with(unit("old", 1, 0), unit("new", 4, 0), policies=Policies(stale_position_ms=300_000))
    clock.time = NOW + 400_000
    lon, lat = place(4, 0)
    assert (
        engine.move([PositionFix("new", lon, lat, clock.time), PositionFix("old", lon, lat, 0)], clock.time)[0] is None
    )
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),), at=clock.time))
    assert orders_of(engine, reply)[0].recipient == "new"
    (excluded,) = engine.recommendations(reply.incident)[0].excluded
    assert (excluded.unit, excluded.why) == ("old", "stale_position")


def test_the_desk_s_mail_that_was_delivered_is_forgotten_after_a_day():
    engine, clock = engine_with()
    for number, at in enumerate((NOW, NOW + 86_400_001, NOW + 3 * 86_400_000)):
        clock.time = at
        reply = report(engine, alert(number, 1, 0, needs=(Need("patrol"),), at=at))
        box = engine.state.mailbox(DESK)
        engine.submit(AcknowledgeMail(actor="user:li", recipient=DESK, device="d", mail_seq=box.last_seq))
        engine.submit(EndIncident(actor="user:li", incident=reply.incident, state="cancelled", reason="test"))
    kept = [mail.at for mail in engine.state.mailbox(DESK).items]
    assert kept
    assert min(kept) >= clock.time - 86_400_000


def test_a_unit_that_was_struck_off_while_on_an_order_does_not_stand_in_the_way():
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 4, 0))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),)))
    later = Engine(city((unit("b", 4, 0),)), journal=engine.journal, clock=SetClock())
    (order,) = orders_of(later, reply)
    assert order.recipient == "a"
    cancelled = later.submit(CancelOrder(actor="user:li", order=order.id, reason="struck off"))[0]
    assert cancelled.refusal is None
    assert [it.recipient for it in orders_of(later, reply)] == ["a", "b"]


def test_a_position_from_a_clock_that_is_behind_is_refused_by_name():
    engine, clock = engine_with(unit("a", 1, 0), policies=Policies(stale_position_ms=600_000))
    lon, lat = place(2, 0)
    late, fresh = PositionFix("a", lon, lat, NOW - 3_600_000), PositionFix("a", lon, lat, NOW)
    refusal, taken = engine.move([late, fresh], NOW)
    assert taken is None
    assert (refusal.code, refusal.field, refusal.value) == ("too_old", "at", str(late.at))
    assert refusal.limit == f"at most 600000 ms before {NOW}"
    trusting, _ = engine_with(unit("a", 1, 0))
    assert trusting.move([late], clock.time) == [None], "stale_position_ms 0 trusts any age"


@pytest.mark.parametrize("policies", [{"excluded": 0}, {"others": 0}, {"others": 0, "excluded": 0}])
def test_a_recommendation_may_name_nobody_else(policies):
    wanted = Policies(stale_position_ms=0, **policies)
    engine, _ = engine_with(unit("near", 1, 0, "traffic"), unit("a", 2, 0), unit("b", 4, 0), policies=wanted)
    reply = report(engine, alert(1, 1, 0, needs=(Need("patrol"),)))
    assert [order.recipient for order in orders_of(engine, reply)] == ["a"]
    (recommendation,) = engine.recommendations(reply.incident)
    assert [it.recipient for it in recommendation.others] == ([] if "others" in policies else ["b"])
    assert [it.unit for it in recommendation.excluded] == ([] if "excluded" in policies else ["near"])


def test_units_are_where_they_say_they_are():
    engine, _ = engine_with(unit("a", 5, 4), unit("b", 2, 0))
    lon, lat = place(0, 0.5)
    assert engine.move([PositionFix("a", lon, lat, NOW + 1)], NOW + 1) == [None]
    assert orders_of(engine, report(engine, alert(1, 0, 0, needs=(Need("patrol"),))))[0].recipient == "a"


@pytest.mark.parametrize(
    ("fix", "code", "field"),
    [
        (PositionFix("nobody", 113.0, 36.5, NOW), "unknown_unit", "unit"),
        (PositionFix("a", float("nan"), 36.5, NOW), "out_of_range", "lon"),
        (PositionFix("a", 36.5, 113.0, NOW), "out_of_range", "lat"),
        (PositionFix("a", 120.0, 36.5, NOW), "off_road", "lon,lat"),
        (PositionFix("a", 113.0, 36.5, NOW + 3_600_000), "clock_ahead", "at"),
        (PositionFix("a", 113.0, 36.5, NOW, heading_deg=400.0), "out_of_range", "heading_deg"),
    ],
)
def test_bad_positions_are_named_and_move_nobody(fix, code, field):
    engine, _ = engine_with(unit("a", 1, 0))
    before = engine.fleet.lon.copy(), engine.fleet.lat.copy()
    (refusal,) = engine.move([fix], NOW)
    assert (refusal.code, refusal.field) == (code, field)
    assert (before[0] == engine.fleet.lon).all()
    assert (before[1] == engine.fleet.lat).all()


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"lon": float("nan")}, "not_finite", "lon"),
        ({"lon": 36.5, "lat": 113.0}, "out_of_range", "lat"),
        ({"lon": 125.0}, "off_road", "lon,lat"),
        ({"type": "robery"}, "unknown_type", "type"),
        ({"level": 5}, "out_of_range", "level"),
        ({"at": NOW + 3_600_000}, "clock_ahead", "at"),
        ({"at": NOW - 90_000_000}, "too_old", "at"),
        ({"source_ref": ""}, "wrong_length", "source_ref"),
        ({"needs": (Need("wizard"),)}, "unknown_capability", "needs[0].capability"),
        ({"needs": (Need("patrol", 0),)}, "out_of_range", "needs[0].count"),
        ({"needs": (Need("patrol"),) * 40}, "too_many", "needs"),
    ],
)
def test_bad_alerts_are_named_and_change_nothing(changed, code, field):
    import msgspec

    engine, _ = engine_with(unit("a", 1, 0))
    before = engine.snapshot()
    bad = msgspec.structs.replace(alert(1, 0, 0), **changed)
    reply = engine.submit(ReportAlert(actor="x", alert=bad))[0]
    assert (reply.refusal.code, reply.refusal.field) == (code, field)
    assert engine.snapshot() == before
    with pytest.raises(Refusal, match=field.replace("[", r"\[")):
        engine.handle(ReportAlert(actor="x", alert=bad), NOW)


def test_exchanged_coordinates_are_recognised():
    engine, _ = engine_with(unit("a", 1, 0))
    lon, lat = place(0, 0)
    bad = alert(1, 0, 0)
    import msgspec

    reply = engine.submit(ReportAlert(actor="x", alert=msgspec.structs.replace(bad, lon=lat, lat=lon)))[0]
    assert "exchanged" in reply.refusal.limit


def test_what_is_not_taken_leaves_the_rest_of_its_batch_alone():
    engine, _ = engine_with(unit("a", 1, 0))
    good = ReportAlert(actor="x", alert=alert(1, 0, 0, needs=(Need("patrol"),)))
    bad = ReportAlert(actor="x", alert=alert(2, 0, 0, kind="nonsense"))
    replies = engine.submit(bad, good)
    assert [r.refusal is None for r in replies] == [False, True]
    assert replies[1].orders


def test_many_waiting_demands_become_a_plan_for_a_worker():
    policies = Policies(stale_position_ms=0, joint_inline=2)
    engine, _ = engine_with(*(unit(f"u{i}", i, 0) for i in range(5)), policies=policies)
    replies = engine.submit(
        *(ReportAlert(actor="x", alert=alert(i, i, 1, needs=(Need("patrol"),), level=3)) for i in range(5))
    )
    assert {reply.waiting for reply in replies} == {("patrol",)}
    kinds = [event.kind for event in engine.journal.read()]
    assert kinds.count("plan_requested") == kinds.count("plan_applied") == 1
    assert sorted(
        engine.state.orders[o].recipient for r in replies for o in engine.state.incidents[r.incident].orders
    ) == [f"u{i}" for i in range(5)]


def test_a_plan_is_not_believed_where_the_world_has_moved_on():
    policies = Policies(stale_position_ms=0, joint_inline=1)

    class Later:
        def __init__(self):
            self.waiting = []

        def submit(self, work, done):
            self.waiting.append((work, done))

    later = Later()
    clock = SetClock()
    engine = Engine(city((unit("a", 1, 0), unit("b", 4, 0)), policies=policies), clock=clock, jobs=later)
    engine.submit(*(ReportAlert(actor="x", alert=alert(i, i, 1, needs=(Need("patrol"),), level=3)) for i in range(2)))
    work, done = later.waiting.pop()
    done(work())
    engine.submit(SetUnitStatus(actor="device:a", key="s", unit="a", status=UnitStatus.BUSY))
    applied = next(e.body for e in engine.journal.read() if e.kind == "plan_applied")
    assert len(applied.outdated) == 1
    assert {o.recipient for o in engine.state.orders.values()} == {"b"}


def test_a_clock_that_leaves_the_wall_is_stated_once_and_the_desk_is_told():
    engine, _ = engine_with(unit("a", 1, 0))
    for wall_at in (NOW + 4_000, NOW + 3_600_000, NOW + 3_601_000, NOW):
        engine.submit(Tick(actor="system", wall_at=wall_at))
    notices = [m.values["seconds"] for m in engine.state.mailbox(DESK).after(0) if m.code == "clock_departed"]
    assert notices == ["3600", "0"]


COVERING = Policies(
    stale_position_ms=0, cover="ties", tie_window_ms=60_000, cover_standard_ms=60_000, cover_resolution=9
)
ALONE_AND_TWINS = (unit("alone", 1, 0), unit("twin", 2, 0), unit("other twin", 2, 0))


@pytest.mark.parametrize(
    ("changed", "goes"),
    [({}, "twin"), ({"cover": "off"}, "alone"), ({"tie_window_ms": 10_000}, "alone"), ({"cover": "in_time"}, "twin")],
)
def test_among_ties_goes_who_is_missed_least(changed, goes):
    engine, _ = engine_with(*ALONE_AND_TWINS, policies=replace(COVERING, **changed))
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),), level=1))
    (order,) = orders_of(engine, reply)
    assert order.recipient == goes
    (recommendation,) = engine.recommendations(reply.incident)
    costs = {c.recipient: c.cover_ppm for c in (recommendation.chosen, *recommendation.others)}
    if changed.get("cover") == "off":
        assert set(costs.values()) == {None}
        assert recommendation.policy == "nearest"
    else:
        assert costs["alone"] > costs["twin"] == costs["other twin"] > 0
        assert recommendation.policy == "nearest_cover"
        assert recommendation.chosen.eta_ms == order.eta_ms


@pytest.mark.parametrize(("level", "goes"), [(1, "alone"), (3, "twin")])
def test_below_level_1_cover_chooses_among_all_who_are_in_time(level, goes):
    policies = replace(COVERING, cover="in_time", tie_window_ms=0)
    engine, _ = engine_with(*ALONE_AND_TWINS, policies=policies)
    report(engine, alert(1, 0, 0, needs=(Need("patrol"),), level=4))  # so that the streets are known
    world = engine._world
    spot = world.spot(next(iter(engine.state.incidents)))
    fresh = Engine(engine.city, clock=SetClock())._world
    want = Wanted(
        demand="d",
        incident="i",
        capability="patrol",
        level=level,
        arc=spot.arc,
        fraction=spot.fraction,
        due_at=NOW + 180_000,
    )
    (decision,) = decide([want], fresh.force, policies, NOW)
    assert decision.recommendation.chosen.recipient == goes
    (late,) = decide([replace(want, due_at=NOW)], fresh.force, policies, NOW)
    assert late.recommendation.chosen.recipient == "alone"


def test_calls_are_counted_where_they_come_from():
    engine, _ = engine_with(*ALONE_AND_TWINS, policies=COVERING)
    before = engine._world.cover.demand.share.max()
    for i in range(30):
        report(engine, alert(i, 5, 4, needs=(Need("patrol"),)))
    after = engine._world.cover.demand.share.max()
    assert after > before
    again = Engine(engine.city, journal=engine.journal, clock=SetClock())
    assert again._world.cover.demand.share.max() == after


IN_WINDOWS = Policies(stale_position_ms=0, window_ms=2_000)


def sent(engine):
    """Return who has an order, by the incident's number."""
    return {int(order.incident.rpartition("-")[2]): order.recipient for order in engine.state.orders.values()}


def test_lower_levels_wait_for_each_other_and_level_1_for_nobody():
    engine, clock = engine_with(unit("a", 2, 0), unit("b", 0, 1), unit("c", 5, 4), policies=IN_WINDOWS)
    engine.submit(Tick(actor="system"))
    report(engine, alert(1, 1, 0, needs=(Need("patrol"),), level=3))
    assert not sent(engine)
    assert engine.next_deadline() == NOW + 2_000
    clock.time += 1_000
    report(engine, alert(2, 2, 0, needs=(Need("patrol"),), level=3))
    report(engine, alert(3, 5, 4, needs=(Need("patrol"),), level=1))
    assert sent(engine) == {3: "c"}
    assert engine.next_deadline() <= NOW + 2_000
    clock.time = NOW + 2_000
    engine.submit(Tick(actor="system"))
    # One after the other, the first would have taken "a", which stands where the second is.
    assert sent(engine) == {1: "b", 2: "a", 3: "c"}
    assert {r.policy for i in (1, 2) for r in engine.recommendations(f"grid-incident-{i}")} == {"joint"}
    report(engine, alert(4, 0, 0, needs=(Need("patrol"),), level=2))
    assert engine.next_deadline() <= NOW + 4_000


def test_who_frees_up_within_a_window_serves_a_shortage_at_its_end():
    engine, clock = engine_with(unit("a", 2, 0, on_duty=False), policies=IN_WINDOWS)
    engine.submit(Tick(actor="system"))
    report(engine, alert(1, 1, 0, needs=(Need("patrol"),), level=3))
    clock.time += 2_000
    engine.submit(Tick(actor="system"))
    demand = next(iter(engine.state.demands.values()))
    assert demand.unmet
    engine.submit(SetUnitStatus(actor="device:a", key="on", unit="a", status=UnitStatus.AVAILABLE))
    assert not sent(engine)
    clock.time += 1_000
    engine.submit(Tick(actor="system"))
    assert not sent(engine)
    clock.time += 1_000
    engine.submit(Tick(actor="system"))
    assert sent(engine) == {1: "a"}


def test_what_waited_in_a_window_is_decided_at_once_after_a_restart():
    engine, _ = engine_with(unit("a", 2, 0), policies=IN_WINDOWS)
    engine.submit(Tick(actor="system"))
    report(engine, alert(1, 1, 0, needs=(Need("patrol"),), level=3))
    again = Engine(engine.city, journal=engine.journal, clock=SetClock())
    assert again.next_deadline() <= NOW
    again.submit(Tick(actor="system"))
    assert sent(again) == {1: "a"}
    assert again._world.window.due_at is None


def test_the_reserve_stays_back_from_lower_levels_and_goes_for_the_first():
    policies = Policies(stale_position_ms=0, reserve=1)
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 3, 0), policies=policies)
    replies = engine.submit(
        *(ReportAlert(actor="x", alert=alert(i, i, 0, needs=(Need("patrol"),), level=3)) for i in (1, 3))
    )
    assert sent(engine) == {1: "a"}
    (recommendation,) = engine.recommendations(replies[1].incident)
    assert recommendation.chosen is None
    assert not recommendation.others
    assert [(out.unit, out.why) for out in recommendation.excluded] == [
        ("b", "held_in_reserve"),
        ("a", "taken_by_other_need"),
    ]
    assert recommendation.excluded_counts == {"held_in_reserve": 1, "taken_by_other_need": 1}
    first = report(engine, alert(9, 5, 0, needs=(Need("patrol"),), level=1))
    assert [order.recipient for order in orders_of(engine, first)] == ["b"]
    answer(engine, orders_of(engine, replies[0])[0].id, "refuse", reason="far")
    assert sent(engine) == {1: "a", 3: "b"}
    assert {d.incident for d in engine.state.demands.values() if d.unmet} >= {replies[1].incident}


def test_with_one_more_than_the_reserve_a_waiting_demand_is_met():
    policies = Policies(stale_position_ms=0, reserve=1)
    engine, _ = engine_with(unit("a", 1, 0), unit("b", 3, 0, on_duty=False), policies=policies)
    reply = report(engine, alert(1, 1, 0, needs=(Need("patrol"),), level=3))
    assert not sent(engine)
    engine.submit(SetUnitStatus(actor="device:b", key="on", unit="b", status=UnitStatus.AVAILABLE))
    assert [order.recipient for order in orders_of(engine, reply)] == ["a"]


def test_a_workers_plan_is_held_to_the_reserve_as_it_is_when_it_comes_back():
    policies = Policies(stale_position_ms=0, joint_inline=0, reserve=1, reserve_level=1)
    later = Later()
    engine = Engine(city([unit("a", 1, 0), unit("b", 2, 0)], policies=policies), clock=SetClock(), jobs=later)
    reply = report(engine, alert(1, 0, 0, needs=(Need("patrol"),), level=3))
    later.work()
    # Meanwhile one of the two is busy: whoever the plan chose is now the last.
    chosen = engine.finished[0].decisions[0].recommendation.chosen.recipient
    other = {"a": "b", "b": "a"}[chosen]
    engine.submit(SetUnitStatus(actor=f"device:{other}", key="k", unit=other, status="busy"))
    assert orders_of(engine, reply) == []
    applied = [event.body for event in engine.journal.read() if event.kind == "plan_applied"]
    assert [len(body.outdated) for body in applied] == [1]


def test_a_set_heeds_who_was_sent_for_it_earlier():
    engine, _ = engine_with(unit("a", 1, 0), unit("n", 5, 4, "negotiator"))
    reply = report(engine, alert(1, 0, 0, needs=(Need("negotiator"),)))
    (order,) = orders_of(engine, reply)
    world = engine._world
    assert world._underway_ms(reply.incident, NOW) == order.eta_ms
    assert world._underway_ms(reply.incident, NOW + 1_000) == order.eta_ms - 1_000
    assert world._underway_ms(reply.incident, NOW + 10**7) == 0
    for word in ("accept", "on_scene"):
        answer(engine, order.id, word)
    assert world._underway_ms(reply.incident, NOW) == 0


class Later:
    """Jobs that are done when the test says."""

    def __init__(self):
        self.waiting = []

    def submit(self, work, done):
        self.waiting.append((work, done))

    def work(self):
        waiting, self.waiting = self.waiting, []
        for work, done in waiting:
            done(work())
