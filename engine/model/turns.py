"""One line of guidance along a way, as codes and values; sentences are made of it when it is read."""

from typing import Literal

import msgspec

TurnCode = Literal[
    "depart",
    "continue",
    "bear_left",
    "turn_left",
    "sharp_left",
    "bear_right",
    "turn_right",
    "sharp_right",
    "u_turn",
    "roundabout",
    "arrive",
]
Side = Literal["", "left", "right"]


class Turn(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What to do at a place and how far it leads, up to the next turn."""

    code: TurnCode
    lon: float
    lat: float
    bearing_deg: int
    """The way to go from here, clockwise from north, 0 to 359."""
    length_m: float
    ms: int
    name: str = ""
    """The street that is entered, its Chinese name apart; both may be empty."""
    name_zh: str = ""
    exit: int = 0
    """At a roundabout: which of its exits to take, counted from the entry; 0 where that is not known."""
    side: Side = ""
    """On arrival: the side of the street, as one comes, where that is known."""
