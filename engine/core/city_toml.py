"""What ``city.toml`` may say: its keys, what each takes, and the server's settings in it."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from engine.core.city_devices import DeviceSettings, check_devices, device_settings
from engine.core.city_files import Problems, Rule, TomlFile, check_table
from engine.dispatch.policies import Policies, VerificationPolicy
from engine.model.limits import (
    LEVELS,
    LONGEST_CHECK_MS,
    LONGEST_HORIZON_MS,
    LONGEST_ID,
    LONGEST_NAME,
    MOST_SEEKERS,
)
from engine.model.lookouts import ListClass
from engine.texts import LANGUAGES
from geo_data.datum import Datum
from geo_data.speeds import Profile

SCHEMA = 1
TLS, AUTHORITY, SERVER_CERTIFICATE, SERVER_KEY = "tls", "authority.crt", "server.crt", "server.key"
"""The folder in a city's, and what `allpoints tls init` puts into it."""
ClientCertificates = Literal["off", "optional", "required"]
_GREATEST = 10 * 365 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where the server listens. Port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """How the server lets people and devices in.

    Attributes
    ----------
    audience
        The city that tokens are for: those of another are not taken.
    token_s
        How long a signed token holds.
    rotate_s
        How long one key signs.
    skew_s
        How far the clocks of two machines may differ.
    """

    audience: str = "allpoints"
    token_s: int = 600
    rotate_s: int = 86_400
    skew_s: int = 30


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What ``city.toml`` says besides the city itself: how the server meets the world."""

    http: Listener = Listener(port=8460)
    stream: Listener = Listener(port=8461)
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    """Who signs the certificates of clients."""
    client_certificates: ClientCertificates = "off"
    origins: tuple[str, ...] = ()
    """Browser pages' origins that may open a stream, besides the server's own."""
    devices: DeviceSettings = field(default_factory=DeviceSettings)
    access: AccessSettings = AccessSettings()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_NAME and value.isprintable()


def _is_zone(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(zoneinfo.ZoneInfo(value))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False


def _texts_by_language(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= set(LANGUAGES) and all(_is_text(text) for text in value.values())


def _one_of(words: tuple[Any, ...]) -> Rule:
    return Rule(lambda value: isinstance(value, str) and value in words, f"one of {', '.join(words)}")


_TOP_RULES: Mapping[str, Rule] = {
    "schema": Rule(lambda value: value is not True and value == SCHEMA, f"this program reads schema {SCHEMA}"),
    "name": Rule(
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,31}", value) is not None,
        "1 to 32 of a-z, 0-9 and _, a letter first: it is part of every id",
    ),
    "title": Rule(_texts_by_language, 'texts by language: { zh = "…", en = "…" }'),
    "datum": _one_of(get_args(Datum)),
    "time_zone": Rule(_is_zone, 'an IANA time zone such as "Asia/Shanghai"'),
    "languages": Rule(
        lambda value: isinstance(value, list) and bool(value) and all(word in LANGUAGES for word in value),
        f"a list out of {', '.join(LANGUAGES)}",
    ),
    "profile": _one_of(get_args(Profile)),
    "policies": Rule(lambda _: True, ""),
    "http": Rule(lambda _: True, ""),
    "stream": Rule(lambda _: True, ""),
    "tls": Rule(lambda _: True, ""),
    "devices": Rule(lambda _: True, ""),
    "verification": Rule(lambda value: isinstance(value, dict), "tables by the name of the policy"),
    "access": Rule(lambda _: True, ""),
    "neighbours": Rule(lambda value: isinstance(value, list), "tables [[neighbours]]"),
}
_REQUIRED = ("schema", "name", "datum", "time_zone")
_LISTENER_RULES: Mapping[str, Rule] = {
    "host": Rule(_is_text, "a host name or address"),
    "port": Rule(lambda value: type(value) is int and 0 <= value <= 65_535, "0 to 65535; 0 lets the system choose"),
}
_ORIGIN_RULE = Rule(
    lambda value: (
        isinstance(value, list)
        and all(isinstance(origin, str) and re.fullmatch(r"https?://[^/\s]+", origin) for origin in value)
    ),
    'a list of origins such as "https://desk.example"',
)


def _whole(least: int, most: int, unit: str) -> Rule:
    return Rule(
        lambda value: type(value) is int and least <= value <= most, f"a whole number of {unit}, {least} to {most}"
    )


_SECTION_RULES: Mapping[str, Mapping[str, Rule]] = {
    "http": _LISTENER_RULES,
    "stream": {**_LISTENER_RULES, "origins": _ORIGIN_RULE},
    "tls": {
        **dict.fromkeys(("certificate", "key", "authority"), Rule(_is_text, "a file's path")),
        "client_certificates": _one_of(get_args(ClientCertificates)),
    },
    "access": {
        "token_s": _whole(60, 3_600, "seconds"),
        "rotate_hours": _whole(1, 8_760, "hours"),
        "skew_s": _whole(0, 300, "seconds"),
    },
}


_LEAST: Mapping[str, int] = {"joint_most": 1, "reserve_level": LEVELS[0]}
"""The least that a policy of a whole number may hold, where it is not 0."""

_MOST: Mapping[str, float] = {
    "window_ms": 5_000,
    "age_penalty_ms_per_s": 10_000,
    "ahead_horizon_ms": LONGEST_HORIZON_MS,
    "diversion_level": LEVELS[-1],
    "diversion_cost_ms": 3_600_000,
    "diversion_saving_ms": 3_600_000,
    "reserve_level": LEVELS[-1],
    "other_station_ms": 3_600_000,
    "other_branch_ms": 3_600_000,
    "other_beat_ms": 3_600_000,
    "prefer_ms": 3_600_000,
    "cover_resolution": 9,
    "cover_busy": 0.99,
    "search_check_ms": LONGEST_CHECK_MS,
    "search_callers": MOST_SEEKERS,
    "search_call_ms": LONGEST_CHECK_MS,
    "search_call_sure": 0.99,
}
"""The most that a policy may hold, where it is not a million or a number of 64 bits."""


def _policy_rule(name: str, kind: object) -> Rule:
    """Return what a policy of this name and type may hold."""
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if kind is str:
        return Rule(lambda value: _is_text(value) and len(str(value)) <= LONGEST_ID, "a type of run_cards.toml")
    if kind is int:
        least, greatest = _LEAST.get(name, 0), _MOST.get(name, _GREATEST)
        limit = f"a whole number, {least} to {greatest}"
        return Rule(lambda value: type(value) is int and least <= value <= greatest, limit)
    most = _MOST.get(name, 1e6)
    return Rule(lambda value: type(value) in {int, float} and 0 < value <= most, f"a number above 0, at most {most:g}")


def checked(toml: TomlFile, problems: Problems) -> dict[str, Any]:
    """Hold ``city.toml`` against its rules and return its table."""
    table = toml.table
    check_table(toml, "", table, _TOP_RULES, problems)
    for key in _REQUIRED:
        if key not in table:
            problems.add(toml.file, None, key, "", f"missing; {_TOP_RULES[key].limit}")
    hints = get_type_hints(Policies)
    sections = {**_SECTION_RULES, "policies": {name: _policy_rule(name, kind) for name, kind in hints.items()}}
    for section, rules in sections.items():
        if section in table:
            check_table(toml, section, table[section], rules, problems)
    check_devices(toml, table.get("devices", {}), problems)
    _check_verification(toml, table.get("verification", {}), problems)
    tls = table.get("tls", {})
    if isinstance(tls, dict) and ("certificate" in tls) != ("key" in tls):
        problems.add(toml.file, toml.line("tls"), "tls", ", ".join(tls), "certificate and key belong together")
    return table


_VERIFICATION_RULES: Mapping[str, Rule] = {
    "sources": Rule(
        lambda value: isinstance(value, list) and bool(value) and all(_is_text(source) for source in value),
        "a list of the names that tokens of sources are for",
    ),
    "confidence": Rule(lambda value: type(value) in {int, float} and 0 <= value <= 1, "0 to 1"),
    "list_classes": Rule(
        lambda value: isinstance(value, list) and bool(value) and all(word in get_args(ListClass) for word in value),
        f"a list out of {', '.join(get_args(ListClass))}",
    ),
}


def _check_verification(toml: TomlFile, table: object, problems: Problems) -> None:
    for name, said in table.items() if isinstance(table, dict) else ():
        section = f"verification.{name}"
        if re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name) is None:
            problems.add(toml.file, toml.line(section), section, name, "1 to 32 of a-z, 0-9 and _, a letter first")
        if not check_table(toml, section, said, _VERIFICATION_RULES, problems):
            continue
        for key in sorted(_VERIFICATION_RULES.keys() - said.keys()):
            problems.add(toml.file, toml.line(section), f"{section}.{key}", "", "missing")


def verification_of(table: Mapping[str, Any]) -> tuple[VerificationPolicy, ...]:
    """Return which sightings need no person, of a table that is `checked`; the first that lets one go is named."""
    return tuple(
        VerificationPolicy(
            name=name,
            sources=tuple(said["sources"]),
            confidence=float(said["confidence"]),
            list_classes=tuple(said["list_classes"]),
        )
        for name, said in table.get("verification", {}).items()
    )


def _certificates(folder: Path, tls: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of TLS; where no certificate is named, what `allpoints tls init` made is used."""
    own = {"certificate": SERVER_CERTIFICATE, "key": SERVER_KEY, "authority": AUTHORITY}
    made = {name: folder / TLS / file for name, file in own.items() if (folder / TLS / file).is_file()}
    named = {name: folder / tls[name] for name in own if name in tls}
    if "certificate" in named or "certificate" not in made or "key" not in made:
        made = {name: path for name, path in made.items() if name == "authority"}
    return {**made, **named, "client_certificates": tls.get("client_certificates", "off")}


def settings_of(folder: Path, table: Mapping[str, Any]) -> Settings:
    """Return how the server meets the world, of a table that is `checked`; paths are the folder's."""
    stream = dict(table.get("stream", {}))
    origins = tuple(stream.pop("origins", ()))
    tls = table.get("tls", {})
    standard = Settings()
    access = dict(table.get("access", {}))
    if "rotate_hours" in access:
        access["rotate_s"] = access.pop("rotate_hours") * 3_600
    return Settings(
        http=Listener(**{"port": standard.http.port, **table.get("http", {})}),
        stream=Listener(**{"port": standard.stream.port, **stream}),
        **_certificates(folder, tls),
        origins=origins,
        devices=device_settings(table.get("devices", {})),
        access=AccessSettings(audience=table["name"], **access),
    )
