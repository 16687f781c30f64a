"""Roles as data: what each kind of speaker may do. The shipped ones stand in ``roles.toml`` beside this file.

A city's own ``roles.toml`` replaces roles whole and adds others; it is refused with everything that is wrong in it.
Administering who is let in and auditing what was read are two offices: no role may hold both sides.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec

from engine.core.city_files import CityError, Problems, Rule, TomlFile, check_table
from engine.texts import LANGUAGES

ROLES = "roles.toml"
SCHEMA = 1
MOST_ROLES = 100
_SHIPPED = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")

SpeaksFor = Literal["unit", "station", "office", "person", "source"]
"""Whose a speaker is: what the subject of its credential names."""


class Permission(StrEnum):
    """What somebody may do. Each stands for routes and messages that are always given together."""

    OWN_MAILBOX = "own_mailbox"
    DESK_MAILBOX = "desk_mailbox"
    ANSWER_ORDERS = "answer_orders"
    OWN_STATUS = "own_status"
    SEND_POSITION = "send_position"
    EMERGENCY = "emergency"
    END_EMERGENCY = "end_emergency"
    BROADCAST = "broadcast"
    REPORT_ALERT = "report_alert"
    READ_INCIDENTS = "read_incidents"
    READ_ORDERS = "read_orders"
    READ_DETAILS = "read_details"
    READ_CONFIDENTIAL = "read_confidential"
    APPROVE_ORDERS = "approve_orders"
    CANCEL_ORDERS = "cancel_orders"
    RECORD_ANSWERS = "record_answers"
    SET_UNIT_STATUS = "set_unit_status"
    DECIDE_STEPS = "decide_steps"
    READ_SPEEDS = "read_speeds"
    SET_SPEEDS = "set_speeds"
    FEED_SPEEDS = "feed_speeds"
    FEED_POSITIONS = "feed_positions"
    READ_LOOKOUTS = "read_lookouts"
    KEEP_LOOKOUTS = "keep_lookouts"
    APPROVE_LOOKOUTS = "approve_lookouts"
    REPORT_SIGHTING = "report_sighting"
    VERIFY_SIGHTINGS = "verify_sightings"
    SET_CLOCK = "set_clock"
    READ_DEVICES = "read_devices"
    READ_METRICS = "read_metrics"
    READ_READINGS = "read_readings"
    READ_CREDENTIALS = "read_credentials"
    REVOKE_CREDENTIALS = "revoke_credentials"


_P = Permission
ADMINISTERING = frozenset((_P.READ_CREDENTIALS, _P.REVOKE_CREDENTIALS))
AUDITING = frozenset((_P.READ_READINGS,))
"""The two sides that no role, and no person by two roles, may hold together."""

_DEVICES: tuple[SpeaksFor, ...] = ("unit", "station")
_ONLY_FOR: Mapping[Permission, tuple[SpeaksFor, ...]] = {
    _P.DESK_MAILBOX: ("person",),
    _P.ANSWER_ORDERS: _DEVICES,
    _P.OWN_STATUS: ("unit",),
    _P.SEND_POSITION: ("unit",),
    _P.EMERGENCY: (*_DEVICES, "person"),
    _P.END_EMERGENCY: ("person",),
    _P.BROADCAST: ("person",),
}
"""What only makes sense for some: a person sends no position."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What a kind of speaker is and may do.

    Attributes
    ----------
    offices
        Ids of the run cards that every holder speaks for; the mailbox is that of the first.
    """

    id: str
    speaks_for: SpeaksFor
    may: frozenset[Permission]
    name: Mapping[str, str] = {}
    offices: tuple[str, ...] = ()

    @property
    def is_device(self) -> bool:
        """Whether it speaks for a unit or a station, and for nothing else."""
        return self.speaks_for in _DEVICES

    @property
    def administers(self) -> bool:
        """Whether it has to do with who is let in."""
        return bool(self.may & ADMINISTERING)

    @property
    def audits(self) -> bool:
        """Whether it looks at what others have read."""
        return bool(self.may & AUDITING)


class Roles(Mapping[str, Role]):
    """The roles of a city, by id."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = dict(roles)

    def __getitem__(self, role: str) -> Role:
        return self._roles[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self._roles)

    def __len__(self) -> int:
        return len(self._roles)

    @classmethod
    def shipped(cls) -> "Roles":
        """Return those that come with the program."""
        return cls(_read(_SHIPPED))

    @classmethod
    def of(cls, folder: Path) -> "Roles":
        """Return a city's: the shipped ones, and what its own ``roles.toml`` says.

        Raises
        ------
        CityError
            With all that is wrong in the city's file: line, field, value and what would be taken.
        """
        own = _read(folder) if (folder / ROLES).exists() else {}
        return cls({**_read(_SHIPPED), **own})


