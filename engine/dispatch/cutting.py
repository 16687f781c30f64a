"""A recommendation as it fits into its event: whole in nearly all cities, and where it does not, saying what is cut."""

import msgspec

from engine.model.limits import MOST_RECOMMENDATION_BYTES
from engine.model.recommendation import Recommendation

_encoder = msgspec.json.Encoder()


def cut_to_size(recommendation: Recommendation) -> Recommendation:
    """Return a recommendation that takes at most `MOST_RECOMMENDATION_BYTES` in JSON.

    Where it would be more, those go that only other demands have, the last first; then the last name of the longer of
    the two other lists, an excluded unit before a candidate, until the rest fits; how many of these went is stated in
    it. Who is chosen, what is needed and the counts by reason always stand: with every id as long as ids may be, and
    as many of them as a need may have, they fit.
    """
    whole = recommendation
    while len(_encoder.encode(recommendation)) > MOST_RECOMMENDATION_BYTES:
        others, excluded, rivals = recommendation.others, recommendation.excluded, recommendation.rivals
        assert others or excluded or rivals, len(_encoder.encode(recommendation))
        if rivals:
            rivals = rivals[:-1]
        elif len(others) > len(excluded):
            others = others[:-1]
        else:
            excluded = excluded[:-1]
        recommendation = msgspec.structs.replace(
            recommendation,
            others=others,
            excluded=excluded,
            rivals=rivals,
            others_cut=len(whole.others) - len(others),
            excluded_cut=len(whole.excluded) - len(excluded),
        )
    return recommendation
