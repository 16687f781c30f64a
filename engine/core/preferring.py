"""What a run card prefers: who has none of it goes only where they are there sooner by so much. Nobody is waited for.

It is a handicap as those of `engine.core.own_first`, ranked with and stated beside each candidate: whoever is preferred
goes when they are there in time, and where none is, whoever is first goes at once. At level 1 a preference decides
among those who are as good as there together, and no more.
"""

import numpy as np

from engine.core.own_first import AT_ONCE, Column
from engine.core.state import Demand
from engine.dispatch.policies import Policies
from engine.fleet import READY, FleetView

NOT_PREFERRED = "not_preferred"


def not_preferred(fleet: FleetView, policies: Policies, demand: Demand) -> dict[str, Column]:
    """Return what counts against whom for a demand, int32 (U,) in ms by code.

    Nothing where nobody who is free and could go has what is preferred: it would only make the demand look late in a
    joint plan, and nobody is taken off another order for a preference.
    """
    most = policies.prefer_ms if demand.level > AT_ONCE else min(policies.prefer_ms, policies.tie_window_ms)
    if not demand.prefer or not most:
        return {}
    preferred = (fleet.bits & fleet.any_mask(demand.prefer)) != 0
    could = (fleet.bits & fleet.any_mask((demand.capability, *demand.either))) != 0
    could &= (fleet.bits & np.uint64(READY)) != 0
    if not (preferred & could).any():
        return {}
    return {NOT_PREFERRED: np.where(preferred, np.int32(0), np.int32(most))}
