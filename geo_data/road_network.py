"""The road network: aligned raw arrays in one file, memory-mapped, the same on disk as in use.

Nodes stand in Hilbert order, arcs in the order of their tails, so that what is near on the ground is near in memory.
A two-way street is two arcs that share one geometry. Where turns count, a junction is taken apart into a node for each
street end in and out, with turn arcs of no length between them (`geo_data.building.turns`). Each mode's arcs form one
strongly connected network (`geo_data.building` sees to it), so whatever may be entered may be left again.

The file is laid out as `geo_data.array_file` says, with the magic ``APNROADS``.
"""

import os
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from geo_data.array_file import ArrayFileError, map_arrays, write_arrays
from geo_data.raw_roads import RoadClass

if TYPE_CHECKING:
    from geo_data.snapping_kernels import Shape

MAGIC = b"APNROADS"
FORMAT_VERSION = 3


class RoadFileError(ArrayFileError):
    """A file is not a road network that this version reads; says which and why."""


@dataclass(frozen=True, kw_only=True)
class RoadNetwork:
    """A city's streets. ``n`` nodes, ``m`` arcs, ``g`` geometries, ``p`` points, ``s`` names.

    Attributes
    ----------
    node_lon, node_lat
        float64 (n,), degrees WGS-84.
    first_out
        int32 (n + 1,); the arcs out of node v are ``first_out[v]:first_out[v + 1]``.
    arc_tail, arc_head
        int32 (m,), node indices.
    first_in, in_arc
        int32 (n + 1,) and (m,); the arcs into node v are ``in_arc[first_in[v]:first_in[v + 1]]``.
    arc_reverse
        int32 (m,), the arc of the same street the other way; -1 on a one-way street.
    arc_length_m
        float32 (m,).
    arc_class, arc_modes
        uint8 (m,), `geo_data.raw_roads.RoadClass` and bits of `geo_data.raw_roads.Mode`.
    arc_control
        uint8 (m,), `geo_data.raw_roads.NodeKind`: what who drives along the arc meets at its head.
    arc_kmh, arc_emergency_kmh
        float32 (m,), signed or measured speed; NaN where only the class is known.
    arc_name
        int32 (m,), index into the names; -1 without.
    arc_geometry
        int32 (m,), the geometry; arcs of one street share it.
    arc_drawn
        bool (m,), true where the arc runs in the direction its geometry was drawn.
    arc_source_id
        int64 (m,), the source's own id of the street.
    geometry_first
        int64 (g + 1,), into the points; both ends included.
    point_lon, point_lat
        int32 (p,), degrees times 1e7.
    name_first, name_bytes, name_zh_first, name_zh_bytes
        int64 (s + 1,) and uint8: UTF-8 texts, read by `name` and `name_zh`.
    node_source_id
        int64 (n,).
    meta
        ``source, licence, attribution, built_at`` (ms), ``builder`` version, ``report`` of the build.
    """

    node_lon: NDArray[np.float64]
    node_lat: NDArray[np.float64]
    first_out: NDArray[np.int32]
    arc_tail: NDArray[np.int32]
    arc_head: NDArray[np.int32]
    first_in: NDArray[np.int32]
    in_arc: NDArray[np.int32]
    arc_reverse: NDArray[np.int32]
    arc_length_m: NDArray[np.float32]
    arc_class: NDArray[np.uint8]
    arc_modes: NDArray[np.uint8]
    arc_control: NDArray[np.uint8]
    arc_kmh: NDArray[np.float32]
    arc_emergency_kmh: NDArray[np.float32]
    arc_name: NDArray[np.int32]
    arc_geometry: NDArray[np.int32]
    arc_drawn: NDArray[np.bool_]
    arc_source_id: NDArray[np.int64]
    geometry_first: NDArray[np.int64]
    point_lon: NDArray[np.int32]
    point_lat: NDArray[np.int32]
    name_first: NDArray[np.int64]
    name_bytes: NDArray[np.uint8]
    name_zh_first: NDArray[np.int64]
    name_zh_bytes: NDArray[np.uint8]
    node_source_id: NDArray[np.int64]
    meta: dict[str, Any] = field(default_factory=dict)
    checksum: str = ""

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.node_lon)

    @property
    def n_arcs(self) -> int:
        """How many arcs there are; a two-way street counts twice."""
        return len(self.arc_tail)

    @cached_property
    def is_turn(self) -> NDArray[np.bool_]:
        """Which arcs are no streets but ways through a junction that was taken apart, bool (m,)."""
        return np.asarray(self.arc_class >= RoadClass.TURN_STRAIGHT)

    @cached_property
    def shape(self) -> "Shape":
        """The lines of the streets as the kernel reads them that draws ways.

        None may be written: mapped from a file or made, the kernel takes them for the same.
        """
        from geo_data.snapping_kernels import Shape  # noqa: PLC0415 - numba, wanted once there is a way

        return Shape(
            _to_read(self.geometry_first),
            _to_read(self.point_lon),
            _to_read(self.point_lat),
            _to_read(self.arc_geometry),
            _to_read(self.arc_drawn),
            _to_read(self.is_turn),
            _to_read(self.arc_length_m),
        )

    def name(self, arc: int) -> str:
        """Return the street's name, or an empty text."""
        return _text(self.name_first, self.name_bytes, int(self.arc_name[arc]))

    def name_zh(self, arc: int) -> str:
        """Return the street's Chinese name, or an empty text."""
        return _text(self.name_zh_first, self.name_zh_bytes, int(self.arc_name[arc]))

    def arc_points(self, arc: int) -> NDArray[np.float64]:
        """Return the arc's course as float64 (points, 2), longitude and latitude in degrees, tail first."""
        geometry = int(self.arc_geometry[arc])
        part = slice(int(self.geometry_first[geometry]), int(self.geometry_first[geometry + 1]))
        points = np.column_stack((self.point_lon[part], self.point_lat[part])) / 1e7
        return points if self.arc_drawn[arc] else points[::-1]

    def bounds(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north in degrees."""
        return (
            float(self.node_lon.min()),
            float(self.node_lat.min()),
            float(self.node_lon.max()),
            float(self.node_lat.max()),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file beside its place and move it there, so that a reader sees the old one or the new one."""
        write_arrays(path, MAGIC, FORMAT_VERSION, self.meta, {name: getattr(self, name) for name in _DTYPES})

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, verify: bool = False) -> "RoadNetwork":
        """Map a file into memory; with ``verify`` its checksum is computed anew.

        Raises
        ------
        RoadFileError
            When the file is not a road network, of another version, truncated, or does not match its checksum.
        """
        try:
            arrays, meta, checksum = map_arrays(path, "road network", MAGIC, FORMAT_VERSION, _DTYPES, verify=verify)
        except ArrayFileError as error:
            raise RoadFileError(*error.args) from None
        return cls(**arrays, meta=meta, checksum=checksum)


_HINTS = get_type_hints(RoadNetwork)
_DTYPES = {
    f.name: np.dtype(get_args(get_args(_HINTS[f.name])[1])[0]).newbyteorder("<")
    for f in fields(RoadNetwork)
    if f.name not in ("meta", "checksum")
}


def _to_read(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def pack_texts(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return offsets int64 (s + 1,) and UTF-8 bytes of a list of texts."""
    encoded = [text.encode() for text in texts]
    first = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=first[1:])
    return first, np.frombuffer(b"".join(encoded), np.uint8)


def _text(first: NDArray[np.int64], content: NDArray[np.uint8], index: int) -> str:
    if index < 0:
        return ""
    return content[int(first[index]) : int(first[index + 1])].tobytes().decode()
