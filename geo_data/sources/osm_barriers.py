"""What stands on a node and whom it stops.

By default a kind of barrier stops whom its row says; access tags on the node overrule that for NORMAL and FOOT. An emergency
crew opens what can be opened (gates, chains, removable bollards), whatever ``access`` says, unless ``emergency=no``;
what is fixed stays closed to it unless the node names emergency or motor vehicles.
"""

from collections.abc import Mapping

from geo_data.raw_roads import ALL_MODES, Mode
from geo_data.sources.osm_tags import access_of

_OPENABLE = int(Mode.EMERGENCY | Mode.FOOT)
_FIXED = int(Mode.FOOT)

PASSES = {
    **dict.fromkeys(
        ("toll_booth", "border_control", "cattle_grid", "entrance", "height_restrictor", "no", "kerb", "coupure"),
        int(ALL_MODES),
    ),
    **dict.fromkeys(("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "sally_port"), int(ALL_MODES)),
    **dict.fromkeys(("chain", "rope", "bar", "hampshire_gate", "wicket_gate", "bump_gate"), _OPENABLE),
    **dict.fromkeys(("wall", "fence", "hedge", "city_wall", "retaining_wall", "ditch"), 0),
}
"""Modes that pass each kind of barrier without any access tag; any other kind lets walkers pass and nobody else."""

_OPENABLE_KINDS = frozenset(
    {
        *("gate", "lift_gate", "swing_gate", "sliding_gate", "sliding_beam", "sally_port", "chain", "rope", "bar"),
        *("hampshire_gate", "wicket_gate", "bump_gate", "toll_booth", "border_control"),
    }
)
_MOVABLE_BOLLARDS = frozenset({"removable", "rising", "foldable", "flexible", "retractable", "hinged"})
_HIGH_KERBS = frozenset({"raised", "regular", "yes"})


def barrier_passes(tags: Mapping[str, str]) -> int:
    """Return the bits of the modes that may pass a node; all of them where there is no barrier."""
    kind = tags.get("barrier")
    if kind is None:
        return int(ALL_MODES)
    passes = PASSES.get(kind, _FIXED)
    if kind == "bollard" and tags.get("bollard") in _MOVABLE_BOLLARDS:
        passes = _OPENABLE
    if kind == "kerb" and tags.get("kerb") in _HIGH_KERBS:
        passes = _OPENABLE
    openable = kind in _OPENABLE_KINDS or bool(passes & Mode.EMERGENCY)
    if tags.get("locked") == "yes":
        passes &= ~int(Mode.NORMAL)
    motor = next((said for key in _KEYS if (said := access_of(tags.get(key))) is not None), None)
    if motor is not None:
        passes = passes | Mode.NORMAL if motor else passes & ~int(Mode.NORMAL)
    foot = next((said for key in ("foot", "access") if (said := access_of(tags.get(key))) is not None), None)
    if foot is not None:
        passes = passes | Mode.FOOT if foot else passes & ~int(Mode.FOOT)
    emergency = access_of(tags.get("emergency"))
    if emergency is None:
        emergency = openable or motor is True
    return passes | Mode.EMERGENCY if emergency else passes & ~int(Mode.EMERGENCY)


_KEYS = ("motorcar", "motor_vehicle", "vehicle", "access")
