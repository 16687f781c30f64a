"""Places out of GeoJSON: in order, and every refusal with file, feature and field."""

import json
from pathlib import Path

import pytest

from geo_data.places import GeoJsonError, Place, read_points


def _feature(number: object, lon: object = 113.0, lat: object = 36.5, **properties: object) -> dict[str, object]:
    shape = {"type": "Point", "coordinates": [lon, lat]}
    return {"type": "Feature", "properties": {"nr": number, "name": "城关", **properties}, "geometry": shape}


def _file(folder: Path, *features: object, **more: object) -> Path:
    path = folder / "stations.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}), "utf-8")
    return path


def test_points_come_in_order_with_nested_and_numeric_fields(tmp_path: Path) -> None:
    nested = _feature(7.0, tags={"name": "East"}) | {"id": "way/1"}
    path = _file(tmp_path, nested, _feature(8, 113.1, tags={"name": "West"}, zh="西关") | {"id": "way/2"})
    assert read_points(path, id_field="nr", name_field="tags.name", name_zh_field="zh") == [
        Place(id="7", name="East", lon=113.0, lat=36.5),
        Place(id="8", name="West", lon=113.1, lat=36.5, name_zh="西关"),
    ]
    assert [place.id for place in read_points(path, id_field="id", name_field="name")] == ["way/1", "way/2"]


@pytest.mark.parametrize(
    ("features", "parts"),
    [
        ([_feature(1), _feature(1)], ("feature 1", "nr", "'1'", "once")),
        ([_feature(None)], ("feature 0", "nr", "None")),
        ([_feature(1, name=" ")], ("feature 0", "name", "character")),
        ([_feature(1, name=["a"])], ("feature 0", "name", "text")),
        ([_feature(1, 36.5, 113.0)], ("feature 0", "geometry.coordinates", "exchanged")),
        ([_feature(1, "113", 36.5)], ("feature 0", "geometry.coordinates", "'113'")),
        ([_feature(1, True, 36.5)], ("feature 0", "geometry.coordinates", "True")),
        ([_feature(1, float("nan"), 36.5)], ("feature 0", "geometry.coordinates", "nan")),
        ([_feature(1) | {"geometry": None}], ("feature 0", "geometry", "None")),
        ([_feature(1) | {"geometry": {"type": "LineString"}}], ("feature 0", "geometry.type", "LineString")),
        ([_feature(1) | {"properties": 5}], ("feature 0", "properties", "5")),
        ([5], ("feature 0", "type", "5")),
    ],
)
def test_refusals_name_file_feature_and_field(tmp_path: Path, features: list[object], parts: tuple[str, ...]) -> None:
    with pytest.raises(GeoJsonError) as refused:
        read_points(_file(tmp_path, *features), id_field="nr", name_field="name")
    for part in ("stations.geojson", *parts, "limit"):
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"[]", "FeatureCollection"),
        (b'{"type": "FeatureCollection"}', "features"),
        (b'{"type":"FeatureCollection","features":[],"crs":{"properties":{"name":"EPSG:4490x"}}}', "EPSG:4490x"),
    ],
)
def test_files_that_are_no_geojson_are_refused(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "broken.geojson"
    path.write_bytes(content)
    with pytest.raises(GeoJsonError, match="broken") as refused:
        read_points(path, id_field="id", name_field="name")
    assert part in str(refused.value)
    with pytest.raises(GeoJsonError, match="missing"):
        read_points(tmp_path / "missing.geojson", id_field="id", name_field="name")


def test_fire_stations_of_san_francisco(data: Path) -> None:
    places = read_points(
        data / "san_francisco" / "fire_stations.geojson", id_field="facility_id", name_field="common_name"
    )
    assert len(places) == 42
    assert places[0].name == "Fire Station #15"
