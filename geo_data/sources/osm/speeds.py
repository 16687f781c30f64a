"""What ``maxspeed`` means, in its many spellings. Nonsense is NaN and is counted by the caller, never a travel time.

Signed values are km/h unless a unit stands behind them. Codes such as ``DE:rural`` stand for a country's legal limit;
the table holds those that differ from the common one (wiki.openstreetmap.org, "Default speed limits").
"""

import math
import re

KMH_PER_MPH = 1.609344
KMH_PER_KNOT = 1.852
FASTEST_KMH = 200.0
"""A signed limit above this is a slip of the pen."""
WALKING_KMH = 6.0
UNLIMITED_KMH = 130.0
"""What ``none`` is taken as: the recommended speed where there is no limit."""

_MPH = {limit: limit * KMH_PER_MPH for limit in (30, 60, 70)}
_UNITS = {
    **dict.fromkeys(("", "km/h", "kmh", "kph", "kmph", "km"), 1.0),
    **dict.fromkeys(("mph", "mi/h", "miles/h", "mp/h"), KMH_PER_MPH),
    **dict.fromkeys(("knots", "knot", "kn", "kt", "kts"), KMH_PER_KNOT),
}
_UNKNOWN = frozenset({"signals", "signal", "variable", "implicit", "sign", "signed", "default", "national", "unposted"})
_COMMON = {
    "urban": 50.0,
    "rural": 90.0,
    "trunk": 110.0,
    "motorway": 130.0,
    "living_street": 10.0,
    "pedestrian_zone": WALKING_KMH,
    "bicycle_road": 30.0,
    "cyclestreet": 30.0,
    "school": 30.0,
    "walk": WALKING_KMH,
}
_BY_COUNTRY = {
    "at": {"rural": 100.0, "trunk": 100.0},
    "be": {"motorway": 120.0},
    "be-bru": {"urban": 30.0},
    "be-vlg": {"rural": 70.0},
    "bg": {"motorway": 140.0},
    "by": {"urban": 60.0, "motorway": 110.0},
    "ch": {"rural": 80.0, "trunk": 100.0, "motorway": 120.0},
    "cn": {"rural": 70.0, "trunk": 80.0, "motorway": 120.0},
    "cz": {"living_street": 20.0},
    "de": {"rural": 100.0, "motorway": UNLIMITED_KMH, "living_street": 7.0},
    "dk": {"rural": 80.0},
    "es": {"trunk": 90.0, "motorway": 120.0},
    "fi": {"rural": 80.0, "motorway": 120.0},
    "fr": {"rural": 80.0},
    "gb": {"urban": _MPH[30], "rural": _MPH[60], "motorway": _MPH[70]}
    | {"nsl_restricted": _MPH[30], "nsl_single": _MPH[60], "nsl_dual": _MPH[70]},
    "ie": {"motorway": 120.0},
    "jp": {"national": 60.0, "express": 100.0},
    "nl": {"rural": 80.0, "trunk": 100.0, "motorway": 100.0},
    "no": {"rural": 80.0, "motorway": 110.0},
    "pl": {"trunk": 120.0, "motorway": 140.0},
    "pt": {"trunk": 100.0, "motorway": 120.0, "living_street": 20.0},
    "ro": {"trunk": 100.0},
    "ru": {"urban": 60.0, "motorway": 110.0, "living_street": 20.0},
    "se": {"rural": 70.0, "motorway": 110.0},
    "ua": {"living_street": 20.0},
    "za": {"urban": 60.0, "rural": 100.0, "motorway": 120.0},
}
_NUMBER = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)\s*([a-z/]*)")
_ZONE = re.compile(r"(?:[a-z]{2}(?:-[a-z]{1,3})?:)?(?:zone:?)?\s*([0-9]{1,3})")
_CODE = re.compile(r"([a-z]{2})(-[a-z]{1,3})?:([a-z_]+)")


def parse_speed(text: str) -> tuple[float, bool]:
    """Read a speed limit.

    Parameters
    ----------
    text
        The value of ``maxspeed``, such as ``50``, ``30 mph``, ``DE:zone30``, ``RO:urban``, ``none``, ``50;30``.

    Returns
    -------
    The limit in km/h, NaN where there is no number in it; and whether the text makes sense. Of several limits the
    lowest holds: a unit that arrives early has hurt nobody's plan.
    """
    limits = []
    parts = [part.strip() for part in re.split(r"[;|]", text[:255].casefold())]
    for part in filter(None, parts):
        kmh, known = _parse_one(part)
        if not known:
            return math.nan, False
        if not math.isnan(kmh):
            limits.append(kmh)
    return (min(limits), True) if limits else (math.nan, any(parts))


def _parse_one(text: str) -> tuple[float, bool]:
    if text in _UNKNOWN:
        return math.nan, True
    if text in {"none", "no", "unlimited"}:
        return UNLIMITED_KMH, True
    if text in _COMMON:
        return _COMMON[text], True
    number = _NUMBER.fullmatch(text)
    if number and number[2] in _UNITS:
        return _sensible(float(number[1]) * _UNITS[number[2]])
    zone = _ZONE.fullmatch(text)
    if zone:
        return _sensible(float(zone[1]) * (KMH_PER_MPH if text.startswith(("gb", "us")) else 1.0))
    code = _CODE.fullmatch(text)
    if code:
        country, region, kind = code[1].replace("uk", "gb"), code[2] or "", code[3]
        for place in (country + region, country):
            if kind in _BY_COUNTRY.get(place, {}):
                return _BY_COUNTRY[place][kind], True
        if kind in _COMMON:
            return _COMMON[kind], True
    return math.nan, False


def _sensible(kmh: float) -> tuple[float, bool]:
    return (kmh, True) if 0 < kmh <= FASTEST_KMH else (math.nan, False)


_DURATION = re.compile(r"(?:(\d{1,3}):)?(\d{1,4})(?::(\d{2}))?")
_ISO_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", re.IGNORECASE)


def parse_duration_s(text: str) -> float:
    """Read a ferry's ``duration``: minutes, ``HH:MM``, ``HH:MM:SS`` or ISO 8601 ``PT1H20M``; else NaN."""
    found = _DURATION.fullmatch(text.strip()) or _ISO_DURATION.fullmatch(text.strip())
    if not found:
        return math.nan
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = 3600 * hours + 60 * minutes + seconds
    return float(total) if total > 0 else math.nan
