"""OSM files: small ones drawn here for each rule, real ones for the whole, broken ones for the errors."""

import bz2
import contextlib
import gzip
import itertools
import math
import random
import shutil
from collections import Counter

import numpy as np
import osmium
import pytest

from geo_data.building import build_network
from geo_data.raw_roads import Mode, NodeKind, Restriction, RoadClass
from geo_data.sources.osm import OsmFileError, read_osm

STEP = 0.001  # degrees between neighbouring nodes of a drawn row: 111 m


def xml(nodes, ways, relations=()):
    """Write OSM XML: nodes {id: (x, y) or (x, y, tags)}, ways [(id, refs, tags)], relations [(members, tags)]."""

    def tags(said):
        return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in said.items())

    parts = ["<?xml version='1.0' encoding='UTF-8'?><osm version='0.6'>"]
    for node, (x, y, *said) in nodes.items():
        parts.append(
            f'<node id="{node}" lon="{x * STEP:.7f}" lat="{y * STEP:.7f}">{tags(said[0] if said else {})}</node>'
        )
    for way, refs, said in ways:
        parts.append(
            f'<way id="{way}">{"".join(f"<nd ref={chr(34)}{ref}{chr(34)}/>" for ref in refs)}{tags(said)}</way>'
        )
    for number, (members, said) in enumerate(relations, 1):
        inside = "".join(f'<member type="{what}" ref="{ref}" role="{role}"/>' for what, ref, role in members)
        parts.append(f'<relation id="{number}">{inside}{tags({"type": "restriction"} | said)}</relation>')
    return "".join([*parts, "</osm>"])


@pytest.fixture
def read(tmp_path):
    """Return a function that reads drawn nodes and ways."""

    def reader(nodes, ways, relations=(), **more):
        file = tmp_path / "drawn.osm"
        file.write_text(xml(nodes, ways, relations), "utf-8")
        return read_osm(file, **more)

    return reader


ROW = {number: (number, 0) for number in range(1, 6)}
STREET = {"highway": "residential"}


def arcs(network):
    """Return {(tail id, head id): modes of any arc between them}; nodes that the reader made are -1."""
    ids, found = network.node_source_id, {}
    for tail, head, bits in zip(network.arc_tail, network.arc_head, network.arc_modes, strict=True):
        pair = (int(ids[tail]), int(ids[head]))
        found[pair] = found.get(pair, 0) | int(bits)
    return found


@pytest.mark.parametrize("every_node", [True, False])
def test_a_street_is_read(read, every_node):
    tags = {"highway": "primary", "name": "长安街", "maxspeed": "60", "oneway": "no"}
    raw = read(ROW, [(7, [1, 2, 3], tags)], every_node=every_node)
    assert len(raw.tail) == (2 if every_node else 1)
    network = build_network(raw)
    assert arcs(network) == {(1, 3): 7, (3, 1): 7}
    assert network.arc_source_id.tolist() == [7, 7]
    assert network.arc_class.tolist() == [RoadClass.PRIMARY] * 2
    assert network.arc_kmh.tolist() == [60, 60]
    assert (network.name(0), network.name_zh(0)) == ("长安街", "长安街")
    assert network.arc_length_m.tolist() == pytest.approx([2 * 111.195] * 2, abs=0.01)
    assert network.meta["attribution"] == "© OpenStreetMap contributors"
    assert network.meta["licence"] == "ODbL-1.0"
    assert network.meta["source"] == "OpenStreetMap, drawn.osm"


@pytest.mark.parametrize("every_node", [True, False])
def test_ways_meet_where_they_share_a_node_and_nowhere_else(read, every_node):
    nodes = ROW | {6: (3, -1), 7: (3, 1), 8: (2, -1), 9: (2, 1)}
    ways = [(1, [1, 2, 3, 4], STREET), (2, [6, 3, 7], STREET), (3, [8, 9], STREET)]  # 8 - 9 passes over 2
    network = build_network(read(nodes, ways, every_node=every_node))
    assert set(arcs(network)) == {pair for end in (1, 4, 6, 7) for pair in ((3, end), (end, 3))}


def test_a_node_that_the_file_lacks_ends_the_street(read):
    raw = read(
        {1: (1, 0), 2: (2, 0), 4: (4, 0), 5: (5, 0), 6: (6, 0)}, [(1, [1, 2, 3, 4, 5, 6], STREET)], every_node=False
    )
    assert sorted(zip(raw.node_source_id[raw.tail], raw.node_source_id[raw.head], strict=True)) == [(1, 2), (4, 6)]
    assert raw.dropped["nodes_missing"] == 1


