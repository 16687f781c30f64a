from hypothesis import given
from hypothesis import strategies as st

from engine.supervision import CLOCKS, INCIDENT_CLOCKS, Deadlines

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(st.one_of(st.tuples(st.just("set"), KEYS, st.integers(0, 20)), st.tuples(st.just("clear"), KEYS)))


@given(STEPS, st.integers(0, 20))
def test_heap_agrees_with_a_plain_dictionary(steps, now):
    deadlines, model, order = Deadlines(), {}, {}
    for count, step in enumerate(steps):
        if step[0] == "set":
            deadlines.set(step[1], step[2])
            model[step[1]], order[step[1]] = step[2], count
        else:
            deadlines.clear(step[1])
            model.pop(step[1], None)
    assert len(deadlines) == len(model)
    assert deadlines.next_at() == min(model.values(), default=None)
    expected = sorted(((at, order[key], key) for key, at in model.items() if at <= now))
    assert {key: deadlines.at(key) for key in "abcdef"} == {key: model.get(key) for key in "abcdef"}
    assert deadlines.due(now) == [(key, at) for at, _, key in expected]
    assert sorted(deadlines.items()) == sorted(model.items())


def test_what_is_due_stays_until_it_is_cleared():
    deadlines = Deadlines()
    deadlines.set("a", 5)
    assert deadlines.due(5) == deadlines.due(6) == [("a", 5)]
    deadlines.clear("a")
    assert deadlines.due(6) == []


def test_a_clock_runs_in_the_state_that_starts_it():
    for clock in (*CLOCKS.values(), *INCIDENT_CLOCKS.values()):
        assert clock.starts in clock.runs_in
