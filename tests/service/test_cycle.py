"""The loop that owns the engine: what is stored together, who hears what, and what happens when a commit fails."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from engine import Engine, Policies
from engine.core.plain_ports import VolatileJournal
from engine.model.commands import AnswerOrder, ReportAlert
from engine.model.demand_events import PlanApplied
from engine.model.entities import Need, PositionFix
from engine.model.errors import NotStored, Refusal
from engine.model.events import MailAcknowledged, OrderProposed
from engine.model.step_events import DeadlineMissed
from engine.service import cycle as cycle_module
from engine.service.copies import keep_at_start
from engine.service.cycle import Cycle, CycleLimits
from engine.service.virtual_clock import VirtualClock
from engine.service.worker_jobs import WorkerJobs
from tests.support.cities import NOW, SetClock, alert, city, place, unit
from tests.support.recording import FailingJournal, RecordingJournal
from tests.support.streams import play, until

NEED = (Need("patrol"),)


def told(ref, column=0, row=0, **more):
    return ReportAlert(actor="user:li", alert=alert(ref, column, row, needs=NEED, **more))


@asynccontextmanager
async def turning(*units, journal=None, clock=None, jobs=None, policies=None, **more):
    units = units or (unit("near", 1, 0), unit("far", 5, 4))
    journal = VolatileJournal() if journal is None else journal
    engine = Engine(city(units, policies=policies), journal=journal, clock=clock or SetClock(), jobs=jobs)
    cycle = Cycle(engine, **more)
    if jobs is not None:
        jobs.attach(cycle)
    task = asyncio.create_task(cycle.run())
    try:
        yield cycle
    finally:
        cycle.stop()
        await task


def bodies(cycle, kind):
    return [event for event in cycle.engine.journal.read() if isinstance(event.body, kind)]


def test_what_waits_is_decided_together_and_stored_once():
    async def scene():
        journal = RecordingJournal(VolatileJournal())
        async with turning(journal=journal) as cycle:
            journal.steps.clear()
            outcomes = await asyncio.gather(cycle.submit(told(1)), cycle.submit(told(2, 5, 4)), cycle.submit(told(1)))
        assert [step.what for step in journal.steps] == ["begin", "commit", "return"]
        assert [outcome.reply.duplicate for outcome in outcomes] == [False, False, True]
        recipients = [cycle.engine.state.orders[outcome.reply.orders[0]].recipient for outcome in outcomes]
        assert recipients == ["near", "far", "near"]
        assert cycle.counts["commits"] == 1

    play(scene())


class WhoWrites(VolatileJournal):
    """Notes which thread commits, and lets a commit be slow or fail."""

    def __init__(self):
        super().__init__()
        self.threads, self.then = [], None

    def append(self, events):
        if self.then is not None:
            self.then()
        self.threads.append(threading.current_thread() is threading.main_thread())
        super().append(events)


def test_the_loop_commits_itself_until_that_is_slow_and_tries_again_after_a_while(monkeypatch):
    monkeypatch.setattr(cycle_module, "AFTER_A_SLOW_ONE", 2)

    async def scene():
        journal = WhoWrites()
        async with turning(journal=journal, limits=CycleLimits(quick_commit_ms=3_600_000.0)) as cycle:
            await cycle.submit(told(0))
            journal.threads.clear()
            await cycle.submit(told(1))
            cycle.limits = CycleLimits(quick_commit_ms=1e-9)  # whatever a commit takes is too long
            for number in range(2, 6):
                await cycle.submit(told(number))
            assert journal.threads == [True, True, False, False, True]

    play(scene())


def test_a_commit_of_the_loop_s_own_that_fails_is_told_and_the_next_is_a_thread_s():
    def fail():
        raise NotStored("no space")

    async def scene():
        journal = WhoWrites()
        async with turning(journal=journal, limits=CycleLimits(retry_ms=1)) as cycle:
            journal.then = fail
            outcome = await cycle.submit(told(1))
            assert outcome.reply.refusal.code == "not_stored"
            journal.then = None
            await until(lambda: not cycle._is_shut())
            assert (await cycle.submit(told(1))).reply.refusal is None
            assert journal.threads[-1] is False

    play(scene())


def test_a_refusal_concerns_its_caller_alone():
    async def scene():
        async with turning() as cycle:
            bad, good = await asyncio.gather(cycle.submit(told(1, kind="nonsense")), cycle.submit(told(2)))
        assert bad.reply.refusal is not None
        assert bad.retry_ms is None
        assert good.reply.refusal is None

    play(scene())


def test_a_failed_commit_is_told_to_everyone_and_leaves_nothing():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        released = []
        async with turning(journal=journal, limits=CycleLimits(retry_ms=3_600_000)) as cycle:
            cycle.outlets.append(released.append)
            before = cycle.engine.snapshot()
            journal.fail_next()
            first, second = await asyncio.gather(cycle.submit(told(1)), cycle.submit(told(2)))
            for outcome in (first, second):
                assert outcome.reply.refusal.code == "not_stored"
                assert outcome.retry_ms == 3_600_000
            assert cycle.engine.snapshot() == before
            assert released == []
            assert not cycle.accepting
            # The intake is shut: nothing is even tried.
            third = await cycle.submit(told(3))
            assert third.reply.refusal.code == "not_stored"
            assert journal.refused == 1
            with pytest.raises(Refusal, match="not_stored"):
                cycle.offer(told(4), released.append)
            # When its time has come, the next batch is the trial.
            cycle._closed_until = 0.0
            fourth = await cycle.submit(told(1))
            assert fourth.reply.refusal is None
            assert cycle.accepting
            assert len(released) == 1

    play(scene())


def test_a_trial_that_fails_shuts_the_intake_again():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        async with turning(journal=journal, limits=CycleLimits(retry_ms=0)) as cycle:
            journal.fail_next(3)
            for _ in range(3):
                assert (await cycle.submit(told(1))).reply.refusal.code == "not_stored"
                assert not cycle.accepting
            assert (await cycle.submit(told(1))).reply.refusal is None
            assert cycle.counts["not_stored"] == 3

    play(scene())


def test_where_nobody_asks_a_copy_that_could_be_kept_opens_the_intake():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        limits = CycleLimits(retry_ms=0, checkpoint_ms=0)
        async with turning(journal=journal, keeper=Keeping(), limits=limits) as cycle:
            journal.fail_next()
            assert (await cycle.submit(told(1))).reply.refusal.code == "not_stored"
            await until(lambda: not cycle._is_shut())
            assert journal.refused == 1

    play(scene())


def test_a_receipt_survives_a_failed_commit():
    async def scene():
        journal = FailingJournal(VolatileJournal())
        async with turning(journal=journal, limits=CycleLimits(retry_ms=0)) as cycle:
            await cycle.submit(told(1))
            journal.fail_next()
            cycle.acknowledge("device:near", "near", "phone", 1)
            await until(lambda: bodies(cycle, MailAcknowledged))
            assert journal.refused == 1

    play(scene())


def test_an_append_that_breaks_otherwise_counts_as_not_stored():
    class Broken(VolatileJournal):
        broken = False

        def append(self, events):
            if self.broken:
                raise ZeroDivisionError
            super().append(events)

    async def scene():
        journal = Broken()
        async with turning(journal=journal, limits=CycleLimits(retry_ms=0)) as cycle:
            journal.broken = True
            outcome = await cycle.submit(told(1))
            assert (outcome.reply.refusal.code, outcome.reply.refusal.limit) == ("not_stored", "ZeroDivisionError")
            journal.broken = False
            assert (await cycle.submit(told(1))).reply.refusal is None

    play(scene())


def test_too_many_that_wait_are_refused_by_name():
    async def scene():
        async with turning(limits=CycleLimits(waiting=2)) as cycle:
            outcomes = await asyncio.gather(*(cycle.submit(told(ref)) for ref in range(4)))
            codes = [outcome.reply.refusal and outcome.reply.refusal.code for outcome in outcomes]
            assert codes == [None, None, "busy", "busy"]
            assert outcomes[2].retry_ms == 1_000
            assert cycle.counts["busy"] == 2

    play(scene())


def test_batches_are_bounded():
    async def scene():
        async with turning(limits=CycleLimits(batch=2)) as cycle:
            await asyncio.gather(*(cycle.submit(told(ref)) for ref in range(5)))
            assert cycle.counts["commits"] == 3

    play(scene())


def test_an_error_of_our_own_names_its_command_and_the_loop_goes_on(monkeypatch, caplog):
    async def scene():
        async with turning() as cycle:
            handle = cycle.engine.handle

            def breaking(command, now):
                if isinstance(command, ReportAlert) and command.alert.source_ref == "2":
                    raise ZeroDivisionError
                return handle(command, now)

            monkeypatch.setattr(cycle.engine, "handle", breaking)
            outcomes = await asyncio.gather(*(cycle.submit(told(ref)) for ref in (1, 2, 3)))
            codes = [outcome.reply.refusal.code for outcome in outcomes]
            assert codes == ["not_stored", "internal_error", "not_stored"]
            assert not cycle.engine.state.incidents
            assert (await cycle.submit(told(1))).reply.refusal is None
            assert cycle.counts["faults"] == 1

    play(scene())
    assert "decide_failed" in caplog.text


def test_who_cannot_be_told_does_not_keep_others_from_being_told(caplog):
    async def scene():
        async with turning() as cycle:

            def broken(_):
                raise ZeroDivisionError

            cycle.outlets.append(broken)
            cycle.offer(told(1), broken)
            assert (await cycle.submit(told(2))).reply.refusal is None
            assert (cycle.counts["answer_failures"], cycle.counts["outlet_failures"]) == (1, 1)

    play(scene())
    assert "answer_failed" in caplog.text


def test_positions_conflate_to_the_newest_and_refusals_find_their_sender():
    async def scene():
        async with turning() as cycle:
            refused = []
            lon, lat = place(3, 3)
            cycle.move(PositionFix("near", lon, lat, NOW + 2), refused.append)
            cycle.move(PositionFix("near", 0.0, 0.0, NOW + 1), refused.append)
            cycle.move(PositionFix("far", 0.0, 0.0, NOW), refused.append)
            with pytest.raises(Refusal, match="unknown_unit"):
                cycle.move(PositionFix("ghost", lon, lat, NOW), refused.append)
            await cycle.visit(lambda: None)
            await until(lambda: refused)
            assert [refusal.code for refusal in refused] == ["off_road"]
            row = cycle.engine.fleet.index("near")
            assert cycle.engine.fleet.lon[row] == pytest.approx(lon)
            assert cycle.counts["positions_conflated"] == 1

    play(scene())


def test_a_look_waits_until_everything_is_committed():
    entered, leave = threading.Event(), threading.Event()

    def hold():
        entered.set()
        leave.wait(20.0)

    async def scene():
        journal = RecordingJournal(VolatileJournal())
        async with turning(journal=journal, limits=CycleLimits(quick_commit_ms=0)) as cycle:
            journal._before_commit = hold
            asked = asyncio.ensure_future(cycle.submit(told(1)))
            await until(entered.is_set)
            look = cycle.visit(lambda: cycle.engine.state.seq)
            for _ in range(50):
                await asyncio.sleep(0)
            assert not look.done()
            leave.set()
            assert await look == journal.steps[-1].seqs[-1]
            await asked

    play(scene())


def test_a_deadline_is_met_when_the_clock_says_so():
    async def scene():
        clock = SetClock()
        async with turning(clock=clock) as cycle:
            await cycle.submit(told(1))
            clock.time = cycle.engine.next_deadline()
            cycle.wake()
            await until(lambda: bodies(cycle, DeadlineMissed))
            assert bodies(cycle, DeadlineMissed)[0].at == clock.time

    play(scene())


def test_a_virtual_clock_meets_each_deadline_at_its_own_instant():
    async def scene():
        clock = VirtualClock(NOW)
        async with turning(clock=clock) as cycle:
            await cycle.submit(told(1))
            future = asyncio.get_running_loop().create_future()
            cycle.advance(NOW + 3_600_000, future.set_result)
            assert (await future).reply.refusal is None
            missed = bodies(cycle, DeadlineMissed)
            assert [event.body.clock for event in missed][:2] == ["deliver", "accept"]
            assert all(event.at == event.body.due_at for event in missed)
            assert clock.now() == NOW + 3_600_000
            back = asyncio.get_running_loop().create_future()
            cycle.advance(NOW, back.set_result)
            assert (await back).reply.refusal.code == "out_of_range"

    play(scene())


def test_setting_a_virtual_clock_keeps_its_turn():
    async def scene():
        async with turning(clock=VirtualClock(NOW)) as cycle:
            first = asyncio.ensure_future(cycle.submit(told(1)))
            await asyncio.sleep(0)
            future = asyncio.get_running_loop().create_future()
            cycle.advance(NOW + 5, future.set_result)
            second = asyncio.ensure_future(cycle.submit(told(2)))
            await asyncio.gather(first, future, second)
            opened = [event.at for event in cycle.engine.journal.read() if event.kind == "incident_opened"]
            assert opened == [NOW, NOW + 5]

    play(scene())


def test_a_clock_that_runs_by_itself_is_not_set():
    async def scene():
        async with turning() as cycle:
            with pytest.raises(Refusal, match="not_allowed"):
                cycle.advance(NOW + 1, lambda _: None)

    play(scene())


def test_long_work_is_done_in_a_thread_and_comes_back():
    async def scene():
        jobs = WorkerJobs()
        units = [unit(f"car-{n}", n % 6, n // 6) for n in range(8)]
        async with turning(*units, jobs=jobs, policies=Policies(stale_position_ms=0, joint_inline=1)) as cycle:
            outcomes = await asyncio.gather(*(cycle.submit(told(ref, ref, ref)) for ref in range(3)))
            assert [outcome.reply.orders for outcome in outcomes] == [(), (), ()]
            await until(lambda: bodies(cycle, PlanApplied))
            assert len(bodies(cycle, OrderProposed)) == 3
            jobs.close()

    play(scene())


def test_work_that_breaks_is_given_up_and_what_it_was_about_waits_again(monkeypatch, caplog):
    async def scene():
        jobs = WorkerJobs()
        units = [unit(f"car-{n}", n % 6, n // 6) for n in range(8)]
        async with turning(*units, jobs=jobs, policies=Policies(stale_position_ms=0, joint_inline=1)) as cycle:
            submit = jobs.submit

            def broken():
                raise ZeroDivisionError

            def first_breaks(_, done):
                monkeypatch.undo()
                submit(broken, done)

            monkeypatch.setattr(jobs, "submit", first_breaks)
            await asyncio.gather(*(cycle.submit(told(ref, ref, ref)) for ref in range(3)))
            await until(lambda: len(bodies(cycle, PlanApplied)) == 2)
            assert [event.body.failed for event in bodies(cycle, PlanApplied)] == ["lost", ""]
            jobs.close()

    play(scene())
    assert "job_failed" in caplog.text


class Keeping:
    """Keeps copies in memory, or fails."""

    def __init__(self, works=True):
        self.works = works
        self.kept = []
        self.snapshot_seq = 0

    def load_snapshot(self):
        return None

    def renew_snapshot(self):
        if ("no more", 0) in self.kept:
            raise NotStored("stopping")
        self.keep("renewed", 0)

    def stop_renewing(self):
        self.kept.append(("no more", 0))

    def save_checkpoint(self, name, at, blob):
        self.keep(name, at)

    def save_snapshot(self, seq, blob):
        self.keep("snapshot", seq)

    def settle(self):
        self.keep("settled", 0)

    def keep(self, name, mark):
        if not self.works:
            raise NotStored("disk full")
        self.kept.append((name, mark))


def test_copies_are_kept_in_passing_and_at_the_end():
    async def scene():
        keeper = Keeping()
        async with turning(keeper=keeper, limits=CycleLimits(checkpoint_ms=0, snapshot_events=5)) as cycle:
            await cycle.submit(told(1))
            await until(lambda: ("renewed", 0) in keeper.kept)
            await cycle.submit(told(2))
        assert ("fleet", NOW) in keeper.kept
        assert ("snapshot", cycle.engine.state.seq) in keeper.kept
        assert "renewed" not in dict(keeper.kept[keeper.kept.index(("no more", 0)) :])

    play(scene())


def test_a_start_that_replayed_much_keeps_the_state_at_once(caplog):
    engine, keeper = Engine(city((unit("u1", 1, 0),)), clock=SetClock()), Keeping()
    keep_at_start(engine, keeper, engine.state.seq + 1)
    assert keeper.kept == []
    keep_at_start(engine, keeper, engine.state.seq)
    assert keeper.kept == [("snapshot", engine.state.seq)]
    keep_at_start(engine, Keeping(works=False), engine.state.seq)
    assert "copy_not_kept" in caplog.text


def test_a_copy_that_cannot_be_kept_stops_nothing(caplog):
    async def scene():
        async with turning(keeper=Keeping(works=False), limits=CycleLimits(checkpoint_ms=0)) as cycle:
            assert (await cycle.submit(told(1))).reply.refusal is None

    play(scene())
    assert "copy_not_kept" in caplog.text


def test_stopping_decides_what_waits_and_takes_nothing_more():
    async def scene():
        async with turning() as cycle:
            waiting = asyncio.ensure_future(cycle.submit(told(1)))
            await asyncio.sleep(0)
            cycle.stop()
            late = await cycle.submit(told(2))
            assert late.reply.refusal.code == "not_stored"
            assert (await waiting).reply.refusal is None
            assert cycle.visit(lambda: None).cancelled()

    play(scene())


def test_figures_are_told():
    class Told:
        def __init__(self):
            self.said = []

        def __getattr__(self, name):
            return lambda *values: self.said.append((name, values[0] if values else None))

    async def scene():
        figures = Told()
        journal = FailingJournal(VolatileJournal())
        async with turning(journal=journal, figures=figures, limits=CycleLimits(retry_ms=0), trace=True) as cycle:
            outcome = await cycle.submit(told(1))
            assert outcome.trace.commit_us >= 0
            assert outcome.trace.decide_us > 0
            command = AnswerOrder(actor="d", key="k", order=outcome.reply.orders[0], version=1, answer="accept")
            await cycle.submit(command)
            journal.fail_next()
            await cycle.submit(told(2))
        assert [said for said in figures.said if said[0] != "moved"] == [
            ("committed", 1),
            ("decided", "report_alert"),
            ("committed", 1),
            ("decided", "answer_order"),
            ("not_stored", None),
        ]

    play(scene())
