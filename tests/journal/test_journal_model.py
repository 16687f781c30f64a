"""The journal beside a plain list of events, through any order of appends, failures, erasures, restarts, snapshots."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.journal.envelope import PersonalState
from engine.model.errors import NotStored
from tests.journal.conftest import Desk
from tests.journal.samples import AT, SECRET, alert, bodies, event

OTHERS = bodies()[2:]


class JournalBesideList(RuleBasedStateMachine):
    """``events`` is what must be in the journal, ``erased`` whose personal parts must be gone."""

    @initialize()
    def begin(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.desk = Desk(Path(self.temporary.name))
        # What a restart does is the same with or without waiting for the disk, and examples are many.
        self.desk.reopen(synchronous="OFF")
        self.log_id = self.desk.journal.log_id
        self.events, self.erased, self.snapshot, self.alerts = [], set(), None, 0

    def batch(self, shape):
        made = []
        for is_alert, has_personal, which in shape:
            seq = len(self.events) + len(made) + 1
            if is_alert:
                self.alerts += 1
                made.append(event(seq, alert(self.alerts), SECRET if has_personal else None))
            else:
                made.append(event(seq, OTHERS[which % len(OTHERS)]))
        return made

    shapes = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 20)), max_size=5)

    @rule(shape=shapes)
    def append(self, shape):
        batch = self.batch(shape)
        self.desk.journal.append(batch)
        self.events += batch

    @rule(shape=shapes, how=st.sampled_from(["gap", "again", "full", "denied"]))
    def fail_to_append(self, shape, how):
        alerts = self.alerts
        batch = self.batch([(True, True, 0), *shape])
        writer = self.desk.journal._writer
        if how == "gap":
            batch = [event(each.seq + 1, each.body, each.personal) for each in batch]
        elif how == "again":
            batch = [batch[0], *batch]
        elif how == "denied":
            writer.set_authorizer(lambda action, *_: 1 if action == 18 else 0)
        elif how == "full":
            writer.execute("PRAGMA max_page_count=1")  # SQLite takes the present size where that is more
            batch = self.batch([(True, True, 0)] * 30)
        try:
            self.desk.journal.append(batch)
        except NotStored:
            self.alerts = alerts
        else:
            raise AssertionError(how)
        finally:
            writer.set_authorizer(None)
            writer.execute("PRAGMA max_page_count=1000000")

    @precondition(lambda self: self.alerts)
    @rule(data=st.data())
    def erase(self, data):
        numbers = data.draw(st.sets(st.integers(1, self.alerts), min_size=1, max_size=3))
        self.desk.journal.erase(*(f"sx-alert-{number}" for number in numbers), at=AT)
        self.erased |= {
            each.seq
            for each in self.events
            if each.personal is not None and each.body.alert in {f"sx-alert-{number}" for number in numbers}
        }
        self.snapshot = None

    @rule()
    def restart(self):
        self.desk.reopen(synchronous="OFF")

    @rule()
    def lose_the_notes_of_keys_and_restart(self):
        self.desk.vault._base.execute("UPDATE keys SET subject = NULL WHERE number > 2 AND subject != '*'")
        self.desk.reopen(synchronous="OFF")

    @rule(data=st.data(), blob=st.binary(max_size=50))
    def save_snapshot(self, data, blob):
        seq = data.draw(st.integers(0, len(self.events)))
        self.desk.journal.save_snapshot(seq, blob)
        self.snapshot = (seq, blob)

    @invariant()
    def journal_is_the_list(self):
        journal = self.desk.journal
        opened = list(journal.read_opened())
        expected = [
            event(each.seq, each.body, None if each.seq in self.erased else each.personal) for each in self.events
        ]
        assert [each.event for each in opened] == expected
        for each, original in zip(opened, self.events, strict=True):
            had = original.personal is not None
            erased = original.seq in self.erased
            state = PersonalState.NONE if not had else PersonalState.ERASED if erased else PersonalState.PRESENT
            assert each.personal_state is state
        assert (journal.log_id, journal.last_seq) == (self.log_id, len(self.events))
        assert journal.load_snapshot() == self.snapshot

    def teardown(self):
        if hasattr(self, "desk"):
            assert self.desk.journal.verify().ok
            self.desk.close()
            self.temporary.cleanup()


TestJournalBesideList = JournalBesideList.TestCase
TestJournalBesideList.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
