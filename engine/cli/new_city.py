"""Writing a city's folder that runs: what `allpoints init` makes, and what others edit afterwards.

Everything written here is read back by `engine.core.city_folder`, comments for people included. Coordinates are
written in WGS-84, and ``city.toml`` says so.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.core.city_folder import AREAS, CALENDAR, CITY, ROADS, RUN_CARDS, STATIONS, UNITS
from engine.dispatch.calendar_file import STANDARD
from engine.dispatch.policies import Policies
from engine.dispatch.run_cards import COUNTY, RunCards
from engine.model.entities import Station, Unit
from engine.model.errors import Refusal
from engine.model.ids import StationId, UnitId
from geo_data.road_network import RoadNetwork

CREDENTIALS = "credentials.csv"

_CITY_TOML = """\
# A city of Allpoints. Check it with `allpoints check`; `allpoints serve` reads it at its start.
# Allpoints 城市目录的主文件。改动后用 allpoints check 检查,重启服务生效。
schema = 1
# Part of every id, so it should never change. / 编号前缀,确定后不再更改。
name = "{name}"
title = {{ zh = {title_zh}, en = {title_en} }}
# What the coordinates in this folder are given in: wgs84, gcj02 or bd09. / 本目录坐标所用坐标系。
datum = "wgs84"
# calendar.toml and run_cards.toml go by this clock. / 勤务时段和派警规则按此时区执行。
time_zone = "{time_zone}"
languages = ["zh", "en"]
# Travel times are those of: emergency, normal or foot. / 行驶时间的口径。
profile = "{profile}"

[http]
host = "127.0.0.1"
port = 8460

[stream]
host = "127.0.0.1"
port = 8461
# Browser pages of these origins may open a stream. / 允许打开数据流的网页来源。
origins = []

# [tls]  Both listeners use it. / 两个监听端口共用。
# certificate = "server.crt"
# key = "server.key"

# Every policy and its value; times are milliseconds. / 全部策略及取值,时间单位为毫秒。
# A unit whose position is older than stale_position_ms is not sent; 0 trusts any age.
[policies]
{policies}
"""


@dataclass(frozen=True, kw_only=True)
class CityPlan:
    """What goes into a new folder."""

    name: str
    title: Mapping[str, str]
    network: RoadNetwork
    stations: Sequence[Station]
    units: Sequence[Unit]
    time_zone: str = "UTC"
    profile: str = "emergency"
    areas: Sequence[Mapping[str, Any]] = ()
    """GeoJSON features."""
    run_cards: Path = COUNTY
    policies: Policies = field(default_factory=Policies)


def write_city(folder: Path, plan: CityPlan, *, force: bool = False) -> None:
    """Write all files of a city.

    Raises
    ------
    Refusal
        ``exists`` when there is a file already that would be overwritten and ``force`` is not set.
    """
    refuse_to_overwrite(folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    plan.network.save(folder / ROADS)
    _write(folder / CITY, _city_toml(plan))
    _write(folder / STATIONS, _collection(_station_feature(station) for station in plan.stations))
    _write(folder / UNITS, _units_csv(plan.units))
    _write(folder / RUN_CARDS, plan.run_cards.read_text("utf-8"))
    _write(folder / CALENDAR, STANDARD.read_text("utf-8"))
    if plan.areas:
        _write(folder / AREAS, _collection(plan.areas))
    else:
        (folder / AREAS).unlink(missing_ok=True)


def refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    """Raise `Refusal` when the folder holds a city already, unless forced."""
    for name in (CITY, ROADS, STATIONS, UNITS, AREAS, RUN_CARDS, CALENDAR, CREDENTIALS):
        if not force and (folder / name).exists():
            raise Refusal("exists", "folder", str(folder / name), "a folder without a city in it, or --force")


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _city_toml(plan: CityPlan) -> str:
    lines = [
        f"{name} = {json.dumps(getattr(plan.policies, name))}" for name in (policy.name for policy in fields(Policies))
    ]
    return _CITY_TOML.format(
        name=plan.name,
        title_zh=json.dumps(plan.title.get("zh") or plan.name, ensure_ascii=False),
        title_en=json.dumps(plan.title.get("en") or plan.name, ensure_ascii=False),
        time_zone=plan.time_zone,
        profile=plan.profile,
        policies="\n".join(lines),
    )


def _collection(features: Iterable[Mapping[str, Any]]) -> str:
    """Return a GeoJSON collection with one feature a line, so that an error's line names the feature."""
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def _station_feature(station: Station) -> dict[str, Any]:
    properties: dict[str, Any] = {"id": station.id, "name": station.name}
    if station.name_zh:
        properties["name_zh"] = station.name_zh
    if station.capabilities:
        properties["capabilities"] = list(station.capabilities)
    return feature("Point", [round(station.lon, 7), round(station.lat, 7)], properties)


