import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dispatch.calendar import DAY, NIGHT, Period
from engine.dispatch.run_cards import RunCardError, RunCards
from engine.model.entities import Need

WORDS = """
schema = 1
[rules]
crew = { people_min = 2, sworn_min = 1 }
level_1 = { send_first = true, told = ["duty_leader"], zh = "先派后报" }
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
swat = { zh = "特警", en = "armed response" }
beat = { zh = "社区", en = "beat" }
[equipment]
shield = { zh = "盾牌", en = "shield" }
[ranks]
constable = { zh = "警员", en = "constable" }
inspector = { zh = "警督", en = "inspector" }
[told]
duty_leader = { zh = "值班局领导", en = "duty leader" }
station = { zh = "派出所", en = "station" }
[approvers]
commander = { zh = "指挥长", en = "commander", deputy = "duty_leader", timeout_s = 120 }
duty_leader = { zh = "值班局领导", en = "duty leader" }
[[raise]]
when = "weapon"
to = 1
name = { zh = "持械", en = "weapon" }
[[raise]]
when = "injured"
to = 2
only = ["violence"]
[clocks.level_1]
accept_s = 30
close_s = 1000
arrive_s = { town = 300, village = 1800 }
[clocks.level_2]
accept_s = 60
[clocks.level_3]
accept_s = 60
deliver_s = 15
arrive_s = { town = 900, village = 3600 }
[clocks.level_4]
accept_s = 120
"""
MINIMAL = (
    WORDS
    + """
[[cards]]
id = "robbery"
level = 1
day = [{ capability = "patrol", count = 2 }]
night = [{ capability = "patrol" }]
approve = { send = "auto" }
"""
)
TREE = (
    WORDS
    + """
[[cards]]
id = "violence"
family = true
category = "criminal"
told = ["station"]
approve = { send = "commander", close = "duty_leader" }
clocks = { accept_s = 45, close_s = 900 }
ask = [{ zh = "有无凶器", en = "A weapon?", fact = "weapon" }, { en = "Where?" }]
guidance = { zh = "先控制", en = "Hold first" }
[cards.level_1]
more = [{ capability = "swat", people = 4 }, { capability = "patrol" }]
safety = { en = "Vest" }

[[cards]]
id = "fight"
parent = "violence"
level = 3
day = [{ capability = "patrol", count = 2, people = 5, rank = "inspector", equipment = ["shield"] }]
night = [{ capability = "patrol", count = 3 }]
during = { market = [{ capability = "beat" }] }
prefer = ["swat"]
clocks = { deliver_s = 20, arrive_s = { town = 600 } }

[[cards]]
id = "brawl"
parent = "fight"
level = 2
force = [{ capability = "patrol", count = 4 }]
raise = { injured = 1, weapon = 2 }
[cards.level_1]
night = [{ capability = "swat", count = 2 }]
told = []

[[cards]]
id = "quiet_word"
parent = "fight"
"""
)


def load(tmp_path, text):
    path = tmp_path / "run_cards.toml"
    path.write_text(text, "utf-8")
    return RunCards.load(path)


ALONE = MINIMAL.replace('only = ["violence"]', 'only = ["robbery"]')


@pytest.fixture
def tree(tmp_path):
    return load(tmp_path, TREE)


def counts(response):
    return {need.capability: need.count for need in response.force}


def test_the_force_follows_the_duty_period(tmp_path):
    cards = load(tmp_path, ALONE)
    card = cards.cards["robbery"]
    assert cards.needs(card, DAY) == (Need("patrol", 2),)
    assert cards.needs(card, NIGHT) == (Need("patrol", 1),)
    assert card.approval == "by_rule"
    assert cards.clocks_ms("robbery", 1, "town") == {"accept": 30_000, "arrive": 300_000, "close": 1_000_000}
    assert cards.clocks_ms("gone", 1, "town") == {}


