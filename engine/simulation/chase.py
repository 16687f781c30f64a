"""A pursuit played second by second: a suspect flees, cameras and clerks see him, the core orders, patrols drive.

The core is the real one, alone, on a virtual clock: an analyst verifies, the commander lets roads be shut, each after
some seconds. A patrol knows only what its mailbox said: it keeps the table that a terminal keeps, and the table is held
against the core's orders at every step.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from engine.core.containing import is_sealed
from engine.core.engine import Engine
from engine.core.state import State
from engine.model import lookout_commands as lc
from engine.model.commands import AnswerOrder, Command, DecideStep, Tick
from engine.model.entities import Details, Order, PositionFix
from engine.model.ids import LookoutId, OrderId, RecipientId, StationId, UnitId
from engine.model.lifecycle import OPEN_ORDERS, UNDER_WAY, OrderState
from engine.model.lookouts import LookoutTerms, SightingReport
from engine.simulation.drive import Drive, Way, distance_m
from engine.simulation.fleeing import Fleer
from engine.travel.polyline import decode_polyline

STEP_MS = 1_000
VERIFY_MS, LEAVE_MS, ACCEPT_MS, REPORT_MS = 4_000, 6_000, 3_000, 3_000
"""How long an analyst, the commander and a crew take, and a sighting to come in."""
AT_POST_M, GRASP_M = 25.0, 30.0
"""A post meets who passes its place so near; a crew takes who is on foot and so near."""
NOISE_M = 25.0
FIX_EVERY_MS = 3_000


class SetClock(Protocol):
    """A clock that goes when it is set."""

    def now(self) -> int:
        """Milliseconds since the epoch."""
        ...

    def set(self, now: int) -> None:
        """Go on to an instant."""
        ...


@dataclass
class Crewed:
    """One patrol: where it is, and what its terminal shows."""

    unit: UnitId
    lon: float
    lat: float
    seen_seq: int = 0
    shown: dict[OrderId, int] = field(default_factory=dict)
    drive: Drive | None = None
    accepts_at: int | None = None
    track: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Chased:
    """What came of it.

    Attributes
    ----------
    outcome
        ``caught``, at ``ended_at``, by ``caught_by``; out of time ``shut_in`` or ``lost``.
    sealed
        Spans in which the subject was called shut in.
    leaks
        Instants at which the subject, while called shut in, passed the place of a post that nobody held; there are
        none.
    contradictions
        Instants at which a terminal showed something else than the one order that stood; there are none.
    """

    outcome: str = "lost"
    ended_at: int = 0
    caught_by: RecipientId | None = None
    sealed: list[tuple[int, int]] = field(default_factory=list)
    leaks: list[int] = field(default_factory=list)
    contradictions: list[tuple[int, UnitId]] = field(default_factory=list)
    steps: int = 0


class Chase:
    """One pursuit.

    Parameters
    ----------
    engine
        On ``clock``, which nobody else sets.
    sightings_at
        When the suspect is seen, in ms since the epoch.
    """

    def __init__(
        self, engine: Engine, clock: SetClock, fleer: Fleer, sightings_at: tuple[int, ...], ends_at: int, seed: int
    ) -> None:
        self.engine, self.fleer = engine, fleer
        self.chased = Chased()
        self._clock, self._ends_at = clock, ends_at
        self._due = list(sightings_at)
        self._chance = np.random.default_rng(seed)
        self._later: list[tuple[int, Command]] = []
        self._keys = 0
        self._asked: set[str] = set()
        self.crews = {
            unit.id: Crewed(unit.id, unit.lon, unit.lat) for unit in engine.state.units.values() if unit.on_duty
        }
        self.lookout = self._look_out()

    @property
    def state(self) -> State:
        """The world as the core knows it."""
        return self.engine.state

    def run(self) -> Chased:
        """Play to the end: caught, or out of time."""
        self._report_positions(every=True)
        while self._clock.now() < self._ends_at and self.chased.outcome != "caught":
            self.step()
        self.chased.ended_at = now = self._clock.now()
        incident = self.state.lookouts[self.lookout].incident
        if self.chased.outcome == "lost" and incident is not None and is_sealed(self.state, incident, now):
            self.chased.outcome = "shut_in"
        return self.chased

    def step(self) -> None:
        """Play one second."""
        before = self._clock.now()
        now = before + STEP_MS
        self._clock.set(now)
        self.chased.steps += 1
        self._move(now)
        self._catch(before, now)
        if self.chased.outcome == "caught":
            return
        while self._due and self._due[0] <= now:
            self._see(self._due.pop(0), now)
        for command in [command for at, command in self._later if at <= now]:
            self.engine.submit(command)
            self._check(now)
        self._later = [(at, command) for at, command in self._later if at > now]
        self.engine.submit(Tick(actor="system"))
        self._decide(now)
        self._crews(now)
        self._checkpoints(now)
        self._check(now)
        self._note_seal(now)

    def _look_out(self) -> LookoutId:
        until = self._clock.now() + 8 * 3_600_000
        terms = LookoutTerms(reference="DEMO-1", list_class="seize", case_number="DEMO", until=until, exercise=True)
        details = Details(label="a made-up suspect", text="grey car, then on foot")
        reply = self.engine.submit(lc.IssueLookout(actor="user:li", key="demo", terms=terms, details=details))[0]
        assert reply.lookout is not None
        self.engine.submit(lc.ApproveLookout(actor="user:wu", lookout=reply.lookout))
        return reply.lookout

    def _see(self, at: int, now: int) -> None:
        """Let a source report where the suspect was, not quite exactly, after a while."""
        lon, lat, mode, heading = self.fleer.at(at)
        east, north = self._chance.normal(0.0, NOISE_M, 2)
        said = SightingReport(
            lookout=self.lookout,
            source="camera",
            source_ref=f"s{at}",
            lon=lon + east / (111_320 * np.cos(np.radians(lat))),
            lat=lat + north / 111_320,
            at=at,
            confidence=0.9,
            mode=mode,
            heading_deg=heading,
            accuracy_m=2 * NOISE_M,
        )
        self._later.append((now + REPORT_MS, lc.ReportSighting(actor="source:camera", sighting=said)))

    def _decide(self, now: int) -> None:
        """Let the analyst and the commander take up what is put before them."""
        for sighting in self.state.sightings.values():
            if sighting.state == "waiting" and sighting.id not in self._asked:
                self._asked.add(sighting.id)
                verdict = lc.VerifySighting(actor="user:analyst", sighting=sighting.id, verdict="true")
                self._later.append((now + VERIFY_MS, verdict))
        for step in self.state.steps.values():
            if step.outcome is None and step.id not in self._asked:
                self._asked.add(step.id)
                leave = DecideStep(actor="user:commander", step=step.id, granted=True)
                self._later.append((now + LEAVE_MS, leave))

    def _crews(self, now: int) -> None:
        """Let each crew read its mail, answer and drive."""
        for crew in self.crews.values():
            changed = self._read(crew)
            order = self._order(crew)
            if order is None:
                crew.drive, crew.accepts_at = None, None
                continue
            if changed:
                crew.accepts_at = now + ACCEPT_MS if order.state in (OrderState.SENT, OrderState.DELIVERED) else None
                if order.state is OrderState.EN_ROUTE:
                    self._set_off(crew, order, now)
            if crew.accepts_at is not None and now >= crew.accepts_at:
                crew.accepts_at = None
                self._answer(order, "accept")
            if order.state is OrderState.ACCEPTED and now >= order.proposed_at + order.turnout_ms:
                self._answer(order, "en_route")
                self._set_off(crew, self.state.orders[order.id], now)
            if order.state is OrderState.EN_ROUTE and crew.drive is not None and now >= crew.drive.ends_at:
                crew.drive = None
                self._report_positions()
                self._answer(order, "on_scene")

    def _checkpoints(self, now: int) -> None:
        """Let each checkpoint that was told accept, and say when its barrier is down."""
        for order in self._calls():
            if order.state in (OrderState.SENT, OrderState.DELIVERED) and now >= order.proposed_at + ACCEPT_MS:
                self._answer(order, "accept")
            elif order.state is OrderState.ACCEPTED:
                setup_ms = self.state.stations[StationId(order.recipient)].setup_ms
                if now >= self.state.kept.calls_taken[order.id] + setup_ms:
                    self._answer(order, "on_scene")

    def _calls(self) -> list[Order]:
        """Return the open orders of checkpoints to bar their roads."""
        posts = (self.state.orders[name] for name in self.state.order_posts)
        return [order for order in posts if order.recipient_kind == "station" and order.state in OPEN_ORDERS]

    def _read(self, crew: Crewed) -> bool:
        """Apply new mail to what the terminal shows; tell whether an order came or changed."""
        changed = False
        for mail in self.state.mailbox(RecipientId(crew.unit)).after(crew.seen_seq):
            crew.seen_seq = mail.mail_seq
            if mail.order is None or mail.item == "notice":
                continue
            changed = True
            if mail.item == "order":
                crew.shown[mail.order] = mail.version
            else:
                crew.shown.pop(mail.order, None)
            if len(crew.shown) > 1:
                self.chased.contradictions.append((self._clock.now(), crew.unit))
        return changed

    def _order(self, crew: Crewed) -> Order | None:
        return next((self.state.orders[order] for order in crew.shown if order in self.state.orders), None)

    def _set_off(self, crew: Crewed, order: Order, now: int) -> None:
        """Drive the way that the order says, from where the crew is."""
        points = decode_polyline(order.route) if order.route else np.empty((0, 2))
        here = np.array([[crew.lon, crew.lat]])
        arrives_at = order.proposed_at + (order.eta_ms or 0)
        way = Way(np.concatenate((here, points)), max(0, arrives_at - now))
        crew.drive = Drive(way, now)

    def _answer(self, order: Order, word: str) -> None:
        self._keys += 1
        its = self.state.orders[order.id]
        answer = AnswerOrder(
            actor=f"device:{its.recipient}",
            key=f"k{self._keys}",
            order=its.id,
            version=its.version,
            answer=word,  # type: ignore[arg-type]
        )
        self.engine.submit(answer)

    def _move(self, now: int) -> None:
        for crew in self.crews.values():
            if crew.drive is not None:
                crew.lon, crew.lat = crew.drive.position(now)
                crew.track.append((crew.lon, crew.lat))
        if now % FIX_EVERY_MS < STEP_MS:
            self._report_positions()

    def _report_positions(self, *, every: bool = False) -> None:
        now = self._clock.now()
        moving = [crew for crew in self.crews.values() if every or crew.drive is not None or crew.track]
        fixes = [PositionFix(unit=crew.unit, lon=crew.lon, lat=crew.lat, at=now) for crew in moving]
        if fixes:
            self.engine.move(fixes, now)

    def _catch(self, before: int, now: int) -> None:
        """Tell whether the suspect ran into a post that stands, or into a crew while on foot."""
        places = [tuple(leg.points[-1]) for leg in self.fleer.passed(before, now)]
        lon, lat, mode, _ = self.fleer.at(now)
        for crew in self.crews.values():
            order = self._order(crew)
            if order is None or order.incident != self.state.lookouts[self.lookout].incident:
                continue
            stands = order.id in self.state.order_posts and order.state is OrderState.ON_SCENE
            here = np.array([crew.lon, crew.lat])
            met = stands and any(float(distance_m(here, np.array(place))) <= AT_POST_M for place in places)
            grasped = mode == "foot" and float(distance_m(here, np.array([lon, lat]))) <= GRASP_M
            if met or grasped:
                self.chased.outcome, self.chased.caught_by = "caught", RecipientId(crew.unit)
                return
        for order in self._calls():
            here = np.array([order.lon, order.lat])
            is_barred = order.state is OrderState.ON_SCENE
            if is_barred and any(float(distance_m(here, np.array(place))) <= AT_POST_M for place in places):
                self.chased.outcome, self.chased.caught_by = "caught", order.recipient
                return
        self._note_leak(places, now)

    def _note_leak(self, passed: list[tuple[float, ...]], now: int) -> None:
        incident = self.state.lookouts[self.lookout].incident
        if incident is None or not is_sealed(self.state, incident, now):
            return
        proposal = self.state.pursuits[incident].proposal
        assert proposal is not None
        for post in proposal.posts:
            here = np.array([post.lon, post.lat])
            if any(float(distance_m(here, np.array(place))) < 1.0 for place in passed):
                self.chased.leaks.append(now)

    def _check(self, now: int) -> None:
        """Hold what terminals would show, once they have read their mail, against the orders that stand."""
        stands: dict[str, dict[OrderId, int]] = {}
        for order in self.state.orders.values():
            if order.recipient_kind == "unit" and order.state in OPEN_ORDERS and order.state is not OrderState.PROPOSED:
                stands.setdefault(order.recipient, {})[order.id] = order.version
        for crew in self.crews.values():
            if self._read(crew):
                self._follow(crew, now)
            if crew.shown != stands.get(crew.unit, {}):
                self.chased.contradictions.append((now, crew.unit))

    def _follow(self, crew: Crewed, now: int) -> None:
        """Let a crew take up mail that it read between its turns."""
        order = self._order(crew)
        crew.drive = crew.drive if order is not None else None
        if order is not None and order.state in UNDER_WAY:
            if order.state is OrderState.EN_ROUTE:
                self._set_off(crew, order, now)
            elif order.state in (OrderState.SENT, OrderState.DELIVERED) and crew.accepts_at is None:
                crew.accepts_at = now + ACCEPT_MS

    def _note_seal(self, now: int) -> None:
        incident = self.state.lookouts[self.lookout].incident
        if incident is None or not is_sealed(self.state, incident, now):
            return
        if self.chased.sealed and self.chased.sealed[-1][1] == now - STEP_MS:
            self.chased.sealed[-1] = (self.chased.sealed[-1][0], now)
        else:
            self.chased.sealed.append((now, now))
