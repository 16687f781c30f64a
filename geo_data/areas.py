"""Areas: which jurisdiction, beat or closure a place lies in, exactly.

A table by H3 cell says for every cell which areas hold all of it and whose border runs through it; only for those the
polygon itself is asked. A place on a border belongs to every area that it borders. Edges of polygons are straight in
degrees, as GeoJSON has them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo_data.cells import FINEST, boundary_of, cell_of, cells_of, cells_over, disk_of, mean_area_m2, mean_edge_m
from geo_data.geojson import Feature, GeoJsonError, read_features
from geo_data.lengths import DEGREE_M

AreaKind = Literal["jurisdiction", "beat", "closure", "zone"]
MAY_OVERLAP: Final[dict[str, bool]] = {"jurisdiction": False, "beat": True, "closure": True, "zone": False}
"""Whether two areas of the kind may share ground; areas of different kinds always may."""
_MOST_SHARED: Final = 0.02
"""Two areas that may not overlap may share this part of the smaller one: borders are drawn by hand."""
_MOST_MENDED: Final = 1e-4
"""A ring that touches itself is mended where that changes no more than this part of its ground."""
_MOST_CELLS: Final = 30_000
_FINEST_CELL: Final = 10
_BORDER_WIDTH: Final = 0.02
"""Of a cell's edge: cells are widened by it, for their edges are not quite straight in degrees."""


class AreaError(ValueError):
    """Areas that cannot be; names the area, the value and the limit."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """A polygon (or several) with a meaning, in WGS-84 degrees."""

    id: str
    kind: AreaKind
    name: str
    geometry: Any
    name_zh: str = ""


class Areas:
    """Areas that can be asked what lies in them.

    Parameters
    ----------
    areas
        Ids must differ within a kind.
    resolution
        H3 resolution of the table; None chooses one by the size of the areas.

    Raises
    ------
    AreaError
        When an id stands twice, a geometry is no valid polygon, or two areas of a kind that may not overlap do.
    """

    def __init__(self, areas: Sequence[Area], resolution: int | None = None) -> None:
        self.areas = tuple(areas)
        seen: set[tuple[str, str]] = set()
        for area in self.areas:
            _check(area)
            if (area.kind, area.id) in seen:
                raise AreaError(f"area {area.id}, id: {area.id!r} is not taken; limit: each id once within {area.kind}")
            seen.add((area.kind, area.id))
        self._shapes = np.array([area.geometry for area in self.areas], object)
        shapely.prepare(self._shapes)
        _check_overlaps(self.areas, self._shapes)
        self.resolution = _resolution_for(self._shapes) if resolution is None else resolution
        self._fill()

    @classmethod
    def from_geojson(
        cls,
        path: str | os.PathLike[str],
        *,
        id_field: str,
        name_field: str | None = None,
        name_zh_field: str | None = None,
        kind: AreaKind = "jurisdiction",
    ) -> "Areas":
        """Read the polygons of a GeoJSON file, all of one kind.

        Raises
        ------
        geo_data.geojson.GeoJsonError
            When the file, a feature or a field cannot be taken; names file, feature and field.
        """
        features = list(read_features(path))
        areas = [
            Area(
                id=feature.text(id_field),
                kind=kind,
                name=feature.text(name_field or id_field),
                name_zh=feature.text(name_zh_field) if name_zh_field else "",
                geometry=_polygon(feature),
            )
            for feature in features
        ]
        try:
            return cls(areas)
        except AreaError as error:
            raise GeoJsonError(Path(path), None, "features", str(error), "areas that can be") from None

    def __len__(self) -> int:
        """How many areas there are."""
        return len(self.areas)

    def at(self, lon: float, lat: float, kind: AreaKind | None = None) -> list[Area]:
        """Return the areas in which a place lies, in their order; of one kind, if it is given."""
        entry = self._index.get(cell_of(lon, lat, self.resolution))
        if entry is None:
            return []
        found = [
            area
            for place in range(self._first[entry], self._first[entry + 1])
            if self._sure[place] or shapely.intersects_xy(self._shapes[self._area[place]], lon, lat)
            for area in (self.areas[self._area[place]],)
        ]
        return [area for area in found if kind is None or area.kind == kind]

    def at_many(self, lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return which places lie in which areas, as pairs of indices ordered by place, then area.

        Returns
        -------
        place
            int64 (pairs,), into ``lon`` and ``lat``.
        area
            int32 (pairs,), into ``areas``.
        """
        lons, lats = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
        cells = cells_of(lons, lats, self.resolution)
        entry = np.searchsorted(self._cell, cells)
        known = np.flatnonzero(entry < len(self._cell))
        known = known[self._cell[entry[known]] == cells[known]]
        counts = np.diff(self._first)[entry[known]]
        place = np.repeat(known, counts)
        within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        line = np.repeat(self._first[entry[known]], counts) + within
        inside = self._sure[line].copy()
        asked = np.flatnonzero(~inside)
        area = self._area[line]
        for number in np.unique(area[asked]):
            here = asked[area[asked] == number]
            inside[here] = shapely.intersects_xy(self._shapes[number], lons[place[here]], lats[place[here]])
        return place[inside], area[inside]

    def first_at_many(self, lon: ArrayLike, lat: ArrayLike, kind: AreaKind) -> NDArray[np.int32]:
        """Return for each place the index of the first area of a kind in which it lies; -1 where there is none."""
        first = np.full(len(np.asarray(lon)), -1, np.int32)
        place, area = self.at_many(lon, lat)
        fits = np.array([one.kind == kind for one in self.areas], bool)[area]
        first[place[fits][::-1]] = area[fits][::-1]
        return first

    def _fill(self) -> None:
        """Make the table: by cell, the areas that hold all of it and those whose border runs through it."""
        cell, area, sure = [], [], []
        for number, shape in enumerate(self._shapes):
            touched = _cells_around(shape, self.resolution)
            grown = shapely.buffer(_cell_shapes(touched), _width_deg(self.resolution))
            near = shapely.intersects(shape, grown)
            cell.append(touched[near])
            area.append(np.full(int(near.sum()), number, np.int32))
            sure.append(shapely.contains_properly(shape, grown[near]))
        cells, areas = np.concatenate(cell or [np.empty(0, np.uint64)]), np.concatenate(area or [np.empty(0, np.int32)])
        order = np.lexsort((areas, cells))
        self._area = areas[order]
        self._sure = np.concatenate(sure or [np.empty(0, bool)])[order]
        self._cell, first = np.unique(cells[order], return_index=True)
        self._first = np.append(first, len(order))
        self._index = {int(number): entry for entry, number in enumerate(self._cell)}