def test_a_card_that_says_nothing_of_the_night_sends_what_it_sends_by_day(tmp_path):
    card = load(tmp_path, ALONE.replace('night = [{ capability = "patrol" }]', "")).cards["robbery"]
    assert card.night == card.day == (Need("patrol", 2),)


def test_a_period_of_its_own_name_goes_before_what_it_counts_as(tree):
    card = tree.cards["fight"]
    assert counts(card.at(3, Period(name="market", counts_as="day"))) == {"beat": 1}
    assert counts(card.at(3, Period(name="school_run", counts_as="night"))) == {"patrol": 3}
    assert list(tree.periods) == ["market"]


def test_what_a_child_does_not_say_it_inherits(tree):
    brawl = tree.cards["brawl"]
    assert brawl.ancestors == ("fight", "violence")
    assert brawl.category == "criminal"
    own = brawl.at(2, NIGHT)
    assert counts(own) == {"patrol": 4}
    assert own.prefer == ("swat",)
    assert own.told == ("station",)
    assert (own.approve["send"].by, own.approve["send"].deputy, own.approve["send"].timeout_s) == (
        "commander",
        "duty_leader",
        120,
    )
    assert own.guidance == {"zh": "先控制", "en": "Hold first"}
    assert [question.fact for question in own.ask] == ["weapon", ""]
    assert own.clocks["accept_s"] == 45


def test_families_are_no_types(tree):
    assert set(tree.cards) == {"fight", "brawl", "quiet_word"}
    assert set(tree.families) == {"violence"}


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("period", [DAY, NIGHT, Period(name="market", counts_as="day")])
def test_a_child_that_says_nothing_answers_as_its_parent(tree, level, period):
    assert tree.cards["quiet_word"].at(level, period) == tree.cards["fight"].at(level, period)


def test_another_level_adds_to_the_force_or_replaces_it(tree):
    """fight has its family's section alone; brawl's own says the night, and so nothing is added to that."""
    fight = tree.cards["fight"].at(1, NIGHT)
    assert counts(fight) == {"patrol": 4, "swat": 1}
    assert fight.safety == {"en": "Vest"}
    assert counts(tree.cards["brawl"].at(1, NIGHT)) == {"swat": 2}
    assert counts(tree.cards["brawl"].at(1, DAY)) == {"patrol": 5, "swat": 1}
    assert counts(tree.cards["brawl"].at(3, DAY)) == {"patrol": 4}


def test_nothing_is_added_where_a_level_was_lowered(tmp_path):
    text = TREE.replace("raise = {", 'level_3 = { more = [{ capability = "beat" }] }\nraise = {')
    card = load(tmp_path, text).cards["brawl"]
    assert counts(card.at(3, DAY)) == counts(card.at(2, DAY)) == {"patrol": 4}


def test_what_is_added_joins_only_what_is_wanted_in_the_same_way(tree):
    """By day fight wants an inspector with shields: any further patrol is a need of its own."""
    force = tree.cards["fight"].at(1, DAY).force
    assert [(n.capability, n.count, n.people, n.rank) for n in force] == [
        ("patrol", 2, 5, "inspector"),
        ("swat", 1, 4, ""),
        ("patrol", 1, 2, ""),
    ]


def test_people_and_sworn_officers_follow_the_crew_where_a_need_does_not_say_them(tree):
    day, night = (tree.cards["fight"].at(3, period).force[0] for period in (DAY, NIGHT))
    assert (day.people, day.sworn, day.equipment) == (5, 2, ("shield",))
    assert (night.people, night.sworn) == (6, 3)


def test_level_1_goes_first_and_is_reported(tree, tmp_path):
    response = tree.cards["fight"].at(1, DAY)
    assert response.approval == "by_rule"
    assert response.told == ("station", "duty_leader")
    assert tree.cards["brawl"].at(1, DAY).told == ("duty_leader",)
    assert tree.cards["fight"].at(2, DAY).approval == "by_person"
    waits = load(tmp_path, TREE.replace('id = "fight"', 'id = "fight"\nalways_waits = true'))
    assert waits.cards["fight"].at(1, DAY).approval == "by_person"


