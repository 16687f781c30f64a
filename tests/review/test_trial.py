"""Changed cards on a record: against the engine itself, run under the changed cards from the same beginning."""

import pytest

from engine import AnswerOrder, Engine, ReportAlert
from engine.core.plain_ports import VolatileJournal
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.model.entities import Need
from engine.review.trial import try_cards
from tests.support.cities import NOW, SetClock, alert, city, station, unit

HOUR = 3_600_000
UNITS = (
    *(unit(f"P{number}", number, 0) for number in range(5)),
    unit("B1", 5, 4, "beat"),
    unit("B2", 3, 3, "beat"),
    unit("W1", 0, 4, "swat"),
    unit("G1", 5, 0, "duty_group"),
)


@pytest.fixture
def changed(tmp_path):
    """The county's cards with one replacement after another."""

    def make(*replacements):
        text = COUNTY.read_text("utf-8")
        for card, old, new in replacements:
            begins = text.index(f'id = "{card}"')
            ends = text.index("[[cards]]", begins)
            assert old in text[begins:ends]
            text = text[:begins] + text[begins:ends].replace(old, new, 1) + text[ends:]
        path = tmp_path / "changed.toml"
        path.write_text(text, "utf-8")
        return RunCards.load(path)

    return make


class Lived:
    """A city that is served: a journal, an engine, a clock."""

    def __init__(self, run_cards=None, units=UNITS):
        cards = RunCards.load(COUNTY) if run_cards is None else run_cards
        self.city = city(units, (station("S1", 0, 0),), run_cards=cards)
        self.journal, self.clock = VolatileJournal(), SetClock()
        self.engine = Engine(self.city, journal=self.journal, clock=self.clock)

    def report(self, ref, column, row, kind, **more):
        said = alert(ref, column, row, kind, at=self.clock.now(), **more)
        return self.engine.submit(ReportAlert(actor="x", alert=said))[0].incident

    def answer(self, recipient, *answers):
        order = next(o for o in self.engine.state.orders.values() if o.recipient == recipient and o.id in self.held())
        for number, answer in enumerate(answers):
            version = self.engine.state.orders[order.id].version
            key = f"{order.id}-{number}"
            command = AnswerOrder(actor="x", key=key, order=order.id, version=version, answer=answer)
            assert self.engine.submit(command)[0].refusal is None

    def held(self):
        return set(self.engine.state.claims.values())

    def chosen(self, incident):
        return sorted(r.chosen.recipient for r in self.engine.recommendations(incident) if r.chosen)

    def tried(self, cards, since=NOW - HOUR, until=NOW + 1000 * HOUR):
        return try_cards(self.city, cards, lambda: self.journal.read(0), since=since, until=until)


def going(them):
    return sorted(one.recipient for one in them)


def test_the_same_cards_change_nothing():
    lived = Lived()
    incident = lived.report(1, 2, 1, "fight")
    (one,) = lived.tried(lived.city.run_cards)
    assert (one.verdict, one.incident) == ("same", incident)
    assert one.was == one.would
    assert going(one.stay) == lived.chosen(incident)
    assert one.more == one.spared == ()


# 1,800,000,000,000 is Friday 2027-01-15, 16:00 in Shanghai: day.
DAY_FIGHT = ("fight", 'day = [{ capability = "patrol", count = 1, people = 2 }, ')


@pytest.mark.parametrize(
    ("force", "stay", "known"),
    [
        ('day = [{ capability = "patrol", count = 3 }, ', 2, {"next"}),
        ('day = [{ capability = "patrol", count = 1 }, { capability = "swat" }, ', 2, {"reckoned"}),
        ('day = [{ capability = "patrol", count = 2 }, { capability = "duty_group" }, ', 2, {"next", "reckoned"}),
        ('day = [{ capability = "swat" }, ', 1, {"reckoned"}),
    ],
)
def test_who_would_have_gone_is_whom_the_engine_sends_under_the_changed_cards(changed, force, stay, known):
    cards = changed((*DAY_FIGHT, force))
    lived, would = Lived(), Lived(cards)
    lived.report(1, 2.2, 1, "fight")  # nobody is as near as anybody else
    other = would.report(1, 2.2, 1, "fight")  # nobody is as near as anybody else
    (one,) = lived.tried(cards)
    assert one.verdict == "changed"
    assert len(one.stay) == stay
    assert {each.known for each in one.more} == known
    assert going((*one.stay, *one.more)) == would.chosen(other)
    times = {r.chosen.recipient: r.chosen.eta_ms for r in would.engine.recommendations(other)}
    assert all(each.eta_ms == times[each.recipient] for each in (*one.stay, *one.more))


