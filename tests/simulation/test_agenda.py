"""The agenda: against a plain sorted list, over random entries."""

from hypothesis import given
from hypothesis import strategies as st

from engine.simulation.agenda import Agenda

names = st.sampled_from("abcdef")
steps = st.lists(st.one_of(st.tuples(names, st.none() | st.integers(0, 50)), st.integers(0, 60)), max_size=40)


@given(steps)
def test_it_gives_what_a_sorted_list_gives(script: list[tuple[str, int | None] | int]) -> None:
    agenda, plain = Agenda(), {}
    for step in script:
        if isinstance(step, tuple):
            name, at = step
            agenda.set(name, at)
            plain.pop(name, None)
            if at is not None:
                plain[name] = at
        else:
            expected = sorted((at, name) for name, at in plain.items() if at <= step)
            for _, name in expected:
                del plain[name]
            assert agenda.due(step) == [name for _, name in expected]
        assert agenda.next_at() == min(plain.values(), default=None)
        assert len(agenda) == len(plain)
