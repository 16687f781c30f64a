"""Streets through osmnx: a place by name, a bounding box, or any graph that osmnx made.

What is downloaded is every way with a highway tag and every ferry, drawn node by node: footways and private streets are
kept, and `geo_data.sources.osm.tags` alone decides who may use what, as for files. Downloads are cached below
``ALLPOINTS_CACHE``. ``ALLPOINTS_OVERPASS_URL`` and ``ALLPOINTS_NOMINATIM_URL`` name other servers than the public ones.
Turn restrictions are not part of a graph. Settings of osmnx are put back as they were.
"""

import math
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from geo_data.raw_roads import RawRoads
from geo_data.sources.graph_edges import NODE_TAGS, WAY_TAGS, GraphError, roads_of_graph
from geo_data.sources.osm import ATTRIBUTION, LICENCE

__all__ = ["DownloadError", "GraphError", "from_graph", "read_bounding_box", "read_place"]

MOST_KM2: Final = 60_000.0
"""The largest bounding box that is asked for: several prefectures."""
_LONGEST_QUERY: Final = 200
_FILTERS: Final = ['["highway"]', '["route"="ferry"]']
_TIMEOUT_S: Final = 180
_STATUS_TIMEOUT_S: Final = 10
_KM_A_DEGREE: Final = 111.195
_settings_lock: Final = threading.Lock()


class DownloadError(ValueError):
    """Streets that could not be had: names what was asked for and the reason."""


def read_place(query: str) -> RawRoads:
    """Download the streets of a place, such as ``Xiangyuan, Changzhi, China``.

    Raises
    ------
    DownloadError
        When the query is empty or too long, the place is unknown, or a server cannot be reached or does not answer.
    """
    text = query.strip()
    if not 1 <= len(text) <= _LONGEST_QUERY:
        raise DownloadError(f"query: {len(text)} characters are not taken; limit: 1 to {_LONGEST_QUERY}")
    return _download(
        text,
        lambda osmnx: osmnx.graph_from_place(text, **_as_drawn()),
        "a place that OpenStreetMap knows the border of",
    )


def read_bounding_box(west: float, south: float, east: float, north: float) -> RawRoads:
    """Download the streets of a box, in degrees.

    Raises
    ------
    DownloadError
        When the box is none, too large, holds no street, or a server cannot be reached or does not answer.
    """
    for field, value, limit in (("west", west, 180), ("south", south, 90), ("east", east, 180), ("north", north, 90)):
        if not abs(value) <= limit:
            raise DownloadError(f"{field}: {value} is not taken; limit: -{limit} to {limit} degrees")
    for low, high, names in ((west, east, "west and east"), (south, north, "south and north")):
        if not low < high:
            raise DownloadError(f"{names}: {low} and {high} are not taken; limit: the first below the second")
    wide = (east - west) * _KM_A_DEGREE * math.cos(math.radians((south + north) / 2))
    if wide * (north - south) * _KM_A_DEGREE > MOST_KM2:
        size = wide * (north - south) * _KM_A_DEGREE
        raise DownloadError(f"box: {size:,.0f} square kilometres are not taken; limit: {MOST_KM2:,.0f}")
    box = (west, south, east, north)
    return _download(f"box {box}", lambda osmnx: osmnx.graph_from_bbox(box, **_as_drawn()), "a box with streets in it")


def from_graph(graph: Any) -> RawRoads:
    """Take a graph that osmnx made, simplified or not, with any of its settings.

    What its edges do not tell is not known: a graph made for driving has no footways, and only tags that osmnx was
    told to keep count.

    Raises
    ------
    GraphError
        When nodes lack places or the graph is projected, has no edge, or an edge makes no sense.
    """
    roads = roads_of_graph(graph)
    roads.source, roads.licence, roads.attribution = "OpenStreetMap, through osmnx", LICENCE, ATTRIBUTION
    return roads


def _as_drawn() -> dict[str, Any]:
    return {"simplify": False, "retain_all": True, "truncate_by_edge": True, "custom_filter": list(_FILTERS)}


def _download(asked: str, fetch: Callable[[Any], Any], limit: str) -> RawRoads:
    import osmnx  # noqa: PLC0415 - heavy, and only wanted by those who download
    import requests  # noqa: PLC0415

    with _settings(osmnx.settings):
        try:
            graph = fetch(osmnx)
        except (osmnx._errors.ResponseStatusCodeError, requests.RequestException, OSError) as error:  # noqa: SLF001
            servers = f"{osmnx.settings.nominatim_url}, {osmnx.settings.overpass_url}"
            raise DownloadError(f"{asked}: no answer from {servers}: {_brief(error)}") from None
        except (osmnx._errors.InsufficientResponseError, KeyError, TypeError, ValueError) as error:  # noqa: SLF001
            # osmnx says with these that nothing usable was found: no result, no polygon, no element, a field missing.
            raise DownloadError(f"{asked}: {_brief(error)}; limit: {limit}") from None
    try:
        return from_graph(graph)
    except GraphError as error:
        raise DownloadError(f"{asked}: {error}; limit: {limit}") from None


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def _settings(settings: Any) -> Iterator[None]:
    """Set what a download needs, alone; afterwards everything is as it was, name look-up of sockets included."""
    own: dict[str, Any] = {
        "all_oneway": True,
        "cache_folder": str(_cache_folder()),
        "use_cache": True,
        "cache_only_mode": False,
        "useful_tags_way": sorted(WAY_TAGS),
        "useful_tags_node": sorted(NODE_TAGS),
        "requests_timeout": _TIMEOUT_S,
        "http_user_agent": "allpoints",
        "http_referer": "allpoints",
    }
    for field, variable in (("overpass_url", "ALLPOINTS_OVERPASS_URL"), ("nominatim_url", "ALLPOINTS_NOMINATIM_URL")):
        if os.environ.get(variable):
            own[field] = os.environ[variable]
    with _settings_lock:
        before = {name: value for name, value in vars(settings).items() if not name.startswith("_")}
        look_up = socket.getaddrinfo
        try:
            for name, value in own.items():
                setattr(settings, name, value)
            settings.overpass_rate_limit = settings.overpass_rate_limit and _has_status(settings)
            yield
        finally:
            socket.getaddrinfo = look_up  # osmnx pins the server's address in it
            for name, value in before.items():
                setattr(settings, name, value)


def _has_status(settings: Any) -> bool:
    """Whether the server can be asked when it is free; where it cannot, osmnx would wait a minute before it failed."""
    import requests  # noqa: PLC0415

    try:
        url = settings.overpass_url.rstrip("/") + "/status"
        return bool(requests.get(url, timeout=_STATUS_TIMEOUT_S, **settings.requests_kwargs).ok)
    except requests.RequestException:
        return False


def _cache_folder() -> Path:
    base = os.environ.get("ALLPOINTS_CACHE") or Path.home() / ".cache" / "allpoints"
    return Path(base) / "osmnx"
