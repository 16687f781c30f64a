"""What a look that found nobody teaches: Bayes' rule over the places."""

import numpy as np
from numpy.typing import NDArray

from engine.model.errors import Refusal


def after_look(chance: NDArray[np.float64], place: int, sure: float) -> NDArray[np.float64]:
    """Return the chances after somebody looked at a place and did not find him.

    Parameters
    ----------
    chance
        float64 (n,), the probability of each place; what they lack to 1 is the probability that he is elsewhere.
    place
        Where they looked.
    sure
        The probability that such a look finds him where he is: 1 leaves the place none.

    Returns
    -------
    float64 (n,)
        ``p (1 - sure) / (1 - p sure)`` at the place and ``p / (1 - p sure)`` elsewhere. All zero where he could only
        have been there.

    Raises
    ------
    Refusal
        ``out_of_range``, when ``sure`` is no probability.
    """
    if not 0.0 <= sure <= 1.0:
        raise Refusal("out_of_range", "sure", sure, "0 to 1")
    missed = chance.copy()
    missed[place] *= 1.0 - sure
    left = 1.0 - float(chance[place]) * sure
    return missed / left if left > 0.0 else np.zeros_like(missed)
