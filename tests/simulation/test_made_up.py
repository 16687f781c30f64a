"""Made-up calls: the same for the same seed, and nothing that nobody can be sent to."""

from engine.dispatch.run_cards import COUNTY, RunCards
from engine.simulation.made_up import make_up_calls
from tests.support.cities import NOW, city

CARDS = RunCards.load(COUNTY)


def made(seed=1, count=200):
    return make_up_calls(city().network, CARDS, begins_at=NOW, minutes=120, count=count, seed=seed)


def test_a_seed_gives_the_same_evening_again():
    assert made() == made()
    assert made() != made(seed=2)
    assert made(count=0) == []


def test_calls_come_in_order_within_the_evening_the_first_at_once():
    instants = [call.at for call in made()]
    assert instants == sorted(instants)
    assert instants[0] == NOW + 5_000
    assert instants[-1] < NOW + 120 * 60_000
    assert len({call.id for call in made()}) == 200


def test_every_call_is_near_a_road_and_sends_somebody_by_rule():
    snapper = city().snapper
    for call in made():
        card = CARDS.cards[call.type]
        assert card.approval == "by_rule"
        assert card.day
        assert card.night
        assert call.level == card.level
        assert snapper.snap(call.lon, call.lat).distance_m < 60
        assert 60_000 < call.stay_ms("patrol") < 4 * 3_600_000


def test_grave_things_are_rarer():
    calls = made(count=600)
    cards = [card for card in CARDS.cards.values() if card.approval == "by_rule" and card.day and card.night]
    by_card = {
        level: sum(call.level == level for call in calls) / sum(card.level == level for card in cards)
        for level in (1, 4)
    }
    assert by_card[1] < by_card[4]