def _check(area: Area) -> None:
    shape = area.geometry
    if area.kind not in get_args(AreaKind):
        raise AreaError(
            f"area {area.id}, kind: {area.kind!r} is not taken; limit: one of {', '.join(get_args(AreaKind))}"
        )
    if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon) or shape.is_empty:
        kind = getattr(shape, "geom_type", type(shape).__name__)
        raise AreaError(f"area {area.id}, geometry: {kind} is not taken; limit: a polygon with ground in it")
    west, south, east, north = shape.bounds
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90 and east - west < 180):
        bounds = f"{west:g} {south:g} {east:g} {north:g}"
        raise AreaError(
            f"area {area.id}, geometry: bounds {bounds} are not taken; limit: degrees, not over the date line"
        )
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise AreaError(f"area {area.id}, geometry: {reason} is not taken; limit: rings that do not cross themselves")


def _check_overlaps(areas: tuple[Area, ...], shapes: NDArray[Any]) -> None:
    apart = np.flatnonzero([not MAY_OVERLAP[area.kind] for area in areas])
    tree = shapely.STRtree(shapes[apart])
    for one, other in zip(*tree.query(shapes[apart], predicate="intersects"), strict=True):
        if one >= other:
            continue
        first, second = apart[one], apart[other]
        if areas[first].kind != areas[second].kind:
            continue
        smaller = min(shapely.area(shapes[first]), shapely.area(shapes[second]))
        shared = float(shapely.area(shapely.intersection(shapes[first], shapes[second])) / smaller)
        if shared > _MOST_SHARED:
            raise AreaError(
                f"area {areas[second].id}, geometry: shares {shared:.1%} with {areas[first].id}; "
                f"limit: {_MOST_SHARED:.0%} for a {areas[first].kind}"
            )


def _resolution_for(shapes: NDArray[Any]) -> int:
    """Return the finest resolution at which the table stays small."""
    ground_m2 = sum(
        shapely.area(shape) * DEGREE_M**2 * np.cos(np.radians(shapely.get_y(shapely.centroid(shape))))
        for shape in shapes
    )
    fitting = [finer for finer in range(_FINEST_CELL + 1) if ground_m2 / mean_area_m2(finer) <= _MOST_CELLS]
    return max(fitting, default=0)


def _cells_around(shape: Any, resolution: int) -> NDArray[np.uint64]:
    """Return the cells that a polygon may touch: those that h3 finds, and around each the next.

    Holes are passed over: h3 leaves a cell out that holds a whole hole, though its ground outside the hole belongs.
    """
    found: set[int] = set()
    for part in shapely.get_parts(shape):
        for cell in cells_over([[(x, y) for x, y, *_ in part.exterior.coords]], resolution).tolist():
            found.update(disk_of(cell, 1).tolist())
    return np.array(sorted(found), np.uint64)


def _cell_shapes(cells: NDArray[np.uint64]) -> NDArray[Any]:
    corners = [boundary_of(int(cell)) for cell in cells]
    sizes = np.array([len(ring) + 1 for ring in corners])
    points = np.array([point for ring in corners for point in (*ring, ring[0])])
    rings = shapely.linearrings(points, indices=np.repeat(np.arange(len(sizes)), sizes))
    return np.asarray(shapely.polygons(rings))


def _width_deg(resolution: int) -> float:
    return _BORDER_WIDTH * mean_edge_m(min(resolution, FINEST)) / DEGREE_M


def _polygon(feature: Feature) -> Any:
    """Return a feature's polygon, checked position by position."""
    kind, coordinates = feature.geometry.get("type"), feature.geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise feature.refuse("geometry.type", kind, "Polygon or MultiPolygon")
    parts = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(parts, list) or not parts:
        raise feature.refuse("geometry.coordinates", parts, "at least one polygon")
    polygons = []
    for part in parts:
        if not isinstance(part, list) or not part or not all(isinstance(ring, list) for ring in part):
            raise feature.refuse("geometry.coordinates", part, "a polygon: a list of rings")
        rings = [[feature.position(found) for found in ring] for ring in part]
        for ring in rings:
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise feature.refuse("geometry.coordinates", ring[:2], "closed rings of four positions or more")
        polygons.append(shapely.Polygon(rings[0], rings[1:]))
    shape = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return shape if shape.is_valid else _mended(feature, shape)


def _mended(feature: Feature, shape: Any) -> Any:
    """Return the polygon without the slips of a pen: rings that touch themselves, spikes. No ground may change."""
    whole = shapely.make_valid(shape)
    ground = [part for part in shapely.get_parts(whole) if part.geom_type in ("Polygon", "MultiPolygon")]
    mended = shapely.union_all(ground)
    if abs(mended.area - shape.area) > _MOST_MENDED * shape.area:
        raise feature.refuse("geometry", shapely.is_valid_reason(shape), "rings that do not cross themselves")
    return mended
