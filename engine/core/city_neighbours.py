"""Neighbour cities, as ``[[neighbours]]`` of ``city.toml`` names them: where one leaves towards each, and who tells it.

A neighbour is told through a mailbox that an integration reads: an id of ``[told]`` of the run cards. The ways there
are places on roads that the city names, or what leads into the ground that ``boundary`` encloses, or both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.city_files import TomlFile, is_position
from engine.core.city_places import Reading
from engine.core.neighbours import BorderExit, Neighbour
from engine.core.telling import STATION
from engine.dispatch.toml_file import At
from engine.model.limits import LONGEST_NAME, MOST_BORDER_EXITS, MOST_CORNERS, MOST_NEIGHBOURS
from engine.texts import LANGUAGES

KEY = "neighbours"
_KEYS = ("id", "name", "mailbox", "exits", "boundary")
_EXIT_KEYS = ("name", "name_zh", "lon", "lat")
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class _Reader:
    reading: Reading
    toml: TomlFile

    def wrong(self, at: At, value: object, limit: str) -> None:
        """Note what is not taken, at its line."""
        spelt = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")
        self.reading.problems.add(self.toml.file, self.toml.line_at(at), spelt, value, limit)

    def known_keys(self, at: At, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        """Note keys that would silently do nothing."""
        for key in table:
            if key not in keys:
                self.wrong((*at, key), key, f"unknown key; known: {', '.join(keys)}")


def read_neighbours(reading: Reading, toml: TomlFile) -> tuple[Neighbour, ...]:
    """Read the neighbours; what is wrong is noted with its line and its field."""
    given, reader = toml.table.get(KEY, []), _Reader(reading, toml)
    if len(given) > MOST_NEIGHBOURS:
        reader.wrong((KEY,), len(given), f"at most {MOST_NEIGHBOURS} neighbours")
        return ()
    found: dict[str, Neighbour] = {}
    for number, said in enumerate(given):
        neighbour = _neighbour(reader, (KEY, number), said)
        if neighbour is None:
            continue
        if neighbour.id in found:
            reader.wrong((KEY, number, "id"), neighbour.id, "each id may stand once")
        found[neighbour.id] = neighbour
    reading.check_places()
    return tuple(found.values())


def _neighbour(reader: _Reader, at: At, said: object) -> Neighbour | None:
    if not isinstance(said, dict):
        reader.wrong(at, said, f"a table [[{KEY}]]")
        return None
    before = len(reader.reading.problems.found)
    reader.known_keys(at, said, _KEYS)
    id_, name = said.get("id", ""), said.get("name", {})
    if not isinstance(id_, str) or _ID.fullmatch(id_) is None:
        reader.wrong((*at, "id"), id_, "1 to 32 of a-z, 0-9 and _, a letter first")
    if not isinstance(name, dict) or set(name) != set(LANGUAGES) or not all(map(_is_name, name.values())):
        reader.wrong((*at, "name"), name, f'texts of at most {LONGEST_NAME} characters: {{ zh = "…", en = "…" }}')
    _check_mailbox(reader, (*at, "mailbox"), said.get("mailbox", ""))
    if "exits" not in said and "boundary" not in said:
        reader.wrong(at, id_, "exits or boundary: where one leaves towards it")
    exits = _exits(reader, (*at, "exits"), said.get("exits", []))
    boundary = _boundary(reader, (*at, "boundary"), said["boundary"]) if "boundary" in said else ()
    if len(reader.reading.problems.found) > before:
        return None
    return Neighbour(id=id_, name=name, mailbox=said["mailbox"], exits=exits, boundary=boundary)


def _check_mailbox(reader: _Reader, at: At, mailbox: object) -> None:
    """Refuse a mailbox that nobody reads: whoever is told by telephone is no neighbour's system."""
    told = reader.reading.city.run_cards.words.told
    able = [name for name, one in told.items() if name != STATION and (one.mailbox or not one.external)]
    if mailbox not in able:
        limit = f"an id of [told] of run_cards.toml that has a mailbox (mailbox = true): {', '.join(able)}"
        reader.wrong(at, mailbox, limit)


def _exits(reader: _Reader, at: At, given: object) -> tuple[BorderExit, ...]:
    if not isinstance(given, list) or len(given) > MOST_BORDER_EXITS:
        reader.wrong(at, given, f"a list of at most {MOST_BORDER_EXITS} tables {{ name, lon, lat }}")
        return ()
    found = []
    for number, said in enumerate(given):
        here = (*at, number)
        if not isinstance(said, dict):
            reader.wrong(here, said, "a table { name, lon, lat }")
            continue
        before = len(reader.reading.problems.found)
        reader.known_keys(here, said, _EXIT_KEYS)
        for key in ("name", "name_zh"):
            if (key == "name" or key in said) and not _is_name(said.get(key)):
                reader.wrong((*here, key), said.get(key, ""), f"a text of at most {LONGEST_NAME} characters")
        position = [said.get("lon"), said.get("lat")]
        if not is_position(position):
            limit = f"lon and lat in degrees{reader.reading.hint(position)}"
            reader.wrong(here, position, limit)
        if len(reader.reading.problems.found) > before:
            continue
        line = reader.toml.line_at(here)
        lon, lat = reader.reading.hold(reader.toml.file, line, f"exit {said['name']}", said["lon"], said["lat"])
        found.append(BorderExit(name=said["name"], name_zh=said.get("name_zh", ""), lon=lon, lat=lat))
    return tuple(found)


def _boundary(reader: _Reader, at: At, given: object) -> tuple[tuple[float, float], ...]:
    import shapely  # noqa: PLC0415 - heavy, and wanted only where a city has a border

    ring = given if isinstance(given, list) and 4 <= len(given) <= MOST_CORNERS else []
    is_ring = bool(ring) and all(is_position(point) for point in ring) and ring[0] == ring[-1]
    if not is_ring or not shapely.Polygon(ring).is_valid:
        limit = f"a closed ring of 4 to {MOST_CORNERS} positions [lon, lat] that does not cross itself"
        reader.wrong(at, given, limit)
        return ()
    return tuple(reader.reading.wgs84(point[0], point[1]) for point in ring)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_NAME and value.isprintable()
