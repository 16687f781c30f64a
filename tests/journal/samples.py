"""One event of every kind, and batches as the core makes them: a call comes in, a unit is ordered."""

import typing

from engine.model import lookout_events as le
from engine.model import searches as se
from engine.model.broadcasts import BroadcastRead, BroadcastSent
from engine.model.demand_events import DemandDropped, DemandRaised, DemandUnmet, PlanApplied, PlanRequested, Recommended
from engine.model.emergency_events import EmergencyEnded, EmergencyRaised, EmergencyRepeated, WelfareSet
from engine.model.entities import Asked, Crew, Details, EscalationStep, Need, Order, Place, Station, Unit
from engine.model.events import (
    AlertReceived,
    Body,
    ClockDeparted,
    Configured,
    DetailsRead,
    Event,
    FactsStated,
    HelpAsked,
    IncidentAdvanced,
    IncidentOpened,
    LevelChanged,
    MailAcknowledged,
    Mailed,
    OrderAdvanced,
    OrderProposed,
    Overruled,
    ReturnAsked,
    SceneHeard,
    ShiftChanged,
    SpeedRuleLifted,
    SpeedRuleSet,
    UnitAdvanced,
    UnitsNamed,
)
from engine.model.lifecycle import IncidentState, OrderState, UnitStatus
from engine.model.lookouts import LookoutTerms
from engine.model.photos import PhotoKept
from engine.model.pursuits import Post, Proposal
from engine.model.recommendation import Candidate, Chased, Excluded, Meeting, Recommendation
from engine.model.step_events import DeadlineMissed, Escalated, StepDecided, StepPassedOn, StepRequested
from engine.model.streets import SpeedRule, Spot

AT = 1_800_000_000_000
SECRET = Details(
    text="浓烟，二楼有人 · smoke, second floor", caller="Zhang San", phone="13800000000", address="人民路 1"
)

RECOMMENDATION = Recommendation(
    capability="engine",
    policy="nearest",
    chosen=Candidate("E01", 183_000, 60_000, 123_000, distance_m=2_140),
    others=(Candidate("E07", 240_000, 60_000, 180_000), Candidate("ST3", 0, 0, 0, "station")),
    excluded=(Excluded("E02", "on_order", 95_000, "sx-order-4"),),
    excluded_counts={"on_order": 3, "lacks_capability": 41, "busy": 2},
    fleet_size=64,
    settled_nodes=1_812,
)
MEETING = Meeting(lon=113.07, lat=36.53, eta_ms=70_000, ahead_ms=25_000, meets=900, at_ms=115_000)
AHEAD = Recommendation(
    capability="patrol",
    policy="ahead",
    chosen=Candidate("P1", 200_000, 0, 200_000, distance_m=700, penalties_ms={"behind": 225_750}, meeting=MEETING),
    others=(Candidate("P2", 60_000, 0, 60_000, penalties_ms={"behind": 480_000}),),
    excluded=(),
    excluded_counts={},
    fleet_size=2,
    settled_nodes=300,
    chased=Chased(sighting="sx-sighting-1", why="ahead", routes=2_000, horizon_ms=480_000),
)
ORDER = Order(
    id="sx-order-1",
    version=1,
    incident="sx-incident-1",
    recipient="E01",
    recipient_kind="unit",
    capability="engine",
    state=OrderState.PROPOSED,
    proposed_at=AT,
    lon=113.05,
    lat=36.53,
    level=2,
    type="fire",
    eta_ms=183_000,
    turnout_ms=60_000,
    route="_p~iF~ps|U",
)

CLOSURE = SpeedRule(
    factor=0.0,
    rings=(((113.0, 36.5), (113.1, 36.5), (113.05, 36.6)),),
    spots=(Spot(113.05, 36.53), Spot(113.06, 36.53, 90.0)),
    classes=("primary",),
    hours=((7, 9),),
    until=AT + 3_600_000,
    reason="洪水 · flood",
)


TERMS = LookoutTerms(
    reference="TJ-7", list_class="seize", case_number="A-12", until=AT + 3_600_000, told=("detectives",)
)
SIGHTING = le.SightingReported(
    id="sx-sighting-1",
    lookout="sx-lookout-1",
    source="camera-7",
    source_ref="f-1",
    lon=113.05,
    lat=36.53,
    seen_at=AT - 1_000,
    confidence=0.93,
    mode="car",
    accuracy_m=20.0,
    heading_deg=90.0,
    line=(Asked("verify_by_analyst", 60_000), Asked("dispatcher")),
    held_for="in_the_future",
)