def test_a_node_written_twice_in_a_row_is_one(read):
    raw = read(ROW, [(1, [1, 2, 2, 3], STREET), (2, [4, 4], STREET)])
    assert len(raw.tail) == 2
    assert raw.dropped["nodes_repeated"] == 2
    assert raw.dropped["ways_short"] == 1


def test_nodes_in_any_order_and_of_unsaved_edits_are_found(read):
    nodes = {9: (1, 0), 3: (2, 0), -5: (3, 0), 4: (4, 0)}
    raw = read(nodes, [(-1, [9, 3, -5, 4], STREET)])
    assert sorted(raw.node_source_id.tolist()) == [-5, 3, 4, 9]
    assert sorted(np.rint(raw.node_lon / STEP).tolist()) == [1, 2, 3, 4]
    assert "nodes_missing" not in raw.dropped


def test_a_closed_way_survives_on_the_street_that_leads_to_it(read):
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (2, 1), 5: (1, 1)}
    ways = [(1, [1, 2], STREET), (2, [3, 4, 5, 2, 3], STREET)]
    for every_node in (True, False):
        network = build_network(read(nodes, ways, every_node=every_node))
        assert Counter(arcs(network)) == Counter({(1, 2): 7, (2, 1): 7, (2, 2): 7})
        assert network.n_arcs == 4


def test_a_roundabout_goes_one_way_round(read):
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 1), 4: (3, 0), 5: (2, -1), 6: (4, 0)}
    ways = [(1, [1, 2], STREET), (2, [2, 5, 4, 3, 2], STREET | {"junction": "roundabout"}), (3, [4, 6], STREET)]
    network = build_network(read(nodes, ways))
    assert {pair for pair, modes in arcs(network).items() if modes & Mode.NORMAL} == {
        *((1, 2), (2, 1), (4, 6), (6, 4)),
        *((2, 4), (4, 2)),
    }
    drive = (network.arc_modes & Mode.NORMAL) != 0
    around = network.arc_source_id == 2
    assert int((drive & around).sum()) == 2  # the lower half there, the upper half back
    assert int((~drive & around).sum()) == 2  # on foot against it


def barrier_row(read, said, **more):
    """Read a street 1 - 5 with something standing on node 3 in its middle."""
    return read(ROW | {3: (3, 0, said)}, [(1, [1, 2, 3, 4, 5], STREET)], **more)


@pytest.mark.parametrize("every_node", [True, False])
def test_a_bollard_stops_cars_and_lets_walkers_through(read, every_node):
    raw = barrier_row(read, {"barrier": "bollard"}, every_node=every_node)
    network = build_network(raw, merge_chains=False)
    walk, drive = ({pair for pair, modes in arcs(network).items() if modes & mode} for mode in (Mode.FOOT, Mode.NORMAL))
    assert (3, -1) in walk
    assert not any(3 in pair for pair in drive)
    # The pieces that are closed are a metre long on each side, and nothing of the street is lost.
    closed = network.arc_length_m[(network.arc_modes & Mode.NORMAL) == 0]
    assert raw.tail.size == (6 if every_node else 4)
    assert sorted(closed.tolist())[:4] == pytest.approx([1.0] * 4, abs=0.02)
    assert network.arc_length_m[network.arc_drawn].sum() == pytest.approx(4 * 111.195, abs=0.01)
    assert raw.no_merge[raw.node_source_id == 3].all()


def test_both_sides_of_a_barrier_are_reached_when_there_is_a_way_round(read):
    nodes = ROW | {3: (3, 0, {"barrier": "bollard"}), 6: (1, 2), 7: (5, 2)}
    ways = [(1, [1, 2, 3, 4, 5], STREET), (2, [1, 6, 7, 5], STREET)]
    network = build_network(read(nodes, ways))
    drive = (network.arc_modes & Mode.NORMAL) != 0
    # All of the street but 2 m can be driven to and back, from one end or the other.
    driven_m = network.arc_length_m[drive & (network.arc_source_id == 1)].sum() / 2
    assert driven_m == pytest.approx(4 * 111.195 - 2, abs=0.1)
    assert not any(3 in pair for pair, modes in arcs(network).items() if modes & Mode.NORMAL)


