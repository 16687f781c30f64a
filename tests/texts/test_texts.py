import re
import string
from typing import get_args

import pytest

from engine.dispatch.run_cards import COUNTY, RunCards
from engine.model.entities import OverruleReason
from engine.model.lifecycle import IncidentState, OrderState
from engine.model.lookouts import HeldFor, SightingState
from engine.model.notices import NoticeCode
from engine.model.recommendation import Candidate, Excluded, Recommendation, WhyNot
from engine.texts import LANGUAGES, catalogue, duration, text
from engine.texts.names import named, names_in
from engine.texts.reading import explain


def fields(sentence):
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


def test_both_languages_have_the_same_keys_and_values():
    zh, en = catalogue("zh"), catalogue("en")
    assert {s: sorted(t) for s, t in zh.items()} == {s: sorted(t) for s, t in en.items()}
    for section, texts in en.items():
        for key, sentence in texts.items():
            assert fields(sentence) == fields(zh[section][key]), (section, key)


WHY_CANCELLED = ("ended_elsewhere", "handed_over", "subject_found", "all_searched", "search_spared")
"""Codes of cancellations, which a recipient is told with the order."""


def test_every_code_that_events_and_items_hold_has_a_text():
    for language in LANGUAGES:
        texts = catalogue(language)
        assert set(texts["overrule_reason"]) == set(get_args(OverruleReason))
        assert set(texts["why"]) == set(texts["why_short"]) == set(get_args(WhyNot))
        assert set(texts["order_state"]) == set(OrderState)
        assert set(texts["incident_state"]) == set(IncidentState)
        assert set(texts["held"]) == set(get_args(HeldFor))
        assert set(get_args(SightingState)) <= set(texts["sighting"])
        assert set(texts["notice"]) == {*get_args(NoticeCode), *WHY_CANCELLED}


def test_chinese_is_chinese():
    han = re.compile("[一-鿿]")
    assert all(han.search(t) or "{" in t for texts in catalogue("zh").values() for t in texts.values())


def test_unknown_language_is_refused():
    with pytest.raises(ValueError, match="language"):
        text("policy.nearest", "fr")


def test_durations_read_as_minutes_and_seconds():
    assert [duration(ms) for ms in (0, 61_000, 599_400)] == ["0:00", "1:01", "9:59"]


def test_a_recommendation_reads_in_either_language():
    recommendation = Recommendation(
        capability="patrol",
        policy="nearest",
        chosen=Candidate("P7", 247_000, 60_000, 187_000, distance_m=2140),
        others=(Candidate("P9", 300_000, 60_000, 240_000),),
        excluded=(Excluded("P3", "stale_position", 100_000, "812"), Excluded("T1", "lacks_capability", 110_000)),
        excluded_counts={"stale_position": 1, "lacks_capability": 4},
        fleet_size=12,
        settled_nodes=311,
    )
    english, chinese = explain(recommendation, "en"), explain(recommendation, "zh")
    assert "P7 goes: there in 4:07" in english
    assert "812 s old" in english
    assert "T1 (1:50): lacks patrol" in english
    assert "派 P7:4:07 到达" in chinese
    assert "位置已 812 秒未更新" in chinese
    names = {"capability:patrol": "街面巡逻组"}
    named = explain(recommendation, "zh", names=names)
    assert "需要“街面巡逻组”" in named
    assert "T1(1:50):不具备“街面巡逻组”" in named


def test_what_a_city_defines_is_called_by_its_names_and_the_rest_by_its_id():
    cards = RunCards.load(COUNTY)
    names = names_in(cards.vocabulary, "zh")
    assert named(names, "capability", "patrol") == "街面巡逻组"
    assert named(names, "type", "robbery") == cards.cards["robbery"].name["zh"]
    assert named(names, "equipment", "shield") == "盾牌"
    assert named(names, "capability", "unheard_of") == "unheard_of"
