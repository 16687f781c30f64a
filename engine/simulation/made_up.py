"""A made-up evening of calls for a city without a log: what the run cards know, where people live, as a seed has it.

Calls come at random instants, but the first soon; places are junctions, so that they are dense where streets are.
"""

from collections.abc import Sequence

import numpy as np

from engine.dispatch.run_cards import RunCard, RunCards
from engine.simulation.played import PlayedCall
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork

LEVEL_WEIGHTS = {1: 1.0, 2: 2.0, 3: 3.0, 4: 3.0}
"""How often a card of each level comes up, beside the others: grave things are rare."""
USUAL_STAY_S = {1: 1_500.0, 2: 1_200.0, 3: 900.0, 4: 600.0}
"""The median stay at an incident, in seconds by level; stays scatter by a factor of about one and a half."""
_SCATTER = 0.4
_FIRST_AFTER_S = 5.0
_OFF_THE_JUNCTION_DEG = 2e-4


def make_up_calls(
    network: RoadNetwork, cards: RunCards, *, begins_at: int, minutes: float, count: int, seed: int
) -> list[PlayedCall]:
    """Return calls in the order they come in; the same arguments give the same calls.

    Parameters
    ----------
    network
        The streets.
    cards
        Only cards that send somebody by rule are used: nobody is there to approve.
    begins_at
        Ms since the epoch.
    minutes
        How long the evening is, in simulated minutes.
    count
        How many calls there are.
    seed
        Of everything random.
    """
    random = np.random.default_rng(seed)
    usable = [card for card in cards.cards.values() if card.approval == "by_rule" and card.day and card.night]
    weights = np.array([LEVEL_WEIGHTS[card.level] for card in usable])
    offsets_s = np.sort(random.uniform(_FIRST_AFTER_S, max(minutes * 60.0, _FIRST_AFTER_S + 1.0), count))
    if count:
        offsets_s[0] = _FIRST_AFTER_S
    kinds = random.choice(len(usable), size=count, p=weights / weights.sum())
    drivable = np.unique(network.arc_tail[(network.arc_modes & Mode.EMERGENCY) != 0])
    nodes = random.choice(drivable, size=count)
    off_deg = random.uniform(-_OFF_THE_JUNCTION_DEG, _OFF_THE_JUNCTION_DEG, (count, 2))
    stays = np.exp(random.normal(0.0, _SCATTER, count))
    return [
        _call(number, usable, begins_at, row, (network.node_lon[row[2]], network.node_lat[row[2]]))
        for number, row in enumerate(zip(offsets_s, kinds, nodes, off_deg, stays, strict=True), 1)
    ]


def _call(
    number: int,
    cards: Sequence[RunCard],
    begins_at: int,
    row: tuple[float, int, int, np.ndarray, float],
    junction: tuple[float, float],
) -> PlayedCall:
    offset_s, kind, _, off_deg, stay = row
    card = cards[kind]
    return PlayedCall(
        id=f"made-up-{number:05d}",
        at=begins_at + int(offset_s) * 1000,
        type=card.id,
        level=card.level,
        lon=round(float(junction[0] + off_deg[0]), 6),
        lat=round(float(junction[1] + off_deg[1]), 6),
        usual_ms=int(USUAL_STAY_S[card.level] * stay) * 1000,
    )