def test_raising_a_level_gives_nobody_more_time_and_lowering_it_nobody_less(tree):
    fight = tree.cards["fight"]
    assert fight.at(3, DAY).clocks == {
        "accept_s": 45,
        "deliver_s": 20,
        "close_s": 900,
        "arrive_s": {"town": 600},
    }
    raised = fight.at(1, DAY).clocks
    assert (raised["accept_s"], raised["close_s"], raised["arrive_s"]) == (30, 900, {"town": 300, "village": 1800})
    assert fight.at(4, DAY).clocks["accept_s"] == 120


def test_facts_raise_a_level_and_never_lower_it(tree):
    fight, brawl = tree.cards["fight"], tree.cards["brawl"]
    assert fight.raises == {"weapon": 1, "injured": 2}
    assert (fight.raised_to([]), fight.raised_to(["injured"]), fight.raised_to(["injured", "weapon"])) == (3, 2, 1)
    assert brawl.raises == {"injured": 1}  # a weapon raises it to 2, which it is
    assert brawl.raised_to(["weapon", "unknown"]) == 2


def test_a_fact_of_one_family_raises_no_other(tmp_path):
    other = TREE + '[[cards]]\nid = "noise"\nlevel = 4\nforce = [{ capability = "beat" }]\n'
    assert load(tmp_path, other).cards["noise"].raises == {"weapon": 1}


def test_a_need_can_be_met_by_any_of_several_or_by_a_crew_that_goes_anyway(tmp_path):
    force = 'force = [{ capability = "patrol" }, { either = ["swat", "beat"], together = true }]'
    cards = load(tmp_path, TREE.replace('force = [{ capability = "patrol", count = 4 }]', force))
    assert cards.cards["brawl"].day == (Need("patrol"), Need("swat", either=("beat",), together=True))
    assert "brawl" in cards.sent_by()["beat"]


def test_a_need_for_one_team_counts_its_units_and_not_the_people_in_them(tmp_path):
    force = 'force = [{ capability = "swat", count = 2, people = 6, one_team = true }]'
    cards = load(tmp_path, TREE.replace('force = [{ capability = "patrol", count = 4 }]', force))
    response = cards.cards["brawl"].at(2, DAY)
    assert response.asked(crews=True, teamed=frozenset({"swat"})) == (Need("swat", 2, one_team=True),)
    (alone,) = response.asked(crews=True, teamed=frozenset({"patrol"}))  # nobody who can do it is in a team
    assert (alone.one_team, alone.people) == (False, 6)


def test_everything_that_is_sent_at_any_level_is_known(tree):
    assert tree.sent_by()["beat"] == ["fight", "quiet_word"]
    assert tree.sent_by()["swat"] == ["fight", "brawl", "quiet_word"]


