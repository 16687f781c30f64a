"""Devices that exist already: what ``[devices]`` of ``city.toml`` switches on, and whose each of ``devices.csv`` is.

All of it is off unless its section is there. A section names the networks that it takes from: trust in these devices is
low, for their protocols prove little. Each device belongs to exactly one unit; one that is not in the file is refused.
"""

import ipaddress
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from engine.core.city_files import Problems, Row, Rule, TomlFile, check_table, read_csv
from engine.model.ids import UnitId
from engine.model.limits import LONGEST_CALL_SIGN, LONGEST_NAME, MOST_DEVICES
from geo_data.datum import Datum

DEVICES: Final = "devices.csv"
DeviceProtocol = Literal["jt808", "owntracks", "osmand", "feed"]
"""``feed`` is for gateways that hand in positions of devices behind them."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_COLUMNS = ("device", "protocol", "unit", "datum", "secret", "terminal_id")
_NEEDS_SECRET = ("jt808", "owntracks")
_TERMINAL = re.compile(r"[1-9a-f][0-9a-f]{0,19}")


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that speaks for one unit.

    Attributes
    ----------
    datum
        Of the coordinates that it sends.
    secret
        JT/T 808: the authentication code. OwnTracks and OsmAnd: the password.
    terminal_id
        JT/T 808: the maker's own id. With it a terminal is told its code when it registers; without it must know it.
    """

    id: str
    protocol: DeviceProtocol
    unit: UnitId
    datum: Datum = "wgs84"
    secret: str = field(default="", repr=False)
    terminal_id: str = ""

    @property
    def name(self) -> str:
        """How mailboxes and the record name it."""
        return f"{self.protocol}:{self.id}"


