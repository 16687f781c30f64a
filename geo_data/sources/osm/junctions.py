"""What stands at a node of a street and makes drivers wait: signals, stop signs, level crossings.

``direction`` and ``traffic_signals:direction`` say for a sign before a junction whom it concerns; it is meant along the
way that the node lies on. Where a map says neither, everybody who comes to the node is concerned, from a side street
or not: what the sign at a junction's own node is for cannot be told.
"""

from collections.abc import Mapping

from geo_data.raw_roads import Facing, NodeKind

KEYS = ("highway", "railway")
"""The keys that a node must have one of."""
TAGS = frozenset({*KEYS, "crossing", "crossing:signals", "direction", "traffic_signals:direction"})

_KINDS: Mapping[str, NodeKind] = {
    "traffic_signals": NodeKind.SIGNALS,
    "stop": NodeKind.STOP,
    "give_way": NodeKind.GIVE_WAY,
    "mini_roundabout": NodeKind.MINI_ROUNDABOUT,
}
_FACING: Mapping[str, Facing] = {"forward": Facing.FORWARD, "backward": Facing.BACKWARD}


def node_kind(tags: Mapping[str, str]) -> NodeKind:
    """Return what drivers meet at a node."""
    if tags.get("railway") in {"level_crossing", "tram_level_crossing"}:
        return NodeKind.LEVEL_CROSSING
    highway = tags.get("highway", "")
    if highway == "crossing":
        signals = tags.get("crossing") == "traffic_signals" or tags.get("crossing:signals") == "yes"
        return NodeKind.CROSSING if signals else NodeKind.NONE
    return _KINDS.get(highway, NodeKind.NONE)


def node_facing(tags: Mapping[str, str]) -> Facing:
    """Return whom it concerns; what is neither ``forward`` nor ``backward`` concerns everybody."""
    return _FACING.get(tags.get("traffic_signals:direction", tags.get("direction", "")), Facing.BOTH)
