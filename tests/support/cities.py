"""Small cities for tests: a grid of two-way streets, a few units and stations."""

import numpy as np

from engine.core.city import City
from engine.dispatch.policies import Policies
from engine.model.entities import Alert, Details, Station, Unit
from geo_data.building import build_network
from geo_data.raw_roads import ALL_MODES, RawRoads, RoadClass

WEST, SOUTH, STEP = 113.0, 36.5, 0.004
NOW = 1_800_000_000_000


def grid_roads(columns=6, rows=5):
    """Return streets of about 360 by 440 m blocks, 30 km/h, every crossing a node."""
    lon = WEST + STEP * np.tile(np.arange(columns), rows)
    lat = SOUTH + STEP * np.repeat(np.arange(rows), columns)
    index = np.arange(rows * columns).reshape(rows, columns)
    tail = np.concatenate((index[:, :-1].ravel(), index[:-1].ravel())).astype(np.int32)
    head = np.concatenate((index[:, 1:].ravel(), index[1:].ravel())).astype(np.int32)
    edges = len(tail)
    unknown = np.full(edges, np.nan, np.float32)
    ends = np.column_stack((tail, head)).ravel()
    return RawRoads(
        source="grid",
        licence="none",
        attribution="none",
        node_lon=lon,
        node_lat=lat,
        tail=tail,
        head=head,
        forward_modes=np.full(edges, int(ALL_MODES), np.uint8),
        backward_modes=np.full(edges, int(ALL_MODES), np.uint8),
        road_class=np.full(edges, int(RoadClass.RESIDENTIAL), np.uint8),
        forward_kmh=unknown,
        backward_kmh=unknown,
        forward_emergency_kmh=unknown,
        backward_emergency_kmh=unknown,
        length_m=unknown,
        name=np.full(edges, -1, np.int32),
        names=[],
        names_zh=[],
        point_first=np.arange(0, 2 * edges + 1, 2, dtype=np.int64),
        point_lon=lon[ends],
        point_lat=lat[ends],
        source_id=np.arange(edges, dtype=np.int64),
        node_source_id=np.arange(len(lon), dtype=np.int64),
        no_merge=np.ones(len(lon), bool),
    )


def place(column, row):
    """Return lon and lat of a crossing, or of a point between crossings."""
    return WEST + STEP * column, SOUTH + STEP * row


def unit(name, column, row, *capabilities, **more):
    lon, lat = place(column, row)
    return Unit(id=name, name=name, capabilities=capabilities or ("patrol",), lon=lon, lat=lat, **more)


def station(name, column, row, **more):
    lon, lat = place(column, row)
    return Station(id=name, name=name, lon=lon, lat=lat, **more)


def city(units=(), stations=(), policies=None, **more):
    return City(
        name="grid",
        network=more.pop("network", None) or build_network(grid_roads()),
        units=tuple(units),
        stations=tuple(stations),
        policies=policies or Policies(stale_position_ms=0),
        time_zone="Asia/Shanghai",
        **more,
    )


def alert(ref, column, row, kind="robbery", **more):
    lon, lat = place(column, row)
    more.setdefault("details", Details(text="a man with a knife", caller="Wang", phone="13800000000"))
    return Alert(source="test", source_ref=str(ref), type=kind, lon=lon, lat=lat, at=more.pop("at", NOW), **more)


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self, now=NOW):
        self.time = now

    def now(self):
        return self.time

    def wall(self):
        return None
