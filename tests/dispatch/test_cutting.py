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
from engine.model.limits import LONGEST_ID, MOST_RECOMMENDATION_BYTES
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


def test_an_engine_names_the_next_twenty_and_freezes_what_fits():
    long = "警" * 40
    units = [unit(f"{long}-{i:02}", i % 6, 2 + i % 3) for i in range(30)] + [
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
