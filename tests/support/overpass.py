"""A local stand-in of Overpass and Nominatim: answers from our own ways, and what was asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

Element = dict[str, Any]


def node(number: int, lon: float, lat: float, **tags: str) -> Element:
    """Return a node as Overpass answers it."""
    return {"type": "node", "id": number, "lon": lon, "lat": lat, "tags": tags}


def way(number: int, nodes: list[int], **tags: str) -> Element:
    """Return a way as Overpass answers it; double underscores in a tag's key stand for a colon."""
    return {"type": "way", "id": number, "nodes": nodes, "tags": {k.replace("__", ":"): v for k, v in tags.items()}}


def elements_of(path: Path) -> list[Element]:
    """Return a file's ways with a highway tag or ferry route and their nodes; ways that lack a node are left out."""
    import osmium

    ways, nodes = [], {}
    for found in osmium.FileProcessor(str(path), osmium.osm.NODE):
        nodes[found.id] = node(found.id, found.location.lon, found.location.lat) | {"tags": dict(found.tags)}
    used = set()
    for found in osmium.FileProcessor(str(path), osmium.osm.WAY):
        refs = [one.ref for one in found.nodes]
        street = "highway" in found.tags or found.tags.get("route") == "ferry"
        if street and all(ref in nodes for ref in refs):
            ways.append(way(found.id, refs) | {"tags": dict(found.tags)})
            used.update(refs)
    return [*(nodes[ref] for ref in sorted(used)), *ways]


class StandIn:
    """What the servers know and what they were asked."""

    def __init__(self, elements: list[Element], place: dict[str, Any] | None) -> None:
        self.elements, self.place = elements, place
        self.asked: list[str] = []
        self.url = ""
        self.status = 200

    def answer(self, query: str) -> dict[str, Any]:
        """Answer an Overpass query by its kind of way; of where, everything is answered, as ways reach beyond."""
        ferries = "route" in query
        ways = [
            one
            for one in self.elements
            if one["type"] == "way" and (one["tags"].get("route") == "ferry" if ferries else "highway" in one["tags"])
        ]
        used = {ref for one in ways for ref in one["nodes"]}
        nodes = [one for one in self.elements if one["type"] == "node" and one["id"] in used]
        return {"version": 0.6, "elements": [*ways, *nodes]}


@contextmanager
def serving(elements: list[Element], place: dict[str, Any] | None = None) -> Iterator[StandIn]:
    """Serve on a port of this machine; ``place`` is the GeoJSON geometry that every name is looked up to."""
    known = StandIn(elements, place)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parsed = urlparse(self.path)
            if parsed.path.endswith("/status"):
                self._send(
                    b"Connected as: 1\nCurrent time: 2026-01-01T00:00:00Z\nAnnounced endpoint: none\nRate limit: 2\n"
                    b"2 slots available now.\n",
                    "text/plain",
                )
                return
            known.asked.append(parse_qs(parsed.query).get("q", [""])[0])
            self._send(json.dumps(_found(known.place)).encode(), "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            query = parse_qs(body)["data"][0]
            known.asked.append(query)
            self._send(json.dumps(known.answer(query)).encode(), "application/json")

        def _send(self, body: bytes, kind: str) -> None:
            body = body if known.status == 200 else b"<html>out of order</html>"
            self.send_response(known.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _found(place: dict[str, Any] | None) -> list[dict[str, Any]]:
    if place is None:
        return []
    points = place["coordinates"][0]
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    box = [str(value) for value in (min(lats), max(lats), min(lons), max(lons))]
    return [
        {
            "place_id": 1,
            "osm_type": "relation",
            "osm_id": 1,
            "lat": str(sum(lats) / len(lats)),
            "lon": str(sum(lons) / len(lons)),
            "display_name": "Somewhere",
            "importance": 0.5,
            "boundingbox": box,
            "geojson": place,
        }
    ]