BAD = [
    ("level = 1\nday", "level = 7\nday", "card robbery: level: 7 is not taken; levels are 1 to 4"),
    ('capability = "patrol", count = 2', 'capability = "patrl", count = 2', "card robbery: day[1].capability: 'patrl'"),
    ("count = 2", "count = 0", "card robbery: day[1].count: 0 is not taken; a whole number, 1 to 64"),
    ("count = 2", "count = 2, people = 1", "card robbery: day[1].people: 1 is not taken; a whole number, 2 to 500"),
    ("count = 2", "count = 2, people = 4, sworn = 5", "day[1].sworn: 5 is not taken; a whole number, 0 to 4"),
    ("count = 2", 'count = 2, rank = "boss"', "day[1].rank: 'boss' is not taken; known: constable, inspector"),
    ("count = 2", 'count = 2, equipment = ["gun"]', "day[1].equipment[1]: 'gun' is not taken; known: shield"),
    (
        'capability = "patrol", count',
        'either = ["patrol"], count',
        "day[1].either: 1 is not taken; 2 to 8 capabilities",
    ),
    (
        'capability = "patrol", count',
        'capability = "patrol", either = ["patrol", "beat"], count',
        "day[1].capability: 'patrol' is not taken; capability or either, not both",
    ),
    (
        "count = 2",
        f"count = 2, equipment = {['shield'] * 9}",
        "day[1].equipment: 9 is not taken; at most 8 ids",
    ),
    ("count = 2", "count = 2, together = 1", "day[1].together: 1 is not taken"),
    ("count = 2", "count = 1, one_team = true", "day[1].one_team: 1 is not taken; a need of 2 units or more"),
    ("count = 2", "number = 2", "day[1].number: 'number' is not taken; unknown key; known: capability, count"),
    ('id = "robbery"', "", "cards[1].id: None"),
    ("\napprove", "\naprove", "card robbery: aprove: 'aprove' is not taken; unknown key"),
    ('{ send = "auto" }', '{ sent = "auto" }', "card robbery: approve.sent: 'sent' is not taken; unknown key"),
    ('{ send = "auto" }', '{ send = "boss" }', "card robbery: approve.send: 'boss' is not taken; known: auto, none"),
    (
        '{ send = "auto" }',
        '{ send = "commander" }',
        "approve.send: 'commander' is not taken; auto or none: level 1 goes",
    ),
    ('{ send = "auto" }', '{ send = "none" }', "card robbery: id: 'patrol' is not taken; no force (level 1, day)"),
    (
        '{ send = "auto" }',
        '{ send = "auto", close = { by = "commander", deputy = "x", timeout_s = 9 } }',
        "approve.close.deputy: 'x'",
    ),
    ('{ send = "auto" }', '{ send = "auto" }\ntold = ["police"]', "told[1]: 'police' is not taken; known: duty_leader"),
    (
        '{ send = "auto" }',
        '{ send = "auto" }\nprefer = ["swat", "swat"]',
        "prefer[2]: 'swat' is not taken; each id may",
    ),
    (
        '{ send = "auto" }',
        '{ send = "auto" }\nparent = "x"',
        "card robbery: parent: 'x' is not taken; a card or family",
    ),
    ('{ send = "auto" }', '{ send = "auto" }\nparent = "robbery"', "this is a circle: robbery → robbery"),
    (
        '{ send = "auto" }',
        '{ send = "auto" }\nlevel_1 = { day = [] }',
        "level_1: 'level_1' is not taken; the card is of",
    ),
    ('{ send = "auto" }', '{ send = "auto" }\nmore = []', "more: 'more' is not taken; unknown key"),
    ('{ send = "auto" }', '{ send = "auto" }\nforce = []', "day: 'day' is not taken; force says it for day and night"),
    ('{ send = "auto" }', '{ send = "auto" }\nraise = { rain = 1 }', "raise.rain: 'rain' is not taken; unknown key"),
    ('{ send = "auto" }', '{ send = "auto" }\nask = [{ fact = "x", zh = "?" }]', "ask[1].fact: 'x' is not taken"),
    ('{ send = "auto" }', '{ send = "auto" }\nguidance = "run"', "guidance: 'run' is not taken; a table"),
    (
        '{ send = "auto" }',
        '{ send = "auto" }\nseries = { count = 1 }',
        "series.count: 1 is not taken; a whole number, 2",
    ),
    ("[clocks.level_1]\naccept_s = 30", "[clocks.level_1]\naccept_s = -1", "clocks.level_1.accept_s: -1 is not taken"),
    ("accept_s = 30", "accepts = 30", "clocks.level_1.accepts: 'accepts' is not taken; unknown key; known: order_s"),
    (", timeout_s = 120", "", "approvers.commander: 'deputy' is not taken; the two belong together"),
    (
        'duty_leader = { zh = "值班局领导", en = "duty leader" }\n[[raise]]',
        'duty_leader = { zh = "值", deputy = "commander", timeout_s = 9 }\n[[raise]]',
        "each stands in for the next in a circle",
    ),
    ('only = ["robbery"]', 'only = ["robbing"]', "only: 'robbing' is not taken; ids of cards or families"),
    ("people_min = 2", "people_min = 0", "rules.crew.people_min: 0 is not taken"),
    ("schema = 1", "schema = 2", "schema: 2 is not taken; this program reads schema 1"),
    ("schema = 1", "schema = ", "not TOML"),
]


