"""GeoJSON in (RFC 7946): features read one by one, every refusal with file, feature and field.

Coordinates are longitude, latitude in WGS-84 degrees; another reference system is refused, not guessed at.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MOST_BYTES: Final = 1 << 28
_MOST_SHOWN: Final = 60
_WGS84: Final = ("crs84", "4326", "wgs84")


class GeoJsonError(ValueError):
    """A GeoJSON file that cannot be taken; names the file, the feature, the field, the value and the limit."""

    def __init__(self, path: Path, feature: int | None, field: str, value: object, limit: str) -> None:
        self.path, self.feature, self.field, self.value, self.limit = path, feature, field, value, limit
        place = f"{path}" if feature is None else f"{path}, feature {feature}"
        shown = repr(value)
        shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 1]}…"
        super().__init__(f"{place}, {field}: {shown} is not taken; limit: {limit}")


@dataclass(frozen=True)
class Feature:
    """One feature of a file; ``number`` counts from 0."""

    path: Path
    number: int
    id: object
    properties: dict[str, Any]
    geometry: dict[str, Any]

    def refuse(self, field: str, value: object, limit: str) -> GeoJsonError:
        """Return the error that says that something of this feature is not taken."""
        return GeoJsonError(self.path, self.number, field, value, limit)

    def value(self, field: str) -> object:
        """Return a property; dots lead into properties of properties, ``id`` alone may be the feature's own.

        Raises
        ------
        GeoJsonError
            When it is missing or null.
        """
        found: object = self.properties
        if field == "id" and "id" not in self.properties:
            found = self.id
        else:
            for part in field.split("."):
                found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            raise self.refuse(field, None, f"a property, one of {', '.join(self.properties)}")
        return found

    def text(self, field: str) -> str:
        """Return a property as text; whole numbers are spelled without a point.

        Raises
        ------
        GeoJsonError
            When it is missing, empty, or neither text nor number.
        """
        found = self.value(field)
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise self.refuse(field, found, "text or a number")
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        text = str(found).strip()
        if not text:
            raise self.refuse(field, found, "at least one character")
        return text

    def point(self) -> tuple[float, float]:
        """Return longitude and latitude of a point.

        Raises
        ------
        GeoJsonError
            When the geometry is no point, or off the globe.
        """
        if self.geometry.get("type") != "Point":
            raise self.refuse("geometry.type", self.geometry.get("type"), "Point")
        return self.position(self.geometry.get("coordinates"))

    def position(self, found: object) -> tuple[float, float]:
        """Return a position of the geometry, checked.

        Raises
        ------
        GeoJsonError
            When it is not two or three finite numbers, or out of range.
        """
        field, limit = "geometry.coordinates", "longitude -180 to 180, then latitude -90 to 90"
        if not isinstance(found, list) or len(found) not in (2, 3):
            raise self.refuse(field, found, limit)
        lon, lat = found[:2]
        for number in (lon, lat):
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise self.refuse(field, found, limit)
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            exchanged = -90 <= lon <= 90 and -180 <= lat <= 180
            raise self.refuse(field, found, limit + (": are they exchanged?" if exchanged else ""))
        return float(lon), float(lat)


def read_features(path: str | os.PathLike[str]) -> Iterator[Feature]:
    """Yield the features of a file.

    Raises
    ------
    GeoJsonError
        When the file is missing, too large, no JSON, no collection of features, or in another reference system.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise GeoJsonError(file, None, "file", f"{size} bytes", f"{MOST_BYTES} bytes")
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise GeoJsonError(file, None, "file", error.strerror, "a file that can be read") from None
    except (ValueError, RecursionError) as error:
        raise GeoJsonError(file, None, "text", str(error), "JSON in UTF-8") from None
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        kind = content.get("type") if isinstance(content, dict) else type(content).__name__
        raise GeoJsonError(file, None, "type", kind, "FeatureCollection")
    _check_reference(file, content.get("crs"))
    features = content.get("features")
    if not isinstance(features, list):
        raise GeoJsonError(file, None, "features", features, "a list")
    for number, feature in enumerate(features):
        yield _feature(file, number, feature)


def _check_reference(file: Path, crs: object) -> None:
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not name.lower().endswith(_WGS84):
        raise GeoJsonError(file, None, "crs", name or crs, "CRS84 or EPSG:4326")


def _feature(file: Path, number: int, feature: object) -> Feature:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise GeoJsonError(file, number, "type", feature, "Feature")
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        raise GeoJsonError(file, number, "geometry", geometry, "a geometry")
    properties = feature.get("properties")
    if not isinstance(properties, dict | None):
        raise GeoJsonError(file, number, "properties", properties, "an object")
    return Feature(file, number, feature.get("id"), properties or {}, geometry)
