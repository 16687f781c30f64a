"""A recommendation as it fits into its event: whole in nearly all cities, and where it does not, saying what is cut."""

import msgspec

from engine.model.limits import MOST_RECOMMENDATION_BYTES
from engine.model.recommendation import Recommendation

_encoder = msgspec.json.Encoder()


def cut_to_size(recommendation: Recommendation) -> Recommendation:
    """Return a recommendation that takes at most `MOST_RECOMMENDATION_BYTES` in JSON.

    With ids of a dozen characters nothing is cut. Where ids are long, the last name of the longer of the two lists
    goes, an excluded unit before a candidate, until the rest fits; how many went is stated in it. Who is chosen and the
    counts by reason always stand: with every id as long as ids may be they take less than half of the room.
    """
    whole = recommendation
    while len(_encoder.encode(recommendation)) > MOST_RECOMMENDATION_BYTES:
        others, excluded = recommendation.others, recommendation.excluded
        assert others or excluded, len(_encoder.encode(recommendation))
        if len(others) > len(excluded):
            others = others[:-1]
        else:
            excluded = excluded[:-1]
        recommendation = msgspec.structs.replace(
            recommendation,
            others=others,
            excluded=excluded,
            others_cut=len(whole.others) - len(others),
            excluded_cut=len(whole.excluded) - len(excluded),
        )
    return recommendation
