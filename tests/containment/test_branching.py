"""Where prices alone say nothing, cases are told apart; what is proven in all of them is proven."""

from engine.containment import SURE_STRETCH
from engine.containment.contraction import set_up
from engine.containment.sealing import decide
from tests.support.chase import halves, seal_by_force


def board_of(chase, situation):
    case = chase.planner.case(situation)
    return case, set_up(case.core, case.pairs, SURE_STRETCH)


def test_halves_of_two_cuts_that_can_be_held_make_no_seal():
    chase, situation = halves()
    checker = chase.checker(situation)
    assert seal_by_force(checker, SURE_STRETCH) is None
    case, board = board_of(chase, situation)
    undecided = decide(board, case.crew_size, thorough=False)
    assert undecided.pairs is None
    assert undecided.proofs is None
    plan = case.first()
    assert plan.verdict == "impossible"
    assert len(plan.certificate.branches) > 1
    assert checker.wrong(plan.certificate) == ""


def test_one_unit_more_at_either_cut_seals_it():
    for units, letters in ((("PR", "PR", "QT"), "AB"), (("PR", "QT", "QT"), "EF")):
        chase, situation = halves(units)
        plan = chase.planner.case(situation).first()
        assert plan.verdict == "sealed"
        assert chase.letters(post.node for post in plan.posts) == letters


def test_too_much_work_is_left_undone_and_said_to_be(monkeypatch):
    monkeypatch.setattr("engine.containment.sealing.MOST_WORK", 1)
    chase, situation = halves()
    plan = chase.planner.case(situation).best()
    assert plan.verdict == "undecided"
    assert plan.certificate is None