@pytest.mark.parametrize(
    ("said", "through"),
    [
        ({"barrier": "gate"}, "NEF"),
        ({"barrier": "gate", "access": "private"}, "E"),
        ({"barrier": "lift_gate", "motor_vehicle": "no"}, "EF"),
        ({"barrier": "block"}, "F"),
        ({"barrier": "bollard", "bollard": "removable"}, "EF"),
        ({"barrier": "cycle_barrier"}, "F"),
        ({"barrier": "toll_booth"}, "NEF"),
        ({"barrier": "kerb", "kerb": "raised"}, "EF"),
    ],
)
def test_who_gets_through_what(read, said, through):
    raw = barrier_row(read, said)
    both = raw.forward_modes & raw.backward_modes
    for letter, mode in (("N", Mode.NORMAL), ("E", Mode.EMERGENCY), ("F", Mode.FOOT)):
        assert bool(((both & mode) != 0).all()) == (letter in through)


@pytest.mark.parametrize("every_node", [True, False])
def test_a_barrier_where_two_ways_meet_end_to_end_stops_too(read, every_node):
    nodes = ROW | {3: (3, 0, {"barrier": "block"})}
    raw = read(nodes, [(1, [1, 2, 3], STREET), (2, [3, 4, 5], STREET)], every_node=every_node)
    network = build_network(raw)
    assert not any(3 in pair for pair, modes in arcs(network).items() if modes & Mode.NORMAL)


def test_a_barrier_where_three_streets_meet_is_counted_and_left_out(read):
    nodes = ROW | {3: (3, 0, {"barrier": "bollard"}), 6: (3, 1)}
    raw = read(nodes, [(1, [1, 2, 3, 4, 5], STREET), (2, [3, 6], {"highway": "footway"})])
    assert raw.dropped["barriers_at_junctions"] == 1
    assert (raw.forward_modes[raw.source_id == 1] == 7).all()


def test_barriers_at_both_ends_of_a_street_and_on_a_short_one(read):
    block = {"barrier": "block"}
    nodes = {1: (0, 0), 2: (1, 0, block), 3: (2, 0, block), 4: (3, 0), 5: (3.02, 0, block), 6: (5, 0)}
    raw = read(nodes, [(1, [1, 2, 3, 4, 5, 6], STREET)])
    lengths = build_network(raw, merge_chains=False).arc_length_m
    assert lengths.min() > 0
    drive = raw.forward_modes & Mode.NORMAL != 0
    pairs = list(zip(raw.node_source_id[raw.tail[drive]], raw.node_source_id[raw.head[drive]], strict=True))
    assert sorted(pairs) == [(-1, -1), (-1, 4), (-1, 6), (1, -1)]


def test_barriers_away_from_streets_do_nothing(read):
    raw = read(ROW | {9: (2, 2, {"barrier": "gate", "access": "no"})}, [(1, [1, 2, 3], STREET)])
    assert len(raw.tail) == 2


CROSS = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (1, 1), 5: (1, -1), 6: (3, 0)}
CROSS_WAYS = [(1, [1, 2], STREET), (2, [2, 3, 6], STREET), (3, [4, 2], STREET), (4, [2, 5], STREET)]


def turn(said, *members):
    return ([(what, ref, role) for what, ref, role in members], said)


FROM_1, VIA_2, TO_3 = ("way", 1, "from"), ("node", 2, "via"), ("way", 3, "to")


@pytest.mark.parametrize("every_node", [True, False])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"restriction": "no_left_turn"}, Restriction.NO),
        ({"restriction": "only_straight_on"}, Restriction.ONLY),
        ({"restriction:motorcar": "no_left_turn"}, Restriction.NO),
        ({"restriction": "no_left_turn", "except": "emergency;psv"}, Restriction.NO),
    ],
)
def test_turn_restrictions_are_kept(read, every_node, said, kind):
    raw = read(CROSS, CROSS_WAYS, [turn(said, FROM_1, VIA_2, TO_3)], every_node=every_node)
    assert raw.turn_kind.tolist() == [kind]
    network = build_network(raw, turns="restrictions")
    ids = network.node_source_id
    closed = set()
    for shut in np.flatnonzero(network.is_turn & ((network.arc_modes & Mode.NORMAL) == 0)).tolist():
        (came,) = np.flatnonzero((network.arc_head == network.arc_tail[shut]) & ~network.is_turn)
        (goes,) = np.flatnonzero((network.arc_tail == network.arc_head[shut]) & ~network.is_turn)
        closed.add((int(ids[network.arc_tail[came]]), int(ids[network.arc_head[goes]])))
    others = {(1, int(end)) for end in ids[network.arc_head[~network.is_turn]] if end not in {2, 4}}
    assert closed == ({(1, 4)} if kind == Restriction.NO else others)


