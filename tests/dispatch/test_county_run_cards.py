"""The county's starting set: every card at every level in both periods holds what a command room relies on."""

import itertools

import pytest

from engine.dispatch.calendar import DAY, NIGHT
from engine.dispatch.cards.model import BY_RULE, CLOCKS, NOTHING
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.model.limits import LEVELS

SET = RunCards.load(COUNTY)
WORDS = SET.words
EVERY = [
    pytest.param(card, level, period, id=f"{card.id}-{level}-{period.name}")
    for card in SET.cards.values()
    for level in LEVELS
    for period in (DAY, NIGHT)
]
SENDS_NOBODY = {"nuisance_call", "complaint_against_police"}
GROWS_WITH_URGENCY = ("order_s", "deliver_s", "accept_s", "roll_s", "arrive_s", "first_report_s", "welfare_s")


def zones(span):
    return span if isinstance(span, dict) else dict.fromkeys(("town", "edge", "village"), span)


@pytest.mark.parametrize(("card", "level", "period"), EVERY)
def test_somebody_goes_with_a_sworn_officer_and_no_specialist_goes_alone(card, level, period):
    force = card.at(level, period).force
    assert bool(force) == (card.id not in SENDS_NOBODY)
    if force:
        assert sum(need.people for need in force) >= 2
        assert sum(need.sworn for need in force) >= 1
        assert any(need.people >= 2 * need.count for need in force)


@pytest.mark.parametrize(("card", "level", "period"), EVERY)
def test_level_1_goes_first_and_is_reported_except_what_somebody_must_verify(card, level, period):
    response = card.at(level, period)
    assert response.told
    if level == 1:
        assert {"commander", "duty_leader"} <= set(response.told)
        assert (response.approval == "by_rule") == (not card.always_waits and card.id != "nuisance_call")
    assert (response.approval == "nothing") == (card.id == "nuisance_call")


@pytest.mark.parametrize(("card", "level", "period"), EVERY)
def test_every_clock_runs_and_in_its_order(card, level, period):
    clocks = card.at(level, period).clocks
    assert set(clocks) == set(CLOCKS)
    assert clocks["deliver_s"] < clocks["accept_s"]
    arrive = zones(clocks["arrive_s"])
    assert arrive["town"] <= arrive["edge"] <= arrive["village"]
    assert clocks["roll_s"] <= arrive["village"]


@pytest.mark.parametrize(("card", "level", "period"), EVERY)
def test_who_goes_knows_what_to_ask_to_do_and_to_bring(card, level, period):
    response = card.at(level, period)
    assert len(response.ask) >= 2
    assert response.guidance
    if response.force:
        assert response.equipment
        assert response.safety or "directed" in card.ancestors


@pytest.mark.parametrize("card", SET.cards.values(), ids=lambda card: card.id)
@pytest.mark.parametrize("period", [DAY, NIGHT], ids=lambda period: period.name)
def test_raising_a_level_sends_no_fewer_people_and_gives_no_more_time(card, period):
    for higher, lower in itertools.pairwise(LEVELS):
        more, less = card.at(higher, period), card.at(lower, period)
        assert sum(n.people for n in more.force) >= sum(n.people for n in less.force), (higher, lower)
        for name in GROWS_WITH_URGENCY:
            soon, late = zones(more.clocks[name]), zones(less.clocks[name])
            assert all(soon[zone] <= late[zone] for zone in soon), (name, higher, lower)


def every_text():
    yield from ((f"capability {name}", text) for name, text in WORDS.capabilities.items())
    yield from ((f"told {name}", one.name) for name, one in WORDS.told.items())
    yield from ((f"approver {name}", one.name) for name, one in WORDS.approvers.items())
    yield from ((f"equipment {name}", text) for name, text in WORDS.equipment.items())
    yield from ((f"rank {name}", text) for name, text in WORDS.ranks.items())
    yield from ((f"fact {name}", fact.name) for name, fact in WORDS.facts.items())
    yield from ((f"level {number}", rule.name) for number, rule in WORDS.levels.items())
    yield from ((f"note {name}", text) for name, text in WORDS.notes.items())
    yield from ((f"list {key} {name}", text) for key, of in WORDS.lists.items() for name, text in of.items())
    yield from ((f"escalation {key}", step.text) for key, steps in WORDS.escalation.items() for step in steps)
    yield from ((f"family {name}", text) for name, text in SET.families.items())
    for card in SET.cards.values():
        yield f"card {card.id}", card.name
        for level in LEVELS:
            response = card.at(level, DAY)
            yield f"guidance {card.id}", response.guidance
            yield from ((f"ask {card.id}", question.text) for question in response.ask)
            if response.safety:
                yield f"safety {card.id}", response.safety


def test_everything_people_read_is_there_in_both_languages():
    assert [where for where, text in every_text() if set(text) != {"zh", "en"}] == []


def test_every_word_is_used():
    """A word that nothing uses is a mistake or a leftover."""
    responses = [card.at(level, period) for card in SET.cards.values() for level in LEVELS for period in (DAY, NIGHT)]
    sent = {need.capability for response in responses for need in response.force}
    preferred = {name for response in responses for name in response.prefer}
    assert sent | preferred == set(WORDS.capabilities)
    brought = {name for response in responses for need in response.force for name in need.equipment}
    assert brought | {name for response in responses for name in response.equipment} == set(WORDS.equipment)
    asked = {question.fact for response in responses for question in response.ask} - {""}
    # That a call is the third or comes from a school, the room sees for itself.
    assert asked | {"third_call", "school_or_hospital"} == set(WORDS.facts)
    consents = {consent.by for response in responses for consent in response.approve.values()}
    deputies = {approver.deputy for approver in WORDS.approvers.values()} - {""}
    assert consents | deputies == set(WORDS.approvers)


def test_whoever_must_agree_has_somebody_who_stands_in():
    for name, approver in WORDS.approvers.items():
        assert bool(approver.deputy) == (name not in {BY_RULE, NOTHING, "chief"}), name


def test_a_lead_is_verified_by_a_person_at_every_level():
    for name in ("wanted_sighting", "vehicle_sighting"):
        for level in LEVELS:
            assert SET.cards[name].at(level, DAY).approve["send"].by == "verify_by_analyst"


def test_the_crowd_gets_no_armed_response_by_itself():
    crowd = SET.cards["crowd_or_wage_protest"]
    assert all(n.capability != "swat" for level in LEVELS for n in crowd.at(level, NIGHT).force)


def test_facts_raise_only_where_they_make_sense():
    cards = SET.cards
    assert cards["dispute"].raised_to(["weapon"]) == 1
    assert cards["noise"].raised_to(["third_call"]) == 3
    assert cards["general_help"].raised_to(["child_or_frail"]) == 2
    assert cards["missing_adult"].raised_to(["foul_play"]) == 1
    assert cards["vehicle_sighting"].raised_to(["suspect_present"]) == 3
    assert cards["nuisance_call"].raises == {}
