"""What a city says about speeds: free flow by class of street and profile, and factors by hour of the week.

The shipped table is the starting point: nothing in it is fitted to any data. A city puts ``speeds.toml`` beside its
roads and names what differs; what it does not name stays as shipped, for each profile by itself.

    schema = 1
    [normal]
    kmh = { residential = 25 }
    junction_delay_s = { signals = 8 }
    [[hours]]
    days = ["mon", "tue"]
    from = 7
    to = 9
    factor = 0.8
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import STREETS, NodeKind, RoadClass
from geo_data.toml_reading import TomlError, TomlReading

SCHEMA = 1
HOURS = 168
"""Hours of the week; hour 0 begins on Monday at 00:00, by the city's clock."""

Profile = Literal["normal", "emergency", "foot"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
DRIVING: tuple[Profile, ...] = ("normal", "emergency")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLASSES: Mapping[str, RoadClass] = {kind.name.lower(): kind for kind in STREETS}

KINDS: Mapping[str, NodeKind] = {kind.name.lower(): kind for kind in NodeKind if kind != NodeKind.NONE}

LEAST_KMH, MOST_KMH = 0.5, 400.0
LEAST_FACTOR, MOST_FACTOR = 0.05, 2.0
MOST_FIXED_S = 600.0
MOST_DELAY_S = 600.0
MOST_ROWS = 20_000
MOST_BYTES = 8 << 20

_R = RoadClass
FREE_FLOW_KMH: dict[RoadClass, tuple[float, float, float]] = {
    # class             normal, emergency, foot
    _R.MOTORWAY: (100, 100, 5),
    _R.MOTORWAY_LINK: (50, 50, 5),
    _R.TRUNK: (80, 80, 5),
    _R.TRUNK_LINK: (45, 45, 5),
    _R.PRIMARY: (60, 60, 5),
    _R.PRIMARY_LINK: (40, 40, 5),
    _R.SECONDARY: (50, 50, 5),
    _R.SECONDARY_LINK: (35, 35, 5),
    _R.TERTIARY: (45, 45, 5),
    _R.TERTIARY_LINK: (30, 30, 5),
    _R.UNCLASSIFIED: (40, 40, 5),
    _R.RESIDENTIAL: (30, 30, 5),
    _R.LIVING_STREET: (15, 15, 5),
    _R.SERVICE: (15, 15, 5),
    _R.TRACK: (15, 15, 5),
    _R.BUSWAY: (40, 40, 5),
    _R.PEDESTRIAN: (10, 15, 5),
    _R.FOOTWAY: (5, 10, 5),
    _R.STEPS: (2, 2, 2),
    _R.FERRY: (15, 15, 15),
    _R.OTHER: (30, 30, 5),
}
"""Free-flow speed in km/h by class: normal, emergency, foot. A mode's bit, not this table, says who may go."""


class SpeedTableError(TomlError):
    """A speed table cannot be used; ``wrong`` lists all that is wrong with it, by line, key, value and limit."""


@dataclass(frozen=True, kw_only=True)
class ProfileSpeeds:
    """What one profile's arcs cost.

    Attributes
    ----------
    kmh
        Free-flow speed by class of street, in km/h, as many as `geo_data.raw_roads.STREETS`.
    junction_delay_s
        What an arc takes longer by the `NodeKind` that it comes to, in seconds, as many as there are kinds. Shipped
        are zeros: no delay is known that holds everywhere.
    fixed_s
        What every way costs once, whatever its length, in seconds: moving off, stopping, the last steps.
    """

    kmh: tuple[float, ...]
    junction_delay_s: tuple[float, ...] = (0.0,) * len(NodeKind)
    fixed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Contraflow:
    """Emergency vehicles against one-way streets: a factor on the speed, and seconds for every such arc."""

    factor: float = 1.0
    penalty_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TurnTimes:
    """What turns cost the profile normal, in seconds, at junctions that the roads were built apart for."""

    straight: float = 0.0
    right: float = 0.0
    left: float = 0.0
    u_turn: float = 0.0

    @property
    def by_class(self) -> tuple[float, ...]:
        """The seconds by class of turn, in the order of `RoadClass`."""
        return self.straight, self.right, self.left, self.u_turn


@dataclass(frozen=True, kw_only=True)
class HourFactor:
    """A factor on the speed in some hours of the week; overlapping factors multiply.

    Attributes
    ----------
    factor
        Of the speed, 0.05 to 2: at 0.8 an arc takes a quarter longer.
    begin, end
        Whole hours of each day, ``[begin, end)`` within 0 to 24.
    days
        Of the week, 0 is Monday.
    profiles, classes
        Whom and where it concerns.
    """

    factor: float
    begin: int = 0
    end: int = 24
    days: tuple[int, ...] = tuple(range(7))
    profiles: tuple[Profile, ...] = DRIVING
    classes: tuple[RoadClass, ...] = STREETS

    def __post_init__(self) -> None:
        """Bring what is listed into one order, so that equal factors are equal."""
        object.__setattr__(self, "days", tuple(sorted({int(day) for day in self.days})))
        object.__setattr__(self, "profiles", tuple(name for name in PROFILES if name in self.profiles))
        object.__setattr__(self, "classes", tuple(kind for kind in STREETS if kind in self.classes))


@dataclass(frozen=True, kw_only=True)
class SpeedTable:
    """What a city says about speeds, by profile and by hour of the week.

    Without ``contraflow`` one-way streets are obeyed by everybody.
    """

    normal: ProfileSpeeds
    emergency: ProfileSpeeds
    foot: ProfileSpeeds
    contraflow: Contraflow | None = None
    turn_s: TurnTimes = TurnTimes()
    hours: tuple[HourFactor, ...] = ()

    @classmethod
    @cache
    def shipped(cls) -> "SpeedTable":
        """Return the table that holds where a city says nothing."""
        columns = {
            profile: ProfileSpeeds(kmh=tuple(float(FREE_FLOW_KMH[kind][column]) for kind in STREETS))
            for column, profile in enumerate(PROFILES)
        }
        return cls(**cast("Any", columns))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "SpeedTable":
        """Read a city's ``speeds.toml``.

        Raises
        ------
        SpeedTableError
            With all that is wrong: line, key, value and what would be taken.
        OSError
            When the file cannot be read.
        """
        return _Reader(Path(path)).read()

    def of(self, profile: Profile) -> ProfileSpeeds:
        """Return what one profile's arcs cost."""
        return {"normal": self.normal, "emergency": self.emergency, "foot": self.foot}[profile]

    @cached_property
    def digest(self) -> str:
        """Names what the table says: SHA-256 over all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def hour_factors(self, profile: Profile) -> NDArray[np.float64]:
        """Return the factor on the speed by hour of the week and class, float64 (168, classes), not to be written."""
        return self._factors[profile]

    def changes(self, hour_a: int, hour_b: int, profile: Profile) -> bool:
        """Tell whether any arc's speed may differ between two hours of the week."""
        factors = self._factors[profile]
        return not np.array_equal(factors[hour_a], factors[hour_b])

    def text(self, comments: Iterable[str] = ()) -> str:
        """Return the table as a ``speeds.toml`` that `load` reads as the same table, under these lines of comment."""
        lines = [f"# {_printable(part)}".rstrip() for comment in comments for part in comment.splitlines() or [""]]
        lines.append(f"schema = {SCHEMA}")
        for profile in PROFILES:
            said = _profile_lines(self.of(profile), SpeedTable.shipped().of(profile))
            if profile == "normal" and self.turn_s != TurnTimes():
                turns = [f"{name} = {_number(seconds)}" for name, seconds in asdict(self.turn_s).items()]
                said.append(f"turn_s = {{ {', '.join(turns)} }}")
            if profile == "emergency" and self.contraflow:
                factor, penalty_s = _number(self.contraflow.factor), _number(self.contraflow.penalty_s)
                said.append(f"contraflow = {{ factor = {factor}, penalty_s = {penalty_s} }}")
            lines += ["", f"[{profile}]", *said] if said else []
        for row in self.hours:
            lines += ["", "[[hours]]", *_hour_lines(row)]
        return "\n".join(lines) + "\n"

    @cached_property
    def _factors(self) -> dict[Profile, NDArray[np.float64]]:
        factors = {profile: np.ones((HOURS, len(RoadClass))) for profile in PROFILES}
        for row in self.hours:
            hours = [day * 24 + hour for day in row.days for hour in range(row.begin, row.end)]
            for profile in row.profiles:
                factors[profile][np.ix_(hours, row.classes)] *= row.factor
        for values in factors.values():
            values.flags.writeable = False
        return factors


_OWN_KEYS: Mapping[Profile, list[str]] = {"normal": ["turn_s"], "emergency": ["contraflow"], "foot": []}
"""The keys that only one profile has."""


class _Reader:
    """Reads one ``speeds.toml`` whole, noting everything that is wrong."""

    def __init__(self, path: Path) -> None:
        self._toml = TomlReading(path, MOST_BYTES, SpeedTableError)

    def read(self) -> SpeedTable:
        toml = self._toml
        top = toml.keys((), toml.table, ("schema", *PROFILES, "hours"))
        if type(top.get("schema")) is not int or top["schema"] != SCHEMA:
            toml.refuse(("schema",), top.get("schema", "nothing"), f"this program reads schema {SCHEMA}")
        columns = {profile: self._profile(profile, top.get(profile, {})) for profile in PROFILES}
        hours = self._hours(top.get("hours", []))
        emergency = top.get("emergency", {})
        contraflow = None
        if isinstance(emergency, dict) and "contraflow" in emergency:
            contraflow = self._contraflow(emergency["contraflow"])
        normal = top.get("normal", {})
        turn_s = self._turn_s(normal["turn_s"]) if isinstance(normal, dict) and "turn_s" in normal else TurnTimes()
        toml.finish()
        return SpeedTable(**cast("Any", columns), contraflow=contraflow, turn_s=turn_s, hours=hours)

    def _profile(self, profile: Profile, said: object) -> ProfileSpeeds:
        shipped = SpeedTable.shipped().of(profile)
        known = [field.name for field in fields(ProfileSpeeds)] + _OWN_KEYS[profile]
        table = self._toml.keys((profile,), said, known)
        kmh = list(shipped.kmh)
        speeds = self._toml.keys((profile, "kmh"), table.get("kmh", {}), CLASSES)
        for name, value in speeds.items():
            kmh[CLASSES[name]] = self._toml.number((profile, "kmh", name), value, LEAST_KMH, MOST_KMH, "km/h")
        delay_s = list(shipped.junction_delay_s)
        delays = self._toml.keys((profile, "junction_delay_s"), table.get("junction_delay_s", {}), KINDS)
        for name, value in delays.items():
            delay_s[KINDS[name]] = self._toml.number((profile, "junction_delay_s", name), value, 0, MOST_DELAY_S, "s")
        fixed_s = self._toml.number((profile, "fixed_s"), table.get("fixed_s", 0), 0, MOST_FIXED_S, "seconds")
        return ProfileSpeeds(kmh=tuple(kmh), junction_delay_s=tuple(delay_s), fixed_s=fixed_s)

    def _turn_s(self, said: object) -> TurnTimes:
        at = ("normal", "turn_s")
        table = self._toml.keys(at, said, [field.name for field in fields(TurnTimes)])
        return TurnTimes(
            **{name: self._toml.number((*at, name), value, 0, MOST_DELAY_S, "s") for name, value in table.items()}
        )

    def _contraflow(self, said: object) -> Contraflow:
        at = ("emergency", "contraflow")
        table = self._toml.keys(at, said, [field.name for field in fields(Contraflow)])
        return Contraflow(
            factor=self._toml.number((*at, "factor"), table.get("factor", 1), LEAST_FACTOR, 1, "of the speed"),
            penalty_s=self._toml.number((*at, "penalty_s"), table.get("penalty_s", 0), 0, MOST_DELAY_S, "s"),
        )

    def _hours(self, said: object) -> tuple[HourFactor, ...]:
        if not isinstance(said, list):
            self._toml.refuse(("hours",), said, "rows of [[hours]]")
            return ()
        if len(said) > MOST_ROWS:
            self._toml.refuse(("hours",), len(said), f"at most {MOST_ROWS} rows")
            return ()
        return tuple(self._hour(("hours", number), row) for number, row in enumerate(said))

    def _hour(self, at: tuple[str | int, ...], said: object) -> HourFactor:
        toml = self._toml
        row = toml.keys(at, said, ("profiles", "days", "from", "to", "classes", "factor"))
        begin = toml.whole((*at, "from"), row.get("from", 0), 0, 23)
        end = toml.whole((*at, "to"), row.get("to", 24), 1, 24)
        if begin >= end:
            toml.refuse((*at, "from"), begin, f"below to, {end}; over midnight write two rows")
        if "factor" not in row:
            toml.refuse((*at, "factor"), "nothing", f"{LEAST_FACTOR:g} to {MOST_FACTOR:g} of the speed")
        days = toml.words((*at, "days"), row.get("days", list(DAYS)), DAYS)
        profiles = toml.words((*at, "profiles"), row.get("profiles", list(DRIVING)), PROFILES)
        classes = toml.words((*at, "classes"), row.get("classes", list(CLASSES)), list(CLASSES))
        return HourFactor(
            factor=toml.number((*at, "factor"), row.get("factor", 1), LEAST_FACTOR, MOST_FACTOR, "of the speed"),
            begin=begin,
            end=end,
            days=tuple(DAYS.index(day) for day in days),
            profiles=cast("tuple[Profile, ...]", profiles),
            classes=tuple(CLASSES[name] for name in classes),
        )


def _profile_lines(speeds: ProfileSpeeds, shipped: ProfileSpeeds) -> list[str]:
    """Write what differs from the shipped table."""
    return [
        *_table_lines("kmh", CLASSES, speeds.kmh, shipped.kmh),
        *_table_lines("junction_delay_s", KINDS, speeds.junction_delay_s, shipped.junction_delay_s),
        *([f"fixed_s = {_number(speeds.fixed_s)}"] if speeds.fixed_s != shipped.fixed_s else []),
    ]


def _table_lines(
    key: str, names: Mapping[str, int], values: tuple[float, ...], shipped: tuple[float, ...]
) -> list[str]:
    """Write those values of a table that differ, on one line; none if none does."""
    said = [f"{name} = {_number(values[at])}" for name, at in names.items() if values[at] != shipped[at]]
    return [f"{key} = {{ {', '.join(said)} }}"] if said else []


def _hour_lines(row: HourFactor) -> list[str]:
    """Write a row, without what would be understood anyhow."""
    lines = []
    if row.profiles != DRIVING:
        lines.append(f"profiles = {_words(row.profiles)}")
    if row.days != tuple(range(7)):
        lines.append(f"days = {_words(DAYS[day] for day in row.days)}")
    if (row.begin, row.end) != (0, 24):
        lines += [f"from = {row.begin}", f"to = {row.end}"]
    if row.classes != STREETS:
        lines.append(f"classes = {_words(kind.name.lower() for kind in row.classes)}")
    return [*lines, f"factor = {_number(row.factor)}"]


def _words(words: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