def _read(folder: Path) -> dict[str, Role]:
    """Read a folder's file, or refuse it whole."""
    problems = Problems()
    toml = TomlFile.read(folder, ROLES, problems)
    roles: dict[str, Role] = {}
    if toml is not None and check_table(toml, "", toml.table, _TOP_RULES, problems):
        for key in ("schema", "roles"):
            if key not in toml.table:
                problems.add(ROLES, None, key, "", f"missing; {_TOP_RULES[key].limit}")
        for name, said in toml.table.get("roles", {}).items():
            role = _role(toml, name, said, problems)
            if role is not None:
                roles[name] = role
    if problems.found:
        raise CityError(folder, problems.found)
    return roles


def _role(toml: TomlFile, name: str, said: object, problems: Problems) -> Role | None:
    """Return one role, or None with what is wrong noted."""
    section = f"roles.{name}"
    if not _NAME.fullmatch(name):
        problems.add(ROLES, toml.line(section), section, name, "1 to 32 of a-z, 0-9 and _, a letter first")
        return None
    if not check_table(toml, section, said, _ROLE_RULES, problems):
        return None
    table = cast("dict[str, Any]", said)
    missing = [key for key in ("speaks_for", "may") if key not in table]
    for key in missing:
        problems.add(ROLES, toml.line(section), f"{section}.{key}", "", f"missing; {_ROLE_RULES[key].limit}")
    if missing:
        return None
    role = Role(
        id=name,
        speaks_for=table["speaks_for"],
        may=frozenset(Permission(word) for word in table["may"]),
        name=table.get("name", {}),
        offices=tuple(table.get("offices", ())),
    )
    for key, value, limit in _contradictions(role):
        problems.add(ROLES, toml.line(section, key), f"{section}.{key}", value, limit)
    return role


def _contradictions(role: Role) -> Iterator[tuple[str, str, str]]:
    """Yield what cannot be together in a role: the key, its value, and what would be taken."""
    if role.administers and role.audits:
        both = ", ".join(sorted(role.may & (ADMINISTERING | AUDITING)))
        sides = f"{_words(ADMINISTERING)} or {_words(AUDITING)}: who lets people in does not audit them"
        yield "may", both, sides
    for permission, kinds in _ONLY_FOR.items():
        if permission in role.may and role.speaks_for not in kinds:
            yield "may", permission.value, f"only for what speaks for {' or '.join(kinds)}"
    if role.offices and role.speaks_for != "person":
        yield "offices", ", ".join(role.offices), 'only for who speaks for a "person"'
    if _P.OWN_MAILBOX in role.may and not (role.offices or role.is_device or role.speaks_for == "office"):
        yield "may", _P.OWN_MAILBOX.value, "a unit, a station, an office, or a person who names offices"
    if {_P.OWN_MAILBOX, _P.DESK_MAILBOX} <= role.may:
        yield "may", f"{_P.OWN_MAILBOX}, {_P.DESK_MAILBOX}", "one mailbox"


def _words(permissions: frozenset[Permission]) -> str:
    return " and ".join(sorted(permissions))


def _is_list_of_ids(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and 0 < len(word) <= 64 for word in value)


_TOP_RULES: Mapping[str, Rule] = {
    "schema": Rule(lambda value: type(value) is int and value == SCHEMA, f"this program reads schema {SCHEMA}"),
    "roles": Rule(
        lambda value: isinstance(value, dict) and len(value) <= MOST_ROLES, f"at most {MOST_ROLES} tables [roles.NAME]"
    ),
}
_ROLE_RULES: Mapping[str, Rule] = {
    "speaks_for": Rule(
        lambda value: isinstance(value, str) and value in get_args(SpeaksFor),
        f"one of {', '.join(get_args(SpeaksFor))}",
    ),
    "may": Rule(
        lambda value: _is_list_of_ids(value) and set(value) <= {word.value for word in Permission},
        f"a list out of {', '.join(Permission)}",
    ),
    "name": Rule(
        lambda value: (
            isinstance(value, dict)
            and value.keys() <= set(LANGUAGES)
            and all(isinstance(text, str) and text.isprintable() and text.strip() for text in value.values())
        ),
        'texts by language: { zh = "…", en = "…" }',
    ),
    "offices": Rule(_is_list_of_ids, "a list of ids that the run cards tell or ask"),
}
