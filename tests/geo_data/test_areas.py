"""Areas: the table by cell gives what polygons give, point by point."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geo_data.areas import Area, AreaError, Areas
from geo_data.geojson import GeoJsonError


def _area(number: str, shape: shapely.Geometry, kind: str = "beat") -> Area:
    return Area(id=number, kind=kind, name=f"area {number}", geometry=shape)


def _brute(areas: Areas, lon: np.ndarray, lat: np.ndarray) -> list[tuple[int, int]]:
    found = [
        (int(place), number)
        for number, area in enumerate(areas.areas)
        for place in np.flatnonzero(shapely.intersects_xy(area.geometry, lon, lat))
    ]
    return sorted(found)


def _asked(areas: Areas, lon: np.ndarray, lat: np.ndarray) -> list[tuple[int, int]]:
    place, area = areas.at_many(lon, lat)
    return list(zip(place.tolist(), area.tolist(), strict=True))


def _star(draw: np.random.Generator, lon: float, lat: float) -> shapely.Geometry:
    turn = np.sort(draw.uniform(0, 2 * np.pi, draw.integers(5, 15)))
    reach = draw.uniform(0.002, 0.03, len(turn))
    star = shapely.Polygon(np.column_stack((lon + reach * np.cos(turn), lat + reach * np.sin(turn))))
    hole = shapely.Point(lon, lat).buffer(0.001)
    return star.difference(hole) if star.is_valid else star.convex_hull


@settings(max_examples=25, deadline=None)
@example(seed=1860, resolution=9)  # a hole that lies within one cell
@given(seed=st.integers(0, 2**32), resolution=st.sampled_from([None, 7, 9, 10]))
def test_any_areas_are_found_as_by_asking_every_polygon(seed: int, resolution: int | None) -> None:
    draw = np.random.default_rng(seed)
    shapes = [_star(draw, 113 + draw.uniform(0, 0.05), 36.5 + draw.uniform(0, 0.05)) for _ in range(4)]
    areas = Areas([_area(str(number), shape) for number, shape in enumerate(shapes)], resolution)
    lon, lat = draw.uniform(112.96, 113.09, 400), draw.uniform(36.46, 36.59, 400)
    corners = np.concatenate([shapely.get_coordinates(shape) for shape in shapes])
    lon, lat = np.concatenate((lon, corners[:, 0])), np.concatenate((lat, corners[:, 1]))
    wanted = _brute(areas, lon, lat)
    assert _asked(areas, lon, lat) == wanted
    single = [(place, int(area.id)) for place in range(len(lon)) for area in areas.at(lon[place], lat[place])]
    assert single == wanted


def test_a_border_belongs_to_both_sides() -> None:
    west, east = shapely.box(113.0, 36.5, 113.01, 36.51), shapely.box(113.01, 36.5, 113.02, 36.51)
    areas = Areas([_area("w", west, "jurisdiction"), _area("e", east, "jurisdiction")])
    assert [area.id for area in areas.at(113.01, 36.505)] == ["w", "e"]
    assert areas.at(113.03, 36.505) == []
    assert areas.first_at_many([113.005, 113.01, 113.015, 113.5], [36.505] * 4, "jurisdiction").tolist() == [
        0,
        0,
        1,
        -1,
    ]


def test_kinds_may_overlap_and_are_asked_apart() -> None:
    ground = shapely.box(113.0, 36.5, 113.01, 36.51)
    areas = Areas([_area("1", ground, "jurisdiction"), _area("1", ground, "beat"), _area("2", ground, "closure")])
    assert [area.kind for area in areas.at(113.005, 36.505)] == ["jurisdiction", "beat", "closure"]
    assert [area.kind for area in areas.at(113.005, 36.505, "closure")] == ["closure"]
    assert areas.first_at_many([113.005], [36.505], "beat").tolist() == [1]


def test_no_areas_hold_nothing() -> None:
    areas = Areas([])
    assert areas.at(113, 36.5) == []
    assert _asked(areas, np.array([113.0]), np.array([36.5])) == []


BOX = shapely.box(113.0, 36.5, 113.01, 36.51)


@pytest.mark.parametrize(
    ("areas", "part"),
    [
        ([_area("1", BOX), _area("1", BOX)], "once"),
        ([_area("1", BOX, "jurisdiction"), _area("2", BOX, "jurisdiction")], "shares 100.0% with 1"),
        ([_area("1", shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))], "Self-intersection"),
        ([_area("1", shapely.Point(1, 1))], "Point"),
        ([_area("1", shapely.Polygon())], "Polygon"),
        ([_area("1", shapely.box(-179, 0, 179, 1))], "date line"),
        ([_area("1", shapely.box(36, 112, 37, 113))], "bounds"),
        ([_area("1", BOX, "county")], "'county'"),
    ],
)
def test_areas_that_cannot_be(areas: list[Area], part: str) -> None:
    with pytest.raises(AreaError, match="area") as refused:
        Areas(areas)
    assert part in str(refused.value)


def _file(folder: Path, geometry: object, **properties: object) -> Path:
    feature = {"type": "Feature", "properties": {"code": "A", **properties}, "geometry": geometry}
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    return path


def _square(*corners: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}


@pytest.mark.parametrize(
    ("geometry", "parts"),
    [
        ({"type": "Point", "coordinates": [113, 36]}, ("geometry.type", "Point")),
        (_square((113, 36), (114, 36), (114, 37)), ("geometry.coordinates", "closed")),
        (_square((36, 113), (36, 114), (37, 114), (36, 113)), ("geometry.coordinates", "exchanged")),
        (_square((113, 36), (114, 37), (114, 36), (113, 37), (113, 36)), ("geometry", "Self-intersection")),
        ({"type": "Polygon", "coordinates": [[[113, None], [1, 1]]]}, ("geometry.coordinates", "None")),
        ({"type": "Polygon", "coordinates": []}, ("geometry.coordinates", "polygon")),
        (None, ("geometry", "None")),
    ],
)
def test_refusals_name_file_feature_and_field(tmp_path: Path, geometry: object, parts: tuple[str, ...]) -> None:
    with pytest.raises(GeoJsonError) as refused:
        Areas.from_geojson(_file(tmp_path, geometry), id_field="code")
    for part in ("areas.geojson, feature 0", *parts, "limit"):
        assert part in str(refused.value)


def test_a_spike_is_mended(tmp_path: Path) -> None:
    spike = _square((113, 36), (113.5, 36), (113.5, 35.5), (113.5, 36), (114, 36), (114, 37), (113, 37), (113, 36))
    areas = Areas.from_geojson(_file(tmp_path, spike), id_field="code")
    assert shapely.equals(areas.areas[0].geometry, shapely.box(113, 36, 114, 37))


def test_police_districts_of_san_francisco(data: Path) -> None:
    path = data / "san_francisco" / "police_districts.geojson"
    areas = Areas.from_geojson(path, id_field="district")
    assert len(areas) == 10
    draw = np.random.default_rng(7)
    lon, lat = draw.uniform(-122.53, -122.35, 20_000), draw.uniform(37.70, 37.84, 20_000)
    corners = shapely.get_coordinates([area.geometry for area in areas.areas])
    near = corners[draw.integers(0, len(corners), 20_000)] + draw.normal(0, 2e-5, (20_000, 2))
    lon, lat = np.concatenate((lon, near[:, 0])), np.concatenate((lat, near[:, 1]))
    wanted = _brute(areas, lon, lat)
    assert len(wanted) > 10_000
    assert _asked(areas, lon, lat) == wanted
