"""What the tags of an OSM way mean: which street it is, who may use it in which direction, and how fast.

- NORMAL obeys what stands on the signs; ``destination`` and ``customers`` let it in, for it goes where its order is.
- EMERGENCY may also use private ways, ways closed to motor vehicles, bus roads and contraflow bus lanes, emergency
  accesses and pedestrian streets wide enough; not what is closed to all (``access=no``), nor footways unless tagged so.
  It keeps to one-way streets but for ``oneway:emergency=no``: to drive against traffic is a person's choice, no plan's.
- Tracks are open to all unless tagged otherwise, the two roughest grades to EMERGENCY and FOOT only.
- FOOT goes both ways on streets and footways; not on motorways, nor where the public may not.
- Conditional tags are not read: what holds at some hours is decided by closures. They are counted.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from geo_data.raw_roads import Mode, RoadClass
from geo_data.sources.osm.speeds import parse_speed

Tags = Mapping[str, str]

HIGHWAYS = {
    "motorway": RoadClass.MOTORWAY,
    "motorway_link": RoadClass.MOTORWAY_LINK,
    "trunk": RoadClass.TRUNK,
    "trunk_link": RoadClass.TRUNK_LINK,
    "primary": RoadClass.PRIMARY,
    "primary_link": RoadClass.PRIMARY_LINK,
    "secondary": RoadClass.SECONDARY,
    "secondary_link": RoadClass.SECONDARY_LINK,
    "tertiary": RoadClass.TERTIARY,
    "tertiary_link": RoadClass.TERTIARY_LINK,
    "unclassified": RoadClass.UNCLASSIFIED,
    "residential": RoadClass.RESIDENTIAL,
    "living_street": RoadClass.LIVING_STREET,
    "service": RoadClass.SERVICE,
    "track": RoadClass.TRACK,
    "busway": RoadClass.BUSWAY,
    "bus_guideway": RoadClass.BUSWAY,
    "pedestrian": RoadClass.PEDESTRIAN,
    "footway": RoadClass.FOOTWAY,
    "path": RoadClass.FOOTWAY,
    "cycleway": RoadClass.FOOTWAY,
    "bridleway": RoadClass.FOOTWAY,
    "corridor": RoadClass.FOOTWAY,
    "steps": RoadClass.STEPS,
    "road": RoadClass.OTHER,
}
_NOT_YET_OR_NO_MORE = frozenset(
    {"construction", "proposed", "planned", "abandoned", "disused", "razed", "demolished", "dismantled", "historic"}
)
_ALLOWED = frozenset({"yes", "permissive", "designated", "official", "public", "destination", "customers", "1", "true"})
_REFUSED = frozenset(
    {
        *("no", "private", "delivery", "permit", "residents", "agricultural", "forestry", "military", "emergency"),
        *("psv", "bus", "use_sidepath", "restricted", "employees", "staff", "university", "0", "false"),
    }
)
_CLOSED_TO_ALL = frozenset({"no", "military"})
_NORMAL, _EMERGENCY, _FOOT = int(Mode.NORMAL), int(Mode.EMERGENCY), int(Mode.FOOT)  # plain: half a million uses
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})
_BACKWARD = frozenset({"-1", "reverse", "backward"})
_ROUNDABOUTS = frozenset({"roundabout", "circular"})
_MOTOR_KEYS = ("motorcar", "motor_vehicle", "vehicle", "access")
_BUS_KEYS = ("psv", "bus", "taxi")
_FOOT_EXPLICIT = frozenset({"cycleway", "bridleway"})
NARROWEST_M = 2.5
"""A pedestrian street tagged as narrower takes no emergency vehicle."""


class Dropped(NamedTuple):
    """A way that is no street, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class WayTags:
    """What the reader needs of a way's tags; modes are bits of `Mode`, speeds km/h or NaN."""

    road_class: RoadClass
    forward_modes: int
    backward_modes: int
    forward_kmh: float
    backward_kmh: float
    name: str
    name_zh: str
    roundabout: bool = False
    odd: tuple[str, ...] = ()
    """What in the tags made no sense or was left unread, as reasons for the report."""


