"""The engine: commands in, events out; one journal, one state, one order of things.

`handle` decides one command and applies what came of it in memory. Nothing of it may leave before the journal has it:
`submit` runs the whole cycle for whoever embeds the engine, a `Batch` lets a server run it in its own loop.

The engine takes time, randomness and I/O from its ports alone, so that a simulated world can stand in for each.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from numpy.typing import ArrayLike

from engine.core import standing_broadcasts, standing_lookouts
from engine.core.aiming import apply_aims, next_aims
from engine.core.answering import acknowledge_mail, answer_order, set_unit_status, watch_welfare
from engine.core.apply import apply
from engine.core.asking import add_units, ask_help
from engine.core.asking_leave import ask_for_step
from engine.core.batch import Batch, Reply
from engine.core.broadcasting import read_broadcast, send_broadcast
from engine.core.choosing import choose_unit
from engine.core.city import City
from engine.core.containing import apply_containment, next_containments
from engine.core.deciding import approve_order, decide_step
from engine.core.draft import Draft
from engine.core.emergencies import end_emergency, press_emergency
from engine.core.flight import Flight
from engine.core.levels import set_level, state_facts
from engine.core.lookouts import approve_lookout, extend_lookout, issue_lookout, lift_lookout
from engine.core.ordering import apply_plan, cancel_order, serve, waiting
from engine.core.photos import keep_photo
from engine.core.plain_ports import AtOnce, NoLinks, SystemClock, VolatileJournal
from engine.core.ports import Clock, Jobs, Journal, Links
from engine.core.positions import move
from engine.core.readings import read_details
from engine.core.replacing import replace_order
from engine.core.reporting import end_incident, report_alert
from engine.core.returning import hand_over, return_order
from engine.core.searching import apply_search, next_searches, report_look
from engine.core.shifts import change_shift
from engine.core.sightings import report_sighting, settle_held, verify_sighting
from engine.core.speeds import Speeds
from engine.core.state import State
from engine.core.stations import assign_units
from engine.core.streets import lift_speed_rule, set_speed_rule, take_times
from engine.core.supervising import tick
from engine.core.telling_neighbours import stand_neighbours_down
from engine.core.world import World
from engine.model import commands as c
from engine.model import events as e
from engine.model import lookout_commands as lc
from engine.model import searches as sc
from engine.model.broadcasts import ReadBroadcast, SendBroadcast
from engine.model.entities import Details, Overruling, PositionFix
from engine.model.errors import NotStored, Refusal
from engine.model.ids import IncidentId
from engine.model.photos import KeepPhoto
from engine.model.recommendation import Recommendation
from engine.travel import TravelTimes


def _configure(world: World, draft: Draft, command: c.Configure) -> None:
    if command.digest != world.state.kept.digest:
        draft.emit(e.Configured(digest=command.digest, units=command.units, stations=command.stations))
        change_shift(world, draft)


_HANDLERS: dict[type, Callable[[World, Draft, Any], None]] = {
    c.Configure: _configure,
    c.ReportAlert: report_alert,
    c.AnswerOrder: answer_order,
    c.AssignUnits: assign_units,
    c.AskHelp: ask_help,
    c.ReturnOrder: return_order,
    c.AddUnits: add_units,
    c.ReplaceOrder: replace_order,
    c.AcknowledgeMail: acknowledge_mail,
    c.SetUnitStatus: set_unit_status,
    KeepPhoto: keep_photo,
    SendBroadcast: send_broadcast,
    ReadBroadcast: read_broadcast,
    c.WatchWelfare: watch_welfare,
    c.PressEmergency: press_emergency,
    c.EndEmergency: end_emergency,
    c.ApproveOrder: approve_order,
    c.ChooseUnit: choose_unit,
    c.AskLeave: ask_for_step,
    c.DecideStep: decide_step,
    c.CancelOrder: cancel_order,
    c.StateFacts: state_facts,
    c.SetLevel: set_level,
    c.EndIncident: end_incident,
    c.ReadDetails: read_details,
    c.ApplyPlan: apply_plan,
    c.SetSpeedRule: set_speed_rule,
    c.LiftSpeedRule: lift_speed_rule,
    c.TakeTimes: take_times,
    lc.IssueLookout: issue_lookout,
    lc.ApproveLookout: approve_lookout,
    lc.ExtendLookout: extend_lookout,
    lc.LiftLookout: lift_lookout,
    lc.ReportSighting: report_sighting,
    lc.VerifySighting: verify_sighting,
    lc.SettleHeld: settle_held,
    lc.ApplyAims: apply_aims,
    lc.ApplyContainment: apply_containment,
    sc.ReportLook: report_look,
    sc.ApplySearch: apply_search,
    c.Tick: tick,
}


class Engine:
    """A city's dispatch engine.

    Parameters
    ----------
    city
        Roads, units, stations, run cards and policies.
    journal
        Where events become durable; without one they are kept in memory only.
    clock, jobs, links
        What time it is, who does long work, and the way out; by default the system's clock, at once, and nowhere.

    Raises
    ------
    NotStored
        When the journal could not take the city's configuration.
    """

    def __init__(
        self,
        city: City,
        *,
        journal: Journal | None = None,
        clock: Clock | None = None,
        jobs: Jobs | None = None,
        links: Links | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        self.city = city
        self.journal: Journal = journal or VolatileJournal()
        self.clock: Clock = clock or SystemClock()
        self.jobs: Jobs = jobs or AtOnce()
        self.links: Links = links or NoLinks()
        self.finished: deque[c.Command] = deque()
        """Commands that workers have handed back and that are still to be handled."""
        self._world = World(city, self._replayed(snapshot), self.clock.now())
        self.give_up_jobs()
        if self.state.kept.digest != city.digest:
            command = c.Configure(actor="system", digest=city.digest, units=city.units, stations=city.stations)
            reply = self.submit(command)[0]
            if reply.refusal is not None:
                raise NotStored(f"the configuration was not stored: {reply.refusal.limit}")

    @property
    def state(self) -> State:
        """The world as the journal tells it; to be read, never changed."""
        return self._world.state

    @property
    def fleet(self) -> Any:
        """The units' columns: where everyone is."""
        return self._world.fleet

    @property
    def times(self) -> TravelTimes:
        """The travel times in force, for whoever asks on the engine's own thread."""
        return self._world.times

    @property
    def flight(self) -> Flight:
        """How fast a subject may be on the roads; to be asked."""
        return self._world.flight

    @property
    def speeds(self) -> Speeds:
        """The travel times' rules, live speeds and versions; to be read."""
        return self._world.speeds

    def handle(self, command: c.Command, now: int) -> list[e.Event]:
        """Decide one command at ``now`` and apply what came of it in memory.

        Returns
        -------
        list of Event
            Not durable yet: the caller appends them to the journal before anything of it leaves, or calls `rebuild`.

        Raises
        ------
        Refusal
            When the command is not taken; nothing has changed then.
        """
        draft = Draft(self.city.name, self.state, now, command.actor, self._world.follow)
        _HANDLERS[type(command)](self._world, draft, command)
        hand_over(self._world, draft)
        stand_neighbours_down(self._world, draft)
        return draft.events

    def settle(self, now: int) -> list[e.Event]:
        """Serve what waits, once all commands of a batch are handled; alerts that wait together decide together."""
        draft = Draft(self.city.name, self.state, now, "system", self._world.follow)
        window = self._world.window
        look_again, self.state.freed = self.state.freed or window.look_again, False
        demands = window.let_through(waiting(self._world, look_again=look_again), now, look_again=look_again)
        works = serve(self._world, draft, demands) if demands else []
        hand_over(self._world, draft)
        searches = next_searches(self._world, draft, look_again=look_again)
        works += [*next_aims(self._world, draft.now), *searches, *next_containments(self._world, draft)]
        for job in (*works, self._world.speeds.next_work(now)):
            if job is not None:
                self.jobs.submit(job, self.finished.append)
        return draft.events

    def move(self, fixes: Sequence[PositionFix], now: int) -> list[Refusal | None]:
        """Take positions: a conflated stream, not journalled.

        Returns
        -------
        list
            For each fix None, or why it was not taken.
        """
        return move(self._world, fixes, now)

    def feed_speeds(self, arcs: ArrayLike, factors: ArrayLike, until: int, now: int) -> None:
        """Take live speeds: a conflated stream, not journalled. They are in force with the next version of the times.

        Parameters
        ----------
        arcs
            int32 (c,), arcs of the city's network; of one that comes more than once the last holds.
        factors
            float64 (c,) or one for all: on the speed that the arc has without them, 0.02 to 5.
        until
            When they are out of date, in ms since the epoch; the arcs then have their own speed again.

        Raises
        ------
        Refusal
            When an arc is not on the network or a value out of range; nothing is changed then.
        """
        self._world.speeds.feed(arcs, factors, until, now)

    def submit(self, *commands: c.Command) -> list[Reply]:
        """Run the whole cycle: decide all, append once, release; then the same for what workers hand back.

        Returns
        -------
        list of Reply
            One for each command, in order. A command that is refused, or a batch that could not be stored, says so
            in its reply; nothing is raised for it.
        """
        replies = self._cycle(commands)
        while self.finished and self._cycle((self.finished.popleft(),))[0].refusal is None:
            pass
        return replies

    def _cycle(self, commands: Sequence[c.Command]) -> list[Reply]:
        batch = Batch(self)
        now = self.clock.now()
        for command in commands:
            batch.add(command, now)
        batch.settle(now)
        try:
            if batch.events:
                self.journal.append(batch.events)
        except NotStored as error:
            self.rebuild()
            return batch.not_stored(str(error))
        self.links.release(batch.events)
        return batch.replies()

    def rebuild(self, snapshot: bytes | None = None) -> None:
        """Make the state from the journal again, after a batch could not be stored. Positions stay as they are.

        ``snapshot`` is one that was taken when everything in it was durable; it saves replaying what lies before it.
        """
        self.finished.clear()
        self._world.reset(self._replayed(snapshot))
        self.give_up_jobs()

    def next_deadline(self) -> int | None:
        """Return when a `Tick` is due next, in milliseconds since the epoch; None when no clock runs."""
        due = self.state.deadlines.next_at(), self._world.speeds.due_at(), self._world.window.due_at
        return min((at for at in due if at is not None), default=None)

    def details(self, incident: IncidentId) -> Details:
        """Return what the first alert of an incident said that can name someone; empty when it was erased.

        Of a pursuit it is who is pursued, while the lookout holds.
        """
        lookout = self.state.incidents[incident].lookout
        if lookout is not None:
            return self.state.subjects.get(lookout, Details())
        for alert in self.state.incidents[incident].alerts:
            if alert in self.state.details:
                return self.state.details[alert]
        return Details()

    def recommendations(self, incident: IncidentId) -> list[Recommendation]:
        """Return what was recommended for an incident so far, in order."""
        return list(self.state.recommendations.get(incident, ()))

    def overrulings(self, incident: IncidentId) -> list[tuple[Overruling, str]]:
        """Return what persons chose over an order of an incident, in order, with what they said besides."""
        found = (self.state.overruled.get(order) for order in self.state.incidents[incident].orders)
        by_order = {its.instead: its for its in found if its is not None}
        return [(its, self.state.words.get(its.instead, "")) for its in by_order.values()]

    def snapshot(self) -> bytes:
        """Encode the state up to its last event, for a quick start."""
        return self.state.snapshot()

    def _replayed(self, snapshot: bytes | None) -> State:
        """Apply the journal, from a snapshot where there is one that this version reads."""
        state = State()
        if snapshot is not None:
            try:
                state = State.restored(snapshot)
            except msgspec.DecodeError:
                state = State()
        for event in self.journal.read(state.seq):
            apply(state, event)
        self._recall_details(state)
        return state

    def _recall_details(self, state: State) -> None:
        """Read the encrypted parts of the incidents that a snapshot kept: no snapshot holds them."""
        kept = {alert for incident in state.incidents.values() for alert in incident.alerts}
        for record in state.kept.alerts.values():
            if record.alert in kept and record.alert not in state.details:
                said = self._personal_of(record.seq)
                if said is not None:
                    state.details[record.alert] = said
        for its in {its.instead: its for its in state.overruled.values() if its.instead not in state.words}.values():
            said = self._personal_of(its.seq)
            if said is not None:
                state.words[its.instead] = said.text
        standing_lookouts.recalled(state, self._personal_of)
        standing_broadcasts.recalled(state, self._personal_of)

    def _personal_of(self, seq: int) -> Details | None:
        event = next(iter(self.journal.read(seq - 1)), None)
        return None if event is None else event.personal

    def give_up_jobs(self) -> None:
        """Hand back all open plans, empty: their worker is lost, and what they were about waits again."""
        self._world.speeds.traffic.give_up()
        for pursuit in self.state.pursuits.values():
            if pursuit.plan is not None:
                self.finished.append(
                    lc.ApplyContainment(actor="system", plan=pursuit.plan, proposal=None, failed="lost")
                )
        for search in self.state.searches.values():
            if search.plan is not None:
                self.finished.append(sc.ApplySearch(actor="system", plan=search.plan, proposal=None, failed="lost"))
        for plan in dict.fromkeys(demand.plan for demand in self.state.demands.values()):
            if plan is not None:
                self.finished.append(c.ApplyPlan(actor="system", plan=plan, decisions=(), failed="lost"))
