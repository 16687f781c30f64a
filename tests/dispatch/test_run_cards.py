import pytest

from engine.dispatch.calendar import DAY, NIGHT
from engine.dispatch.run_cards import COUNTY, RunCardError, RunCards

MINIMAL = """
schema = 1
[capabilities]
patrol = { zh = "巡逻", en = "patrol" }
[clocks.level_1]
accept_s = 30
[[cards]]
id = "robbery"
level = 1
day = [{ capability = "patrol", count = 2 }]
night = [{ capability = "patrol" }]
approve = { send = "auto" }
"""


def load(tmp_path, text):
    path = tmp_path / "run_cards.toml"
    path.write_text(text, "utf-8")
    return RunCards.load(path)


def test_the_county_set_reads():
    cards = RunCards.load(COUNTY)
    assert len(cards.cards) == 35
    assert {card.approval for card in cards.cards.values()} == {"by_rule", "by_person", "nothing"}
    assert cards.cards["robbery"].clocks_ms == {"deliver": 10_000, "accept": 30_000}
    assert all(need.capability in cards.capabilities for card in cards.cards.values() for need in card.day + card.night)


def test_the_force_follows_the_duty_period(tmp_path):
    cards = load(tmp_path, MINIMAL)
    card = cards.cards["robbery"]
    assert [n.count for n in cards.needs(card, DAY)] == [2]
    assert [n.count for n in cards.needs(card, NIGHT)] == [1]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("level = 1", "level = 7", "level: 7"),
        ('capability = "patrol", count = 2', 'capability = "patrl", count = 2', "'patrl'"),
        ("count = 2", "count = 0", "count: 0"),
        ('id = "robbery"', "", "cards[1].id"),
        ("approve", "aprove", "aprove"),
        ("accept_s = 30", "accept_s = -1", "accept_s: -1"),
        ("schema = 1", "schema = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, named):
    with pytest.raises(RunCardError) as wrong:
        load(tmp_path, MINIMAL.replace(old, new))
    assert named in str(wrong.value)
    assert "run_cards.toml" in str(wrong.value)


def test_an_id_may_stand_once(tmp_path):
    with pytest.raises(RunCardError, match="once"):
        load(tmp_path, MINIMAL + MINIMAL[MINIMAL.index("[[cards]]") :])