@pytest.mark.parametrize(
    ("said", "members", "reason"),
    [
        ({"restriction": "no_left_turn"}, [FROM_1, ("way", 2, "via"), TO_3], "turns_via_way"),
        ({"restriction": "no_left_turn"}, [FROM_1, TO_3], "turns_unreadable"),
        ({"restriction": "left"}, [FROM_1, VIA_2, TO_3], "turns_unreadable"),
        ({"restriction:hgv": "no_left_turn"}, [FROM_1, VIA_2, TO_3], "turns_not_for_cars"),
        ({"restriction": "no_left_turn", "except": "motorcar"}, [FROM_1, VIA_2, TO_3], "turns_not_for_cars"),
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, [FROM_1, VIA_2, TO_3], "turns_conditional"),
        ({"restriction": "no_left_turn"}, [("way", 99, "from"), VIA_2, TO_3], "turns_incomplete"),
        ({"restriction": "no_left_turn"}, [FROM_1, ("node", 99, "via"), TO_3], "turns_incomplete"),
        ({"restriction": "no_left_turn"}, [("way", 2, "from"), ("node", 3, "via"), TO_3], "turns_incomplete"),
    ],
)
@pytest.mark.parametrize("every_node", [True, False])
def test_turn_restrictions_that_are_left_out_are_counted(read, every_node, said, members, reason):
    raw = read(CROSS, CROSS_WAYS, [turn(said, *members)], every_node=every_node)
    assert len(raw.turn_from) == 0
    assert raw.dropped == {reason: 1}


def test_no_entry_from_several_streets_is_several_restrictions(read):
    said = {"restriction": "no_entry"}
    raw = read(CROSS, CROSS_WAYS, [turn(said, FROM_1, ("way", 4, "from"), VIA_2, TO_3)])
    assert len(raw.turn_from) == 2


def test_a_restriction_beside_a_barrier_keeps_its_street(read):
    nodes = CROSS | {3: (2, 0, {"barrier": "bollard"}), 4: (1, 1, {"barrier": "block"})}
    raw = read(
        nodes, CROSS_WAYS, [turn({"restriction": "no_u_turn"}, ("way", 2, "from"), VIA_2, TO_3)], every_node=False
    )
    assert len(raw.turn_from) == 1
    via = raw.turn_via[0]
    for edge, way in ((raw.turn_from[0], 2), (raw.turn_to[0], 3)):
        assert raw.source_id[edge] == way
        assert via in (raw.tail[edge], raw.head[edge])


def test_a_ferry_goes_as_fast_as_its_duration_says(read):
    raw = read({1: (0, 0), 2: (10, 0), 3: (20, 0)}, [(1, [1, 2, 3], {"route": "ferry", "duration": "00:10"})])
    assert raw.road_class.tolist() == [RoadClass.FERRY] * 2
    assert raw.forward_kmh.tolist() == pytest.approx([20 * 0.111195 * 6] * 2, rel=1e-4)
    raw = read({1: (0, 0), 2: (10, 0)}, [(1, [1, 2], {"route": "ferry", "duration": "a while"})])
    assert math.isnan(raw.forward_kmh[0])
    assert raw.dropped == {"tags_duration_unreadable": 1}


def test_what_is_odd_is_counted(read):
    ways = [
        (1, [1, 2], {"highway": "residential", "maxspeed": "fast"}),
        (2, [2, 3], {"highway": "construction"}),
        (3, [3, 4], {"highway": "mystery"}),
        (4, [4, 5], {"highway": "cycleway"}),
        (5, [1, 5], {"building": "yes"}),
    ]
    assert read(ROW, ways).dropped == {
        "tags_maxspeed_unreadable": 1,
        "ways_not_in_use": 1,
        "ways_no_road_class": 1,
        "ways_no_access": 1,
    }


def test_a_file_without_streets_says_so(read):
    with pytest.raises(OsmFileError, match=r"drawn\.osm: holds no street"):
        read(ROW, [(1, [1, 2], {"waterway": "river"})])
    with pytest.raises(OsmFileError, match="holds no node of its streets"):
        read(ROW, [(1, [8, 9], STREET)])
    with pytest.raises(OsmFileError, match="holds no street with two nodes"):
        read(ROW, [(1, [1, 9], STREET)])