SEARCH = se.SearchProposal(
    made_at=AT,
    routes=(se.Route(unit="E01", places=(0,), done_at=(AT + 240_000,), demand="sx-demand-1"),),
    calls=(0,),
    expected_ms=150_000,
    optimal=True,
    short=("sx-demand-2",),
)
PROPOSAL = Proposal(
    verdict="sealed",
    made_at=AT,
    times_version=2,
    posts=(
        Post(
            lon=113.06,
            lat=36.53,
            duty="block",
            units=("E01", "E02"),
            watch_deg=(90, 180),
            due_at=AT + 90_000,
            ready_at=AT + 60_000,
            fixed_ms=20_000,
            stretch=1_750,
        ),
    ),
    stretch=1_750,
)


def alert(number=1, incident=1):
    """Return the body of an alert."""
    return AlertReceived(
        alert=f"sx-alert-{number}",
        incident=f"sx-incident-{incident}",
        source="cad",
        source_ref=f"R-{number}",
        type="fire",
        lon=113.05,
        lat=36.53,
        reported_at=AT - 1_500,
    )


def bodies():
    """Return one body of every kind; those of later versions stand last."""
    unit = Unit(id="E01", name="泵浦车一号", capabilities=("engine",), lon=113.04, lat=36.52, station="ST1")
    station = Station(id="ST1", name="Central", name_zh="中心站", lon=113.04, lat=36.52)
    opened = IncidentOpened(
        incident="sx-incident-1",
        alert="sx-alert-1",
        type="fire",
        level=2,
        lon=113.05,
        lat=36.53,
        first_alert_at=AT - 1_500,
        needs=(Need("engine", 2), Need("ambulance")),
        approval="by_rule",
    )
    return [
        Configured(digest="abc", units=(unit,), stations=(station,)),
        alert(),
        opened,
        IncidentAdvanced(incident="sx-incident-1", to=IncidentState.DISPATCHED),
        DemandRaised(demand="sx-demand-1", incident="sx-incident-1", capability="engine", level=2),
        Recommended(demand="sx-demand-1", incident="sx-incident-1", recommendation=RECOMMENDATION),
        OrderProposed(order=ORDER, demand="sx-demand-1"),
        OrderAdvanced(order="sx-order-1", version=2, to=OrderState.ACCEPTED, via="radio", said_at=AT + 9, key="k1"),
        Mailed(recipient="E01", mail_seq=1, item="order", order="sx-order-1", version=1),
        Mailed(
            recipient="desk", mail_seq=1, item="notice", code="short", values={"what": "engine", "by": "2", "a": ""}
        ),
        MailAcknowledged(recipient="E01", device="tablet-1", mail_seq=1),
        DemandUnmet(
            demand="sx-demand-2", incident="sx-incident-1", capability="ambulance", recommendation=RECOMMENDATION
        ),
        DemandDropped(demand="sx-demand-2", reason="cancelled"),
        UnitAdvanced(unit="E02", to=UnitStatus.BUSY, key="k2"),
        PlanRequested(plan="sx-plan-1", demands=("sx-demand-3", "sx-demand-4"), state_version=11),
        PlanApplied(plan="sx-plan-1", held=("sx-demand-3",), outdated=("sx-demand-4",)),
        DeadlineMissed(clock="accept", order="sx-order-1", due_at=AT + 30_000),
        ClockDeparted(wall_at=AT + 7_000),
        SpeedRuleSet(id="sx-rule-1", rule=CLOSURE, key="k3"),
        SpeedRuleLifted(id="sx-rule-1", why="lifted", reason="done"),
        StepRequested(
            id="sx-step-1",
            step="return_order",
            incident="sx-incident-1",
            line=(Asked("commander", 120_000), Asked("duty_leader")),
            order="sx-order-1",
            values={"reason": "far"},
        ),
        StepPassedOn(id="sx-step-1", to="duty_leader", due_at=AT + 120_000),
        Escalated(clock="accept", number=1, step=EscalationStep(30_000, "tell", "commander"), order="sx-order-1"),
        SceneHeard(order="sx-order-1", version=1, what="well", key="k4"),
        StepDecided(id="sx-step-1", outcome="granted", acting_as="duty_leader", reason="yes"),
        UnitsNamed(
            order="sx-order-2",
            named=("E01", "E02"),
            demands=("sx-demand-1", "sx-demand-2"),
            proposed=("E03", None),
            key="k4",
            reason="knows_place",
            said_at=AT + 5,
        ),
        Overruled(order="sx-order-1", instead="sx-order-3", why="other", key="k5", despite=("lacks_capability",)),
        ShiftChanged(
            crews={"E01": Crew(officers=("0101",), people=1, sworn=1, rank="constable", capabilities=("engine",))},
            unlisted=("E02",),
            next_at=AT + 28_800_000,
        ),
        le.LookoutIssued(id="sx-lookout-1", terms=TERMS, key="k5", waits=True),
        le.LookoutApproved(id="sx-lookout-1"),
        le.LookoutExtended(id="sx-lookout-1", until=AT + 9_000_000, reason="still"),
        le.LookoutEnded(id="sx-lookout-1", why="lifted", reason="caught"),
        SIGHTING,
        le.SightingReleased(
            id="sx-sighting-1", lookout="sx-lookout-1", line=(Asked("dispatcher"),), seen_at=AT, reason="clock"
        ),
        le.SightingRejected(id="sx-sighting-1", reason="no"),
        le.SightingPassedOn(id="sx-sighting-1", to="commander", due_at=AT + 60_000),
        le.SightingVerified(id="sx-sighting-1", verdict="true", acting_as="commander"),
        le.PursuitMoved(incident="sx-incident-1", sighting="sx-sighting-1", lon=113.06, lat=36.53),
        le.OrderAmended(order="sx-order-1", version=3, lon=113.06, lat=36.53, eta_ms=90_000, route="_p~iF"),
        HelpAsked(incident="sx-incident-1", what="backup", wanted="engine", count=2, key="k6", order="sx-order-1"),
        ReturnAsked(order="sx-order-1", version=1, reason="far", key="k7", via="radio", said_at=AT + 6),
        DetailsRead(what="incident", id="sx-incident-1", key="sx-alert-1", role="dispatcher"),
        EmergencyRaised(unit="E01", alert="sx-alert-1", incident="sx-incident-1", key="k8", order="sx-order-1"),
        EmergencyRepeated(unit="E01", key="k9"),
        BroadcastSent(id="sx-broadcast-1", key="k11", to="units", recipients=("E01", "E02"), capability="engine"),
        PhotoKept(order="sx-order-1", sha256="0" * 64, size=9, media="image/png"),
        BroadcastRead(id="sx-broadcast-1", recipient="E01"),
        WelfareSet(order="sx-order-1", every_ms=300_000, key="k10"),
        EmergencyEnded(unit="E01", alert="sx-alert-1", incident="sx-incident-1", false_alarm=True),
        FactsStated(incident="sx-incident-1", established=("weapon",), ruled_out=("injured",)),
        LevelChanged(
            incident="sx-incident-1",
            was=3,
            level=1,
            approval="by_rule",
            reason="facts",
            clocks_ms={"order": 60_000},
            order_clocks_ms={"sx-order-1": {"accept": 30_000}},
        ),
        le.ContainmentRequested(
            plan="sx-plan-2", incident="sx-incident-1", sighting="sx-sighting-1", stage="first", state_version=40
        ),
        le.ContainmentPlanned(plan="sx-plan-2", incident="sx-incident-1", outcome="held", proposal=PROPOSAL),
        se.SearchOpened(
            incident="sx-incident-1",
            alert="sx-alert-1",
            places=(Place(lon=113.05, lat=36.53, chance=0.4, check_ms=180_000, phone=True),),
            callers=1,
            call_ms=90_000,
            call_sure=0.5,
        ),
        se.SearchRequested(plan="sx-plan-3", incident="sx-incident-1", state_version=44),
        se.SearchPlanned(plan="sx-plan-3", incident="sx-incident-1", outcome="held", proposal=SEARCH),
        se.LooksChanged(
            order="sx-order-1", version=4, places=(0,), lon=113.05, lat=36.53, eta_ms=60_000, route="_p~iF"
        ),
        se.PlaceLooked(
            incident="sx-incident-1",
            alert="sx-alert-1",
            place=0,
            how="phone",
            found=False,
            key="k12",
            order="sx-order-1",
            said_at=AT + 7,
        ),
        se.SearchExhausted(incident="sx-incident-1"),
        Recommended(demand="sx-demand-1", incident="sx-incident-1", recommendation=AHEAD),
        le.OrderAmended(
            order="sx-order-1",
            version=5,
            lon=MEETING.lon,
            lat=MEETING.lat,
            eta_ms=MEETING.eta_ms,
            route="_p~iF",
            meeting=MEETING,
            chased=AHEAD.chased,
        ),
    ]


def kinds():
    """Return every kind of body that the model has."""
    return set(typing.get_args(Body))


def event(seq, body, personal=None):
    """Return an event of a source."""
    return Event(seq, AT + seq, "source:cad", body, personal)


def all_kinds():
    """Return a history with one event of every kind; the alert has a personal part."""
    return [
        event(seq, body, SECRET if isinstance(body, AlertReceived) else None) for seq, body in enumerate(bodies(), 1)
    ]


def call(number, after_seq, personal=SECRET):
    """Return the six events that one call comes to."""
    _, _, opened, _, demand, recommended, _, advanced, mailed, *_ = bodies()
    batch = (alert(number), opened, demand, recommended, advanced, mailed)
    return [
        event(seq, body, personal if isinstance(body, AlertReceived) else None)
        for seq, body in enumerate(batch, after_seq + 1)
    ]
