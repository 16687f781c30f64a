"""The ways and turn restrictions of an OSM file while it is read: flat arrays that grow, no object by street."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geo_data.raw_roads import Restriction, RoadClass
from geo_data.sources.osm.speeds import parse_duration_s
from geo_data.sources.osm.tags import Dropped, read_way

Members = Sequence[tuple[str, int, str]]
"""Of a relation: type (``n``, ``w`` or ``r``), id and role of each member."""

_RESTRICTION_KEYS = ("restriction:motorcar", "restriction:motor_vehicle", "restriction")
_MOST_PAIRS = 64


class WayTable:
    """Ways that are streets, one after the other, and restrictions between them.

    Attributes
    ----------
    refs, first
        The node ids of all ways, and where each way begins among them.
    counts
        What was left out or not understood, by reason.
    """

    def __init__(self) -> None:
        self.refs, self.first = array("q"), array("q", [0])
        self.way_id = array("q")
        self.road_class, self.forward_modes, self.backward_modes = array("B"), array("B"), array("B")
        self.forward_kmh, self.backward_kmh = array("f"), array("f")
        self.roundabout = array("B")
        self.ferry_s: dict[int, float] = {}
        self.name = array("i")
        self.names: dict[tuple[str, str], int] = {}
        self.turns: list[tuple[int, int, int, int]] = []
        self.counts: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many streets there are."""
        return len(self.way_id)

    def refs_array(self) -> NDArray[np.int64]:
        """Return the node ids of all ways, int64."""
        return np.frombuffer(self.refs, np.int64)

    def add_way(self, way_id: int, tags: Mapping[str, str], refs: Sequence[int]) -> None:
        """Take a way, or count why not."""
        read = read_way(tags)
        if read is None:
            return
        if isinstance(read, Dropped):
            self.counts[f"ways_{read.reason}"] += 1
            return
        if any(this == following for this, following in pairwise(refs)):
            refs = [ref for place, ref in enumerate(refs) if place == 0 or ref != refs[place - 1]]
            self.counts["nodes_repeated"] += 1
        if len(refs) < 2:
            self.counts["ways_short"] += 1
            return
        for reason in read.odd:
            self.counts[f"tags_{reason}"] += 1
        if read.road_class == RoadClass.FERRY and "duration" in tags:
            self.ferry_s[self.count] = parse_duration_s(tags["duration"])
        self.refs.extend(refs)
        self.first.append(len(self.refs))
        self.way_id.append(way_id)
        self.road_class.append(read.road_class)
        self.forward_modes.append(read.forward_modes)
        self.backward_modes.append(read.backward_modes)
        self.forward_kmh.append(read.forward_kmh)
        self.backward_kmh.append(read.backward_kmh)
        self.roundabout.append(read.roundabout)
        pair = (read.name, read.name_zh)
        self.name.append(self.names.setdefault(pair, len(self.names)) if any(pair) else -1)

    def add_restriction(self, tags: Mapping[str, str], members: Members) -> None:
        """Take a turn restriction for cars over one node, or count why not."""
        text = next((tags[key] for key in _RESTRICTION_KEYS if key in tags), None)
        if text is None:
            conditional = any(key.endswith(":conditional") for key in tags)
            self.counts["turns_conditional" if conditional else "turns_not_for_cars"] += 1
            return
        if {"motorcar", "motor_vehicle"} & {part.strip() for part in tags.get("except", "").split(";")}:
            self.counts["turns_not_for_cars"] += 1
            return
        if not text.startswith(("no_", "only_")):
            self.counts["turns_unreadable"] += 1
            return
        kind = Restriction.ONLY if text.startswith("only_") else Restriction.NO
        enter = [ref for what, ref, role in members if role == "from" and what == "w"]
        leave = [ref for what, ref, role in members if role == "to" and what == "w"]
        via = [(what, ref) for what, ref, role in members if role == "via"]
        if any(what == "w" for what, _ in via):
            self.counts["turns_via_way"] += 1
            return
        if len(via) != 1 or via[0][0] != "n" or not enter or not leave or len(enter) * len(leave) > _MOST_PAIRS:
            self.counts["turns_unreadable"] += 1
            return
        self.turns.extend((way, via[0][1], other, int(kind)) for way in enter for other in leave)