@dataclass(frozen=True, kw_only=True)
class DoorSettings:
    """One way in: from which networks."""

    networks: tuple[Network, ...]

    def lets_in(self, host: str) -> bool:
        """Tell whether an address may speak here; one that is no address may not."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)


@dataclass(frozen=True, kw_only=True)
class Jt808Settings(DoorSettings):
    """The listener of JT/T 808 and how its terminals count time."""

    host: str = "127.0.0.1"
    port: int = 8462
    utc_offset_minutes: int = 480


@dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """What is switched on.

    Attributes
    ----------
    jump_mps
        A fix that would have had to be reached faster than this is held until the next one bears it out.
    mock
        What becomes of a fix that the device itself calls made up: ``hold`` moves nobody.
    """

    jump_mps: float = 70.0
    mock: Literal["hold", "take"] = "hold"
    jt808: Jt808Settings | None = None
    owntracks: DoorSettings | None = None
    osmand: DoorSettings | None = None
    feed: DoorSettings | None = None

    def of(self, protocol: DeviceProtocol) -> DoorSettings | None:
        """Return one way in, or None where it is off."""
        door: DoorSettings | None = getattr(self, protocol)
        return door


def _network(text: object) -> Network | None:
    try:
        return ipaddress.ip_network(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_networks(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_network(text) is not None for text in value)


_DOOR: Mapping[str, Rule] = {"networks": Rule(_is_networks, 'a list of networks such as "10.20.0.0/16", at least one')}
_RULES: Mapping[str, Rule] = {
    "jump_mps": Rule(lambda value: type(value) in {int, float} and 10 <= value <= 1_000, "a number, 10 to 1000"),
    "mock": Rule(lambda value: isinstance(value, str) and value in {"hold", "take"}, "hold or take"),
    **{name: Rule(lambda _: True, "") for name in get_args(DeviceProtocol)},
}
_JT808: Mapping[str, Rule] = {
    **_DOOR,
    "host": Rule(lambda value: isinstance(value, str) and 0 < len(value) <= LONGEST_NAME, "a host name or address"),
    "port": Rule(lambda value: type(value) is int and 0 <= value <= 65_535, "0 to 65535; 0 lets the system choose"),
    "utc_offset_minutes": Rule(
        lambda value: type(value) is int and -840 <= value <= 840, "minutes east of UTC, -840 to 840"
    ),
}


def check_devices(toml: TomlFile, table: object, problems: Problems) -> None:
    """Hold ``[devices]`` and its sections against their rules."""
    if not check_table(toml, "devices", table, _RULES, problems):
        return
    assert isinstance(table, dict)
    for name in get_args(DeviceProtocol):
        section = f"devices.{name}"
        if name not in table:
            continue
        rules = _JT808 if name == "jt808" else _DOOR
        if check_table(toml, section, table[name], rules, problems) and "networks" not in table[name]:
            problems.add(
                toml.file, toml.line(section), f"{section}.networks", "", f"missing; {rules['networks'].limit}"
            )


def device_settings(table: Mapping[str, Any]) -> DeviceSettings:
    """Return what a checked ``[devices]`` says."""
    plain: dict[str, Any] = {name: table[name] for name in ("jump_mps", "mock") if name in table}
    for name in get_args(DeviceProtocol):
        if name in table:
            said = {**table[name], "networks": tuple(ipaddress.ip_network(text) for text in table[name]["networks"])}
            plain[name] = Jt808Settings(**said) if name == "jt808" else DoorSettings(**said)
    return DeviceSettings(**plain)


def read_devices(
    folder: Path, settings: DeviceSettings, units: AbstractSet[UnitId], problems: Problems
) -> tuple[Device, ...]:
    """Read ``devices.csv`` and hold it against the city; without the file there are none."""
    path = folder / DEVICES
    if not path.exists():
        for name in get_args(DeviceProtocol):
            if settings.of(name) is not None:
                problems.warn(DEVICES, None, "file", DEVICES, f"[devices.{name}] is on and no device is named")
        return ()
    devices: dict[tuple[str, str], Device] = {}
    for row in read_csv(folder, DEVICES, _COLUMNS, ("device", "protocol", "unit"), problems):
        device = _device(row, units, problems)
        if device is None:
            continue
        if (device.protocol, device.id) in devices:
            problems.add(DEVICES, row.line, "device", device.id, "each device may stand once")
        devices[device.protocol, device.id] = device
    if len(devices) > MOST_DEVICES:
        problems.add(DEVICES, None, "rows", len(devices), f"at most {MOST_DEVICES} devices")
    if any(device.secret for device in devices.values()) and path.stat().st_mode & 0o077:
        problems.add(DEVICES, None, "mode", oct(path.stat().st_mode & 0o777), "0600: it holds secrets")
    return tuple(devices.values())


def _device(row: Row, units: AbstractSet[UnitId], problems: Problems) -> Device | None:
    """Return the device of one line, or None with what is wrong noted."""
    cells, before = row.cells, len(problems.found)
    said = {name: cells.get(name, "") for name in _COLUMNS}
    named = f"1 to {LONGEST_CALL_SIGN} printable characters"
    for name in ("device", "secret", "terminal_id"):
        is_right = len(said[name]) <= LONGEST_CALL_SIGN and said[name].isprintable()
        if not is_right or (name == "device" and not said[name]):
            # What a secret holds is said to nobody.
            problems.add(DEVICES, row.line, name, "" if name == "secret" else said[name], named)
    for name, known in (("protocol", get_args(DeviceProtocol)), ("datum", get_args(Datum))):
        if said[name] not in known and (said[name] or name == "protocol"):
            problems.add(DEVICES, row.line, name, said[name], f"one of {', '.join(known)}")
    if said["unit"] not in units:
        problems.add(DEVICES, row.line, "unit", said["unit"], "a unit of units.csv")
    if said["protocol"] == "jt808" and not _TERMINAL.fullmatch(said["device"]):
        problems.add(DEVICES, row.line, "device", said["device"], "the terminal's number without zeros in front")
    if said["protocol"] in _NEEDS_SECRET and not said["secret"]:
        problems.add(DEVICES, row.line, "secret", "", f"missing: {said['protocol']} needs one")
    if len(problems.found) > before:
        return None
    return Device(
        id=said["device"],
        protocol=cast("DeviceProtocol", said["protocol"]),
        unit=UnitId(said["unit"]),
        datum=cast("Datum", said["datum"] or "wgs84"),
        secret=said["secret"],
        terminal_id=said["terminal_id"],
    )
