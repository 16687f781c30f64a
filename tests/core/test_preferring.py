"""What a run card prefers: taken where it is in time, never waited for, stated, and solved again from the tables."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import AnswerOrder, Engine, Policies, ReportAlert, RunCards
from engine.core.orders import reach
from engine.core.plain_ports import VolatileJournal
from engine.dispatch.solving_again import Table, decisions, solve_again
from engine.model.commands import StateFacts
from engine.model.demand_events import DemandRaised, DemandUnmet, Recommended
from engine.texts.reading import explain
from tests.support.cities import SetClock, alert, city, station, unit

CARDS = """
schema = 1
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
swat = { zh = "特警", en = "armed response" }
female = { zh = "女警", en = "female officer" }
drone = { zh = "无人机", en = "drone" }
[[raise]]
when = "weapon"
to = 1
name = { zh = "持械", en = "weapon" }
[[cards]]
id = "violence"
level = 3
name = { zh = "家暴", en = "Violence" }
approve = { send = "auto" }
force = [{ capability = "patrol" }]
prefer = ["female", "drone"]
[[cards]]
id = "raid"
parent = "violence"
name = { zh = "抓捕", en = "Raid" }
force = [{ capability = "patrol", count = 2 }, { capability = "swat" }]
[[cards]]
id = "by_station"
parent = "violence"
name = { zh = "派所", en = "By station" }
dispatch = "station"
[[cards]]
id = "growing"
parent = "violence"
name = { zh = "升级", en = "Growing" }
[cards.level_1]
more = [{ capability = "patrol", count = 2 }]
"""


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    path = tmp_path_factory.mktemp("cards") / "run_cards.toml"
    path.write_text(CARDS, "utf-8")
    return RunCards.load(path)


def engine_of(cards, units, stations=(), **policies):
    its = city(units, stations, Policies(stale_position_ms=0, **policies), run_cards=cards)
    return Engine(its, clock=SetClock(), journal=VolatileJournal())


def opened(engine, ref=1, kind="violence", column=0, row=0, **more):
    reply = engine.submit(ReportAlert(actor="desk", alert=alert(ref, column, row, kind=kind, **more)))[0]
    assert reply.refusal is None, reply.refusal
    return reply.incident


def sent(engine, incident):
    return [engine.state.orders[name].recipient for name in engine.state.incidents[incident].orders]


NEAR, FEMALE = unit("near", 1, 0), unit("female", 2, 0, "patrol", "female")


def test_who_is_preferred_goes_when_in_time_and_the_table_says_what_counted(cards):
    engine = engine_of(cards, (NEAR, FEMALE), prefer_ms=60_000)
    incident = opened(engine)
    assert sent(engine, incident) == ["female"]
    (table,) = engine.recommendations(incident)
    (other,) = table.others
    assert (other.recipient, other.penalties_ms) == ("near", {"not_preferred": 60_000})
    assert other.eta_ms < table.chosen.eta_ms <= other.eta_ms + 60_000
    assert "nothing the card prefers +1:00" in explain(table, "en")
    assert "不具备优先条件 +1:00" in explain(table, "zh")


def test_nobody_is_waited_for(cards):
    late = engine_of(cards, (NEAR, FEMALE), prefer_ms=10_000)
    assert sent(late, opened(late)) == ["near"]
    off = engine_of(cards, (NEAR, FEMALE), prefer_ms=0)
    incident = opened(off)
    assert sent(off, incident) == ["near"]
    assert not off.recommendations(incident)[0].others[0].penalties_ms
    none = engine_of(cards, (NEAR, unit("far", 4, 0)))
    incident = opened(none)
    assert sent(none, incident) == ["near"]
    assert not none.recommendations(incident)[0].others[0].penalties_ms


def test_who_could_not_go_makes_nobody_else_look_late(cards):
    engine = engine_of(cards, (NEAR, unit("only_female", 1, 1, "female"), FEMALE), prefer_ms=60_000)
    assert sent(engine, opened(engine)) == ["female"]
    second = opened(engine, 2)  # the preferred is away
    assert sent(engine, second) == ["near"]
    assert engine.recommendations(second)[0].chosen.penalties_ms == {}


def test_at_level_one_a_preference_decides_among_those_who_are_as_good_as_there_together(cards):
    for tie_ms, goes in ((30_000, "near"), (70_000, "female")):
        engine = engine_of(cards, (NEAR, FEMALE), prefer_ms=600_000, tie_window_ms=tie_ms)
        assert sent(engine, opened(engine, level=1)) == [goes]


def test_a_second_unit_of_a_need_need_not_be_preferred_as_well(cards):
    units = (NEAR, FEMALE, unit("also", 5, 4, "patrol", "drone"), unit("s", 0, 1, "swat"))
    engine = engine_of(cards, units, prefer_ms=600_000)
    assert sorted(sent(engine, opened(engine, kind="raid"))) == ["female", "near", "s"]


def test_what_a_raised_level_adds_and_a_refused_order_prefer_the_same(cards):
    engine = engine_of(cards, (NEAR, FEMALE, unit("drone", 3, 0, "patrol", "drone")), prefer_ms=600_000)
    incident = opened(engine, kind="growing")
    order = engine.state.orders[engine.state.incidents[incident].orders[0]]
    answer = AnswerOrder(actor="female", key="k", order=order.id, version=order.version, answer="refuse", reason="x")
    assert engine.submit(answer)[0].refusal is None
    assert sent(engine, incident) == ["female", "drone"]
    again = Engine(engine.city, clock=SetClock(), journal=engine.journal)
    assert again.state.kept == engine.state.kept
    engine.submit(StateFacts(actor="desk", incident=incident, established=("weapon",)))
    raised = [event.body for event in engine.journal.read() if isinstance(event.body, DemandRaised)]
    assert [demand.prefer for demand in raised] == [("female", "drone"), ("female", "drone"), ()]


def test_a_station_is_proposed_whom_the_card_prefers_of_its_own(cards):
    units = (unit("near", 1, 0, station="W"), unit("female", 2, 0, "patrol", "female", station="W"), unit("x", 0, 0))
    engine = engine_of(cards, units, (station("W", 1, 1),), prefer_ms=60_000)
    incident = opened(engine, kind="by_station")
    assert sent(engine, incident) == ["W"]
    order = engine.state.orders[engine.state.incidents[incident].orders[0]]
    engine.submit(AnswerOrder(actor="W", key="k", order=order.id, version=order.version, answer="accept"))
    tables = engine.recommendations(incident)
    own = next(table for table in tables if table.policy == "own_pool")
    assert own.chosen.recipient == "female"
    assert [(one.recipient, one.penalties_ms) for one in own.others] == [("near", {"not_preferred": 60_000})]


ABLE = st.lists(st.sampled_from(["patrol", "swat", "female", "drone"]), min_size=1, max_size=3, unique=True)
PLACES = st.tuples(st.integers(0, 5), st.integers(0, 4))


@settings(max_examples=60, deadline=None)
@given(
    able=st.lists(st.tuples(ABLE, PLACES), min_size=1, max_size=5),
    prefer_ms=st.sampled_from([0, 20_000, 60_000, 300_000]),
    level=st.sampled_from([1, 3]),
)
def test_brute_force_finds_no_better_set_and_the_tables_give_the_same(cards, able, prefer_ms, level):
    units = [unit(f"u{i}", column, row, *names) for i, (names, (column, row)) in enumerate(able)]
    engine = engine_of(cards, units, prefer_ms=prefer_ms)
    incident = opened(engine, kind="raid", level=level)
    raised = [event.body for event in engine.journal.read() if isinstance(event.body, DemandRaised)]
    assert [bool(demand.prefer) for demand in raised] == [True, False, True]
    counts = prefer_ms if level > 1 else min(prefer_ms, 30_000)
    world = engine._world

    def cost(demand, its):
        if demand.capability not in its.capabilities:
            return None
        prefers = bool(demand.prefer) and any(
            demand.capability in one.capabilities and {"female", "drone"} & set(one.capabilities) for one in units
        )
        found, _ = reach(world, demand, its.id)
        return found.eta_ms + (counts if prefers and not {"female", "drone"} & set(its.capabilities) else 0)

    def worth(picks):
        goes = [cost(demand, its) for demand, its in zip(raised, picks, strict=True) if its is not None]
        return sum(its is None for its in picks), max(goes, default=0), sum(goes)

    def sets():
        for picks in itertools.product([None, *units], repeat=3):
            named = [its.id for its in picks if its is not None]
            fits = all(i is None or cost(d, i) is not None for d, i in zip(raised, picks, strict=True))
            if len(named) == len(set(named)) and fits:
                yield picks

    best = min(map(worth, sets()))
    by_id = {its.id: its for its in units}
    tables = [
        Table(body.demand, body.incident, body.recommendation)
        for body in (event.body for event in engine.journal.read())
        if isinstance(body, Recommended | DemandUnmet)
    ]
    chosen = {t.demand: t.recommendation.chosen for t in tables}
    ours = [None if chosen[d.demand] is None else by_id[chosen[d.demand].recipient] for d in raised]
    assert worth(ours) == best
    assert sorted(sent(engine, incident)) == sorted(its.id for its in ours if its is not None)
    for its in decisions(tables):
        assert solve_again(its).verdict == "same"