@pytest.mark.parametrize(("old", "new", "named"), BAD)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path, old, new, named):
    with pytest.raises(RunCardError) as wrong:
        load(tmp_path, ALONE.replace(old, new, 1))
    assert named in str(wrong.value)
    assert "run_cards.toml:" in str(wrong.value)
    assert all(fault.line for fault in wrong.value.faults)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    text = ALONE.replace("count = 2", "count = 0").replace("send =", "sent =")
    with pytest.raises(RunCardError) as wrong:
        load(tmp_path, text)
    assert [fault.said.partition(":")[0] for fault in wrong.value.faults] == ["card robbery"] * 2


def test_an_id_may_stand_once(tmp_path):
    with pytest.raises(RunCardError, match="once"):
        load(tmp_path, ALONE + ALONE[ALONE.index("[[cards]]") :])


def test_a_circle_of_parents_is_refused_and_names_its_way(tmp_path):
    text = TREE.replace('id = "violence"', 'id = "violence"\nparent = "quiet_word"')
    with pytest.raises(RunCardError, match="violence → quiet_word → fight → violence"):
        load(tmp_path, text)


@settings(deadline=None)
@given(
    parents=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    said=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=8, max_size=8),
    levels=st.lists(st.sampled_from((None, 1, 2, 3, 4)), min_size=8, max_size=8),
)
def test_any_tree_answers_with_the_nearest_that_says_it(tmp_path_factory, parents, said, levels):
    """The oracle walks up by hand: each force is marked with the number of the card that says it."""
    text = WORDS.replace('only = ["violence"]\n', "")
    for number, parent in enumerate(parents):
        day, night, section = said[number]
        text += f'[[cards]]\nid = "c{number}"\n'
        text += f'parent = "c{parent % number}"\n' if number else "level = 3\n"
        if number and levels[number]:
            text += f"level = {levels[number]}\n"
        for key, wanted in (("day", day), ("night", night)):
            text += f'{key} = [{{ capability = "{key_of(key)}", count = {number + 1} }}]\n' if wanted else ""
        if section and (levels[number] if number else 3) != 2:
            text += f'level_2 = {{ day = [{{ capability = "swat", count = {number + 1} }}] }}\n'
    cards = load(tmp_path_factory.mktemp("tree"), text).cards
    for number in range(len(parents)):
        line = [number]
        while line[-1]:
            line.append(parents[line[-1]] % line[-1])
        level = next(3 if n == 0 else levels[n] for n in line if n == 0 or levels[n])
        assert cards[f"c{number}"].level == level
        by_day = next((n for n in line if said[n][0]), None)
        by_night = next((n for n in line if said[n][1]), None)
        sections = [n for n in line if said[n][2] and (levels[n] if n else 3) != 2]
        day = () if by_day is None else (Need("patrol", by_day + 1),)
        night = day if by_night is None else (Need("beat", by_night + 1),)
        card = cards[f"c{number}"]
        assert card.at(level, DAY).needs == day
        assert card.at(level, NIGHT).needs == night
        if level != 2 and sections:
            day = (Need("swat", sections[0] + 1),)
        assert card.at(2, DAY).needs == day
        assert card.at(2, NIGHT).needs == night


def key_of(period):
    return {"day": "patrol", "night": "beat"}[period]