def test_whoever_is_wanted_no_more_is_spared(changed):
    lived = Lived()
    incident = lived.report(1, 2, 1, "fight")
    (one,) = lived.tried(changed((*DAY_FIGHT, "day = [")))
    assert going(one.stay) == ["B2"]
    assert going(one.spared) == [name for name in lived.chosen(incident) if name.startswith("P")]
    assert one.more == ()


def test_units_are_where_the_record_last_has_them_and_free_as_it_has_them(changed):
    """W1 stands at the scene of its last order, so it is at hand; W2 is nearer to its base and on an order."""
    lived = Lived(units=(*UNITS, unit("W2", 4, 4, "swat")))
    swat = (Need("swat"),)
    lived.report(1, 1, 0, "robbery", needs=swat)
    lived.answer("W1", "accept", "en_route", "on_scene", "report", "clear")
    lived.report(2, 5, 4, "robbery", needs=swat)
    lived.report(3, 0, 0, "fight")
    cards = changed((*DAY_FIGHT, 'day = [{ capability = "swat", count = 2 }, { capability = "patrol" }, '))
    tried = {one.incident: one for one in lived.tried(cards)}
    assert [one.verdict for one in tried.values()] == ["stated", "stated", "changed"]
    asked, sent = sorted(list(tried.values())[2].more, key=lambda each: each.recipient)
    assert (sent.recipient, sent.known) == ("W1", "reckoned")
    assert (asked.recipient, asked.eta_ms) == ("S1", None)  # W2 holds an order: the station would be asked
    would = Lived(cards, units=(unit("W1", 1, 0, "swat"), unit("P1", 0, 0)))
    fight = would.report(1, 0, 0, "fight")
    times = {r.chosen.recipient: r.chosen.eta_ms for r in would.engine.recommendations(fight) if r.chosen}
    assert sent.eta_ms == times["W1"]


def test_a_level_of_the_card_follows_the_card_and_one_that_was_said_stays(changed):
    lived = Lived()
    lived.report(1, 2, 1, "noise")
    lived.report(2, 2, 1, "noise", level=2)
    own, said = lived.tried(
        changed(("noise", "level = 4", "level = 3"), ("noise", "[cards.level_3]", "[cards.level_4]"))
    )
    assert (own.was.level, own.would.level) == (4, 3)
    assert (said.was.level, said.would.level) == (2, 2)


def test_leave_and_clocks_that_differ_are_changes(changed):
    lived = Lived()
    lived.report(1, 2, 1, "silent_or_dropped_call")
    (one,) = lived.tried(changed(("silent_or_dropped_call", 'send = "dispatcher"', 'send = "commander"')))
    assert (one.verdict, one.was.leave, one.would.leave) == ("changed", "dispatcher", "commander")
    (one,) = lived.tried(changed(("silent_or_dropped_call", "level = 3", "level = 3\nclocks = { accept_s = 30 }")))
    assert (one.was.clocks["accept_s"], one.would.clocks["accept_s"]) == (60, 30)
    assert one.was.force == one.would.force


def test_only_incidents_of_the_time_asked_for_and_no_exercises(changed):
    lived = Lived()
    lived.report(1, 2, 1, "fight")
    lived.clock.time = NOW + 2 * HOUR
    second = lived.report(2, 2, 2, "fight")
    lived.report(3, 2, 2, "fight", exercise=True)
    assert [one.incident for one in lived.tried(lived.city.run_cards, since=NOW + HOUR)] == [second]
    assert lived.tried(lived.city.run_cards, until=NOW - 1) == []


def test_a_type_without_a_card_is_counted_and_not_guessed(changed):
    lived = Lived()
    lived.report(1, 2, 1, "fight")
    gone = changed(("fight", 'id = "fight"', 'id = "brawl"'))
    assert [one.verdict for one in lived.tried(gone)] == ["no_card"]


def test_the_city_and_its_record_are_as_before(changed):
    lived = Lived()
    lived.report(1, 2, 1, "fight")
    before = (lived.engine.state.snapshot(), len(list(lived.journal.read(0))))
    lived.tried(changed((*DAY_FIGHT, 'day = [{ capability = "swat" }, ')))
    assert (lived.engine.state.snapshot(), len(list(lived.journal.read(0)))) == before
