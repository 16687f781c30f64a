"""A recommendation fits into 4 KB however long its ids are, and says what was cut."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.engine import Engine
from engine.dispatch.cutting import cut_to_size
from engine.dispatch.policies import Policies
from engine.model.commands import ReportAlert
from engine.model.entities import Need
from engine.model.limits import (
    LONGEST_CALL_SIGN,
    LONGEST_ID,
    MOST_EITHER,
    MOST_EQUIPMENT,
    MOST_RECOMMENDATION_BYTES,
)
from engine.model.recommendation import Candidate, Excluded, Recommendation, WhyNot
from tests.support.cities import NOW, SetClock, alert, city, unit


def made_up(name: str, others: int, excluded: int, latest_ms: int = 86_400_000) -> Recommendation:
    """Return a recommendation with the same name everywhere, every reason, and figures about as large as one."""
    return Recommendation(
        capability=name,
        policy="nearest",
        chosen=Candidate(name, latest_ms, latest_ms, latest_ms, distance_m=999_999),
        others=tuple(Candidate(name, latest_ms + i, latest_ms, latest_ms) for i in range(others)),
        excluded=tuple(Excluded(name, "taken_by_other_need", latest_ms + i, name) for i in range(excluded)),
        excluded_counts=dict.fromkeys(get_args(WhyNot), 200_000),
        fleet_size=200_000,
        settled_nodes=2_000_000,
    )


def size_of(recommendation: Recommendation) -> int:
    return len(msgspec.json.encode(recommendation))


def test_a_full_table_with_call_signs_of_eleven_characters_is_whole():
    recommendation = made_up("patrol-0012", 20, 20, 3_600_000)
    assert cut_to_size(recommendation) is recommendation
    assert size_of(recommendation) <= MOST_RECOMMENDATION_BYTES


@pytest.mark.parametrize("letter", ["x", "警", "\U00020000", '"'])
def test_with_the_longest_ids_what_is_cut_is_stated(letter):
    whole = made_up(letter * LONGEST_ID, 20, 20)
    cut = cut_to_size(whole)
    assert size_of(cut) <= MOST_RECOMMENDATION_BYTES < size_of(whole)
    assert (cut.chosen, cut.excluded_counts) == (whole.chosen, whole.excluded_counts)
    assert len(cut.others) + cut.others_cut == 20
    assert len(cut.excluded) + cut.excluded_cut == 20


@pytest.mark.parametrize("letter", ["x", "警", "\U00020000", '"'])
def test_all_that_is_never_cut_fits_by_itself(letter):
    sign, word = letter * LONGEST_CALL_SIGN, "w" * 64
    day_ms = 86_400_000
    against = ("position_age", "diversion", "diversion_equal", "not_preferred", "own_first")
    one = Candidate(
        sign,
        day_ms,
        day_ms,
        day_ms,
        distance_m=999_999,
        cover_ppm=1_000_000,
        cost_ms=day_ms,
        penalties_ms=dict.fromkeys(against, day_ms),
        people=500,
        sworn=500,
        team=sign,
        diverted_from="o" * LONGEST_ID,
    )
    whole = msgspec.structs.replace(
        made_up(sign, 20, 20),
        capability=word,
        policy="responsible_station",
        chosen=one,
        others=(one,) * 20,
        rivals=(one,) * 20,
        either=(word,) * (MOST_EITHER - 1),
        bringing=(*(f"equipment:{word}" for _ in range(MOST_EQUIPMENT)), f"rank:{word}"),
        one_team=MOST_EITHER,
        people=500,
        sworn=500,
        extra=True,
        shares=True,
        level=4,
        underway_ms=day_ms,
        decided_at=NOW,
        decision=10**9,
        together=500,
        proven=False,
    )
    cut = cut_to_size(whole)
    assert size_of(cut) <= MOST_RECOMMENDATION_BYTES
    assert (cut.chosen, cut.either, cut.bringing) == (one, whole.either, whole.bringing)
    assert not cut.rivals
    assert cut.others_cut + len(cut.others) == cut.excluded_cut + len(cut.excluded) == 20


@pytest.mark.parametrize(
    ("need", "code", "field"),
    [
        (Need("patrol", either=("traffic",) * MOST_EITHER), "too_many", "either"),
        (Need("patrol", equipment=("shield",) * (MOST_EQUIPMENT + 1)), "too_many", "equipment"),
        (Need("patrol", equipment=("x" * 5_000,)), "unknown_equipment", "equipment"),
    ],
)
def test_a_need_that_no_table_has_room_for_is_refused(need, code, field):
    engine = Engine(city([unit("a", 1, 1)]), clock=SetClock())
    reply = engine.submit(ReportAlert(actor="source:test", alert=alert("1", 1, 1, needs=(need,))))[0]
    assert reply.refusal is not None
    assert (reply.refusal.code, reply.refusal.field) == (code, f"needs[0].{field}")


@given(st.text(min_size=1, max_size=LONGEST_ID), st.integers(0, 20), st.integers(0, 20))
def test_no_more_is_cut_than_has_to_be_and_from_the_end(name, others, excluded):
    whole = made_up(name, others, excluded)
    cut = cut_to_size(whole)
    assert size_of(cut) <= MOST_RECOMMENDATION_BYTES
    assert cut.others == whole.others[: len(cut.others)]
    assert cut.excluded == whole.excluded[: len(cut.excluded)]
    if cut.others_cut or cut.excluded_cut:
        more = msgspec.structs.replace(
            cut,
            others=whole.others[: len(cut.others) + bool(cut.others_cut)],
            excluded=whole.excluded[: len(cut.excluded) + bool(cut.excluded_cut)],
        )
        assert size_of(more) > MOST_RECOMMENDATION_BYTES


@pytest.mark.parametrize("letter", ["x", "警", "\U00020000", '"'])
def test_an_engine_names_the_next_twenty_and_freezes_what_fits(letter):
    long = letter * (LONGEST_CALL_SIGN - 4)
    units = [unit(f"{long}-{i:03}", i % 6, 2 + i % 3) for i in range(30)] + [
        unit(f"{long}-t{i:02}", 1, 1, "traffic") for i in range(25)
    ]
    for names, whole in ((units, False), ([*(msgspec.structs.replace(u, id=u.id[-3:]) for u in units)], True)):
        engine = Engine(city(names, policies=Policies(stale_position_ms=0)), clock=SetClock())
        reply = engine.submit(ReportAlert(actor="source:test", alert=alert("1", 1, 1, "drunk_person", at=NOW)))[0]
        assert reply.incident is not None
        (said,) = engine.recommendations(reply.incident)
        assert len(said.others) + said.others_cut == 20
        assert len(said.excluded) + said.excluded_cut == 20
        assert (said.others_cut == said.excluded_cut == 0) is whole
        assert said.excluded_counts == {"lacks_capability": 25}
        assert size_of(said) <= MOST_RECOMMENDATION_BYTES
