"""Fixed places with an id and a name: stations, hospitals, posts."""

import os
from dataclasses import dataclass

from geo_data.geojson import GeoJsonError, read_features

__all__ = ["GeoJsonError", "Place", "read_points"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A point in WGS-84 degrees that has an id and a name."""

    id: str
    name: str
    lon: float
    lat: float
    name_zh: str = ""


def read_points(
    path: str | os.PathLike[str], *, id_field: str, name_field: str, name_zh_field: str | None = None
) -> list[Place]:
    """Read the points of a GeoJSON file, in its order.

    Parameters
    ----------
    path
        A FeatureCollection of points.
    id_field, name_field
        The properties that hold id and name; dots lead into nested ones, such as ``tags.name``.
    name_zh_field
        The property that holds the Chinese name; features may lack it.

    Raises
    ------
    GeoJsonError
        When the file, a feature or a field cannot be taken, or an id stands twice.
    """
    places: list[Place] = []
    seen: dict[str, int] = {}
    for feature in read_features(path):
        lon, lat = feature.point()
        known = feature.text(id_field)
        if known in seen:
            raise feature.refuse(id_field, known, f"each id once; feature {seen[known]} has it")
        seen[known] = feature.number
        chinese = ""
        if name_zh_field is not None and name_zh_field in feature.properties:
            chinese = feature.text(name_zh_field)
        places.append(Place(id=known, name=feature.text(name_field), lon=lon, lat=lat, name_zh=chinese))
    return places
