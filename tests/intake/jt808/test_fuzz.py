"""Mutated frames: a few thousand of what `fuzz` sends by the hundred thousand; ``ALLPOINTS_FUZZ=200000`` does, too."""

import os

from tests.intake.jt808.fuzz import CODES, fuzz


def test_mutated_frames_are_taken_or_refused_by_name():
    came = fuzz(int(os.environ.get("ALLPOINTS_FUZZ", "6000")), seed=808)
    assert came["heard"] > 0
    assert came["answers"] > 0
    assert came["asks"] > 0
    # It reaches what it is meant to reach: every refusal but the rarest.
    assert CODES - came.keys() <= {"incomplete", "too_big"}