@pytest.mark.parametrize("name", ["roads.shp", "roads.pbf.txt", "roads"])
def test_another_suffix_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(OsmFileError, match=r"ends in none of \.osm\.pbf"):
        read_osm(tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "folder.osm").mkdir()
    for name in ("none.osm.pbf", "folder.osm"):
        with pytest.raises(OsmFileError, match="no such file"):
            read_osm(tmp_path / name)


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz", ".osm.bz2"])
def test_random_bytes_and_nothing_are_refused(tmp_path, suffix):
    file = tmp_path / f"broken{suffix}"
    noise = random.Random(1)
    for size in (0, 1, 4, 100, 10_000):
        file.write_bytes(noise.randbytes(size))
        with pytest.raises(OsmFileError, match=r"broken\.osm"):
            read_osm(file)


def test_a_position_that_is_none_is_left_out_like_a_missing_node(tmp_path):
    file = tmp_path / "drawn.osm"
    text = xml(ROW, [(1, [1, 2, 3], STREET)])
    file.write_text(text.replace('lat="0.0000000"', 'lat="95.0"', 1), "utf-8")
    raw = read_osm(file)
    assert raw.node_source_id.tolist() == [2, 3]
    assert raw.dropped == {"nodes_missing": 1}


def test_a_name_that_is_no_utf8_is_refused(tmp_path):
    file = tmp_path / "drawn.osm"
    file.write_bytes(xml(ROW, [(1, [1, 2], STREET | {"name": "@@"})]).encode().replace(b"@@", b"\xff\xfe"))
    with pytest.raises(OsmFileError, match=r"drawn\.osm"):
        read_osm(file)


def test_progress_is_told(read):
    told = []
    read(ROW, [(1, [1, 2], STREET)], progress=lambda step, share: told.append((step, share)))
    assert [step for step, _ in itertools.groupby(step for step, _ in told)] == [
        "read ways",
        "read nodes",
        "cut into streets",
    ]
    assert all(0 <= share <= 1 for _, share in told)


REAL = [
    "porto.osm.pbf",
    "liechtenstein.osm.pbf",
    "manhattan_roads_2019.osm.pbf",
    "andorra.osm.pbf",
    "krems.osm.gz",
    "tsinghua.osm",
]


@pytest.mark.parametrize(
    "name", ["liechtenstein.osm.pbf", "krems.osm.gz", "tsinghua.osm", "krems.osm.bz2", "krems.osm"]
)
def test_a_real_file_cut_anywhere_is_refused(data, tmp_path, name):
    real = data / "osm" / name
    if real.exists():
        content = real.read_bytes()
    else:
        plain = gzip.decompress((data / "osm" / "krems.osm.gz").read_bytes())
        content = bz2.compress(plain) if name.endswith("bz2") else plain
    file = tmp_path / name
    for share in (0.0, 0.001, 0.1, 0.5, 0.9, 0.99):
        file.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(OsmFileError, match=name.partition(".")[0]):
            read_osm(file)
    file.write_bytes(content[:-1])
    with contextlib.suppress(OsmFileError):  # the last byte of a text file may be a line's end
        read_osm(file)


def test_a_real_file_with_bytes_changed_is_read_or_refused(data, tmp_path):
    content = (data / "osm" / "andorra.osm.pbf").read_bytes()
    noise = random.Random(3)
    file = tmp_path / "changed.osm.pbf"
    for _ in range(12):
        changed = bytearray(content)
        for _ in range(20):
            changed[noise.randrange(len(changed))] = noise.randrange(256)
        file.write_bytes(changed)
        with pytest.raises(OsmFileError):
            read_osm(file)


@pytest.fixture(scope="module")
def porto(data):
    return read_osm(data / "osm" / "porto.osm.pbf")


def test_porto_holds_the_segments_that_osmium_counts(data, porto):
    """Every drawn segment of the ways that were taken, and no other, is an edge or a piece of one."""
    taken, segments = set(porto.source_id.tolist()), 0
    ways = osmium.FileProcessor(str(data / "osm" / "porto.osm.pbf"), osmium.osm.WAY)
    for way in ways.with_filter(osmium.filter.KeyFilter("highway", "route")):
        if way.id in taken:
            segments += sum(a.ref != b.ref for a, b in itertools.pairwise(way.nodes))
    made = int((porto.node_source_id < 0).sum())
    assert len(porto.tail) == segments + made