def read_way(tags: Tags) -> WayTags | Dropped | None:
    """Read a way's tags; None when it is no street at all, and not worth counting."""
    highway = tags.get("highway")
    if highway is None:
        return _read_ferry(tags) if tags.get("route") == "ferry" else None
    if highway in _NOT_YET_OR_NO_MORE or any(tags.get(key) in _YES for key in _NOT_YET_OR_NO_MORE):
        return Dropped("not_in_use")
    road_class = HIGHWAYS.get(highway)
    if road_class is None:
        return Dropped("no_road_class")
    odd: list[str] = []
    direction, contraflow = _direction(tags, highway, odd)
    walk = _foot(tags, highway)
    directed = any(key.endswith((":forward", ":backward")) for key in tags)
    ahead = _drive(tags, highway, "forward" if directed else "")
    back = _drive(tags, highway, "backward") if directed else ahead
    if tags.get("area") == "yes" or direction is None:
        ahead = back = 0
    if direction == 1:
        back &= contraflow
    elif direction == -1:
        ahead &= contraflow
    forward_modes, backward_modes = ahead | (walk & _along(tags)), back | (walk & _against(tags))
    if not forward_modes | backward_modes:
        return Dropped("no_access")
    if any(key.endswith(":conditional") for key in tags):
        odd.append("conditional_unread")
    forward_kmh, backward_kmh = _speeds(tags, odd) if ahead | back else (math.nan, math.nan)
    name, name_zh = read_names(tags)
    around = tags.get("junction") in _ROUNDABOUTS
    return WayTags(
        road_class, forward_modes, backward_modes, forward_kmh, backward_kmh, name, name_zh, around, tuple(odd)
    )


def _read_ferry(tags: Tags) -> WayTags | Dropped:
    """Read a ferry: it takes cars unless it says otherwise, and no emergency alters what a boat can carry."""
    odd: list[str] = []
    motor = first_access(tags, _MOTOR_KEYS, "forward")
    modes = 0 if motor is False else _NORMAL | _EMERGENCY
    if first_access(tags, ("foot", "access"), "forward") is not False:
        modes |= _FOOT
    direction, _ = _direction(tags, "ferry", odd)
    if not modes or direction is None:
        return Dropped("no_access")
    name, name_zh = read_names(tags)
    ahead, back = (modes if direction != -1 else 0), (modes if direction != 1 else 0)
    return WayTags(RoadClass.FERRY, ahead, back, math.nan, math.nan, name, name_zh, odd=tuple(odd))


def _direction(tags: Tags, highway: str, odd: list[str]) -> tuple[int | None, int]:
    """Return 1, -1 or 0 for along, against or both ways, None for closed; and the modes that may go against it."""
    text = next(
        (tags[key] for key in ("oneway:motorcar", "oneway:motor_vehicle", "oneway:vehicle", "oneway") if key in tags),
        "",
    )
    contraflow = 0
    bus_lane = tags.get("busway") == "opposite_lane" or any(tags.get(f"oneway:{key}") in _NO for key in ("bus", "psv"))
    if tags.get("oneway:emergency") in _NO or (bus_lane and tags.get("oneway:emergency") not in _YES):
        contraflow = _EMERGENCY
    if text in _YES:
        return 1, contraflow
    if text in _BACKWARD:
        return -1, contraflow
    if text == "reversible":  # the tag does not say which way now
        odd.append("oneway_reversible")
        return None, 0
    if text in _NO or text == "alternating":
        return 0, 0
    if text:
        odd.append("oneway_unreadable")
    if highway == "motorway" or tags.get("junction") in _ROUNDABOUTS:
        return 1, contraflow
    return 0, 0


def access_of(value: str | None) -> bool | None:
    """Say whether a value lets people in, any of a list being enough; None where it is absent or says neither."""
    if value is None:
        return None
    parts = [part.strip() for part in value.split(";")] if ";" in value else [value]
    if any(part in _ALLOWED for part in parts):
        return True
    return False if any(part in _REFUSED for part in parts) else None


def first_access(tags: Tags, keys: Iterable[str], direction: str = "") -> bool | None:
    """Return what the most specific key says that says anything; one for the direction goes before the plain one."""
    for key in keys:
        for full in (f"{key}:{direction}", key) if direction else (key,):
            said = access_of(tags.get(full))
            if said is not None:
                return said
    return None