def feature(kind: str, coordinates: Sequence[Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {
        "type": "Feature",
        "properties": dict(properties),
        "geometry": {"type": kind, "coordinates": list(coordinates)},
    }


def _units_csv(units: Sequence[Unit]) -> str:
    text = io.StringIO()
    text.write("# One unit a line. capabilities: ids of run_cards.toml, separated by spaces. A unit without lon and\n")
    text.write("# lat begins at its station. 每行一个警力;能力用空格分隔;不填经纬度则从所属单位出发。\n")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("id", "name", "capabilities", "station", "lon", "lat", "turnout_s", "on_duty"))
    for unit in units:
        rows.writerow(
            (
                unit.id,
                unit.name,
                " ".join(unit.capabilities),
                unit.station or "",
                "" if unit.station else round(unit.lon, 7),
                "" if unit.station else round(unit.lat, 7),
                f"{unit.turnout_ms / 1000:g}",
                "yes" if unit.on_duty else "no",
            )
        )
    return text.getvalue()


_BY_KIND: Mapping[str, Sequence[tuple[str, str, int]]] = {
    "police_station": (("P1", "patrol", 30), ("P2", "patrol", 30), ("D1", "duty_group", 60), ("B1", "beat", 90)),
    "service_station": (("P1", "patrol", 30), ("P2", "patrol", 30)),
    "checkpoint": (("C1", "checkpoint", 30),),
}
"""What a station of a kind has: a name's ending, what it can do, its turnout time in seconds."""

_SPECIAL_TURNOUT_S = 120


def starting_units(stations: Sequence[Station], cards: RunCards, kinds: Mapping[str, str] | None = None) -> list[Unit]:
    """Return a few units for each station; the first has one more of everything that the run cards send.

    Parameters
    ----------
    kinds
        The kind of a station by its id; ``police_station`` where it says nothing.

    Raises
    ------
    Refusal
        ``missing`` without a station.
    """
    if not stations:
        raise Refusal("missing", "stations", 0, "at least one")
    units = [
        _unit(f"{station.id}-{ending}", capability, station, turnout_s)
        for station in stations
        for ending, capability, turnout_s in _BY_KIND[(kinds or {}).get(station.id, "police_station")]
        if capability in cards.capabilities
    ]
    there = {name for unit in units for name in unit.capabilities}
    sent = cards.sent_by().keys()
    first = stations[0]
    units.extend(_unit(f"{first.id}-{name}", name, first, _SPECIAL_TURNOUT_S) for name in sorted(sent - there))
    return units


def _unit(name: str, capability: str, station: Station, turnout_s: int) -> Unit:
    return Unit(
        id=UnitId(name),
        name=name,
        capabilities=(capability,),
        lon=station.lon,
        lat=station.lat,
        station=StationId(station.id),
        turnout_ms=turnout_s * 1000,
    )


def write_credentials(folder: Path, units: Sequence[Unit], stations: Sequence[Station]) -> Path:
    """Make a credential for every unit and station, the desk and one source of alerts, and write them down.

    The server keeps only their hashes, so this file, readable by us only, is the one place where they can be read.
    """
    from engine.service.access import STORE_NAME, Access

    wanted = [("dispatcher", "desk"), ("integration", "calls")]
    wanted += [("station", str(station.id)) for station in stations]
    wanted += [("terminal", str(unit.id)) for unit in units]
    path = folder / CREDENTIALS
    path.unlink(missing_ok=True)
    (folder / STORE_NAME).unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file, Access(folder) as access:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("role", "subject", "credential"))
        with access.together():
            rows.writerows((role, subject, access.add(role, subject)) for role, subject in wanted)
    return path