def test_porto_is_as_large_as_counted_by_others(porto):
    """Others count 260,882 nodes and 499,793 arcs; with our rules and without tracks it is within 4 % of that."""
    network = build_network(porto, merge_chains=False)
    drive = ((network.arc_modes & Mode.NORMAL) != 0) & (network.arc_class != RoadClass.TRACK)
    assert int(drive.sum()) == pytest.approx(499_793, rel=0.04)
    assert len(np.unique(network.arc_tail[drive])) == pytest.approx(260_882, rel=0.04)


@pytest.mark.parametrize("name", REAL)
def test_real_files_build_alike_with_every_node_and_with_junctions_only(data, name):
    file = data / "osm" / name
    full, lean = build_network(read_osm(file)), build_network(read_osm(file, every_node=False))
    for one, other in ((full.n_nodes, lean.n_nodes), (full.n_arcs, lean.n_arcs)):
        assert one == pytest.approx(other, rel=1e-3)
    assert full.meta["report"]["km"] == pytest.approx(lean.meta["report"]["km"], rel=1e-6)


def test_the_same_file_gives_the_same_checksum(data):
    file = data / "osm" / "andorra.osm.pbf"
    assert build_network(read_osm(file)).checksum == build_network(read_osm(file)).checksum


def test_the_same_map_in_every_format_gives_the_same_network(data, tmp_path):
    plain = gzip.decompress((data / "osm" / "krems.osm.gz").read_bytes())
    (tmp_path / "krems.osm").write_bytes(plain)
    (tmp_path / "krems.osm.bz2").write_bytes(bz2.compress(plain))
    shutil.copy(data / "osm" / "krems.osm.gz", tmp_path / "krems.osm.gz")
    with osmium.SimpleWriter(str(tmp_path / "krems.osm.pbf")) as writer:
        for found in osmium.FileProcessor(str(tmp_path / "krems.osm")):
            writer.add(found)
    sums = {build_network(read_osm(file)).checksum for file in tmp_path.iterdir()}
    assert len(sums) == 1


def test_chinese_names_are_read(data):
    network = build_network(read_osm(data / "osm" / "tsinghua.osm"))
    names = {network.name_zh(arc) for arc in range(network.n_arcs)}
    assert {"成府路", "光华路"} <= names


@pytest.mark.parametrize("every_node", [True, False])
@pytest.mark.parametrize(
    ("said", "there", "back"),
    [
        ({"highway": "traffic_signals"}, NodeKind.SIGNALS, NodeKind.SIGNALS),
        ({"highway": "traffic_signals", "traffic_signals:direction": "forward"}, NodeKind.SIGNALS, NodeKind.NONE),
        ({"highway": "stop", "direction": "backward"}, NodeKind.NONE, NodeKind.STOP),
        ({"highway": "give_way", "direction": "both"}, NodeKind.GIVE_WAY, NodeKind.GIVE_WAY),
        ({"highway": "crossing", "crossing": "traffic_signals"}, NodeKind.CROSSING, NodeKind.CROSSING),
        ({"railway": "level_crossing"}, NodeKind.LEVEL_CROSSING, NodeKind.LEVEL_CROSSING),
        ({"highway": "mini_roundabout"}, NodeKind.MINI_ROUNDABOUT, NodeKind.MINI_ROUNDABOUT),
    ],
)
@pytest.mark.parametrize("refs", [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]])
def test_what_stands_at_a_node_is_met_by_those_whom_it_concerns(read, every_node, said, there, back, refs):
    raw = read(ROW | {3: (3, 0, said)}, [(1, refs, STREET)], every_node=every_node)
    network = build_network(raw)
    assert network.n_nodes == 3  # not merged away
    ids = network.node_source_id
    met = {
        (int(ids[tail]), int(ids[head])): control
        for tail, head, control in zip(network.arc_tail, network.arc_head, network.arc_control.tolist(), strict=True)
    }
    assert met == {
        (refs[0], 3): there,
        (refs[-1], 3): back,
        (3, 1): NodeKind.NONE,
        (3, 5): NodeKind.NONE,
    }


def test_a_crossing_without_signals_is_nothing_to_wait_at(read):
    raw = read(ROW | {3: (3, 0, {"highway": "crossing", "crossing": "marked"})}, [(1, [1, 2, 3, 4, 5], STREET)])
    assert build_network(raw).n_nodes == 2


@pytest.mark.parametrize(("junction", "around"), [("roundabout", True), ("circular", True), ("jughandle", False)])
def test_roundabouts_are_known(read, junction, around):
    raw = read(ROW, [(1, [1, 2], STREET), (2, [2, 3], STREET | {"junction": junction})])
    assert raw.roundabout.tolist() == [False, around]