def _drive(tags: Tags, highway: str, direction: str) -> int:
    """Return which of NORMAL and EMERGENCY may drive there, one-way streets not yet looked at."""
    if tags.get("smoothness") == "impassable" or tags.get("impassable") in _YES:
        return 0
    said = first_access(tags, _MOTOR_KEYS, direction)
    road_class = HIGHWAYS[highway]
    footway = road_class in {RoadClass.FOOTWAY, RoadClass.STEPS}
    # A general access=yes on a footway or bus road speaks of those it is for; a car needs to be named.
    named = first_access(tags, _MOTOR_KEYS[:2], direction) is True
    special = footway or road_class in {RoadClass.PEDESTRIAN, RoadClass.BUSWAY}
    normal = named if special else said is not False
    if tags.get("service") == "emergency_access" and not named:
        normal = False
    if highway == "track" and tags.get("tracktype") in {"grade4", "grade5"} and not named:
        normal = False
    if road_class == RoadClass.STEPS:
        normal = False
    emergency = _emergency(tags, highway, direction, normal=normal)
    return (_NORMAL if normal else 0) | (_EMERGENCY if emergency else 0)


def _emergency(tags: Tags, highway: str, direction: str, *, normal: bool) -> bool:
    said = access_of(tags.get("emergency"))
    if said is not None:
        return said and highway != "steps"
    if normal:
        return True
    if direction and any(access_of(tags.get(f"{key}:{direction}")) is False for key in _MOTOR_KEYS):
        return False  # a no-entry sign, not a closed street
    road_class = HIGHWAYS[highway]
    if road_class in {RoadClass.FOOTWAY, RoadClass.STEPS} or highway == "bus_guideway":
        return False
    if road_class == RoadClass.PEDESTRIAN and _width_m(tags) < NARROWEST_M:
        return False
    general = {part.strip() for part in tags.get("access", "").split(";")}
    if not general & _CLOSED_TO_ALL:
        return True
    # access=no with somebody named, such as bus=yes, is a road in use that is kept for some.
    return "military" not in general and any(access_of(tags.get(key)) for key in (*_BUS_KEYS, *_MOTOR_KEYS[:3]))


def _width_m(tags: Tags) -> float:
    for key in ("width", "est_width"):
        try:
            return float(tags[key].replace(",", ".").removesuffix("m").strip())
        except (KeyError, ValueError):
            continue
    return math.inf


def _foot(tags: Tags, highway: str) -> int:
    said = first_access(tags, ("foot", "access"), "forward")
    if tags.get("foot") is None and said is True and highway in _FOOT_EXPLICIT:
        said = None
    if said is None:
        closed = HIGHWAYS[highway] in {RoadClass.MOTORWAY, RoadClass.MOTORWAY_LINK, RoadClass.BUSWAY}
        said = not closed and highway not in _FOOT_EXPLICIT and tags.get("motorroad") not in _YES
    return _FOOT if said else 0


def _along(tags: Tags) -> int:
    return 0 if tags.get("conveying") == "backward" or tags.get("oneway:foot") in _BACKWARD else _FOOT


def _against(tags: Tags) -> int:
    one_way = tags.get("conveying") in {"forward", "yes"} or tags.get("oneway:foot") in _YES
    return 0 if one_way else _FOOT


def _speeds(tags: Tags, odd: list[str]) -> tuple[float, float]:
    """Return the limits along and against; where no number stands, what the kind of limit says."""
    plain = math.nan
    if "maxspeed" in tags:
        plain, sense = parse_speed(tags["maxspeed"])
        if not sense:
            odd.append("maxspeed_unreadable")
    else:
        for key in ("maxspeed:type", "zone:maxspeed", "source:maxspeed", "zone:traffic"):
            if math.isnan(plain) and key in tags:
                plain, _ = parse_speed(tags[key])
    both = []
    for key in ("maxspeed:forward", "maxspeed:backward"):
        kmh, sense = parse_speed(tags[key]) if key in tags else (math.nan, True)
        if not sense:
            odd.append("maxspeed_unreadable")
        both.append(plain if math.isnan(kmh) else kmh)
    return both[0], both[1]


def read_names(tags: Tags) -> tuple[str, str]:
    """Return name (or number, where there is no name) and Chinese name; a name in Chinese characters is one."""
    name = (tags.get("name") or tags.get("ref") or "").strip()
    chinese = (tags.get("name:zh") or tags.get("name:zh-Hans") or "").strip()
    return name, chinese or (name if has_chinese(name) else "")


def has_chinese(text: str) -> bool:
    """Say whether a text holds Chinese characters, and no Japanese or Korean script beside them."""
    ideographs = any("\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U000323af" for letter in text)
    return ideographs and not any("\u3040" <= letter <= "\u30ff" or "\uac00" <= letter <= "\ud7af" for letter in text)
