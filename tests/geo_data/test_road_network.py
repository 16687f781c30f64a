"""The file: what is written is read back, and nothing else passes for it."""

import dataclasses
import random
import struct

import msgpack
import numpy as np
import pytest

from geo_data.array_file import checksum_of
from geo_data.building import build_network
from geo_data.road_network import FORMAT_VERSION, MAGIC, RoadFileError, RoadNetwork
from tests.support.raw_streets import Edge, random_roads, raw_roads

ARRAYS = [f.name for f in dataclasses.fields(RoadNetwork) if f.name not in ("meta", "checksum")]


@pytest.fixture(scope="module")
def network():
    names = [("长安街", "长安街"), ("High Street", "")]
    raw = random_roads(7, 14, 40)
    raw.names, raw.names_zh = [name for name, _ in names], [name_zh for _, name_zh in names]
    raw.name[:] = np.arange(len(raw.name)) % 3 - 1
    return build_network(raw)


@pytest.fixture
def file(network, tmp_path):
    network.save(tmp_path / "roads.apn")
    return tmp_path / "roads.apn"


def test_what_is_saved_is_loaded(network, file):
    loaded = RoadNetwork.load(file, verify=True)
    for name in ARRAYS:
        before, after = getattr(network, name), getattr(loaded, name)
        assert (before.dtype, before.shape) == (after.dtype, after.shape), name
        np.testing.assert_array_equal(before, after, err_msg=name)
    assert loaded.meta == network.meta
    assert loaded.checksum == network.checksum == checksum_of({name: getattr(loaded, name) for name in ARRAYS})
    assert {loaded.name(arc) for arc in range(loaded.n_arcs)} == {"", "长安街", "High Street"}
    assert {loaded.name_zh(arc) for arc in range(loaded.n_arcs)} == {"", "长安街"}
    assert loaded.bounds() == network.bounds()


def test_a_network_without_names_and_turns_survives_too(tmp_path):
    network = build_network(raw_roads([(0, 0), (0.001, 0)], [Edge(0, 1)]))
    network.save(tmp_path / "roads.apn")
    loaded = RoadNetwork.load(tmp_path / "roads.apn", verify=True)
    assert loaded.name(0) == ""
    assert not loaded.is_turn.any()


def test_it_is_mapped_and_cannot_be_written_to(file):
    loaded = RoadNetwork.load(file)
    with pytest.raises(ValueError, match="read-only"):
        loaded.arc_length_m[0] = 1.0


def test_every_array_begins_at_a_multiple_of_64_bytes(file):
    content = file.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    assert all(entry["offset"] % 64 == 0 for entry in msgpack.unpackb(content[16 : 16 + length])["arrays"])


def test_saving_replaces_the_old_file_and_leaves_nothing_beside_it(network, file):
    network.save(file)
    assert [entry.name for entry in file.parent.iterdir()] == ["roads.apn"]


def test_saving_that_fails_leaves_the_old_file(network, file):
    before = file.read_bytes()
    broken = dataclasses.replace(network, meta={"report": object()})
    with pytest.raises(TypeError):
        broken.save(file)
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == ["roads.apn"]


def test_a_file_cut_anywhere_is_refused(file):
    content = file.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    last = max(
        entry["offset"] + np.dtype(entry["dtype"]).itemsize * int(np.prod(entry["shape"]))
        for entry in msgpack.unpackb(content[16 : 16 + length])["arrays"]
    )
    data_end = -(-(16 + length) // 64) * 64 + last
    places = {0, 1, 7, 8, 12, 15, 16, 17, 16 + length // 2, 16 + length - 1, 16 + length, data_end - 1}
    places |= set(range(0, data_end, max(1, data_end // 60)))
    for place in sorted(places):
        file.write_bytes(content[:place])
        with pytest.raises(RoadFileError, match=r"roads\.apn"):
            RoadNetwork.load(file)


def test_another_kind_of_file_is_refused(tmp_path):
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"\xff\xd8\xff\xe0" * 100)
    with pytest.raises(RoadFileError, match="not a road network"):
        RoadNetwork.load(other)


def test_another_version_is_refused_by_its_number(file):
    content = bytearray(file.read_bytes())
    content[8:12] = struct.pack("<I", FORMAT_VERSION + 1)
    file.write_bytes(content)
    with pytest.raises(
        RoadFileError, match=f"format version {FORMAT_VERSION + 1}; this program reads {FORMAT_VERSION}"
    ):
        RoadNetwork.load(file)


def test_a_header_that_is_too_long_is_refused_unread(tmp_path):
    file = tmp_path / "roads.apn"
    file.write_bytes(MAGIC + struct.pack("<II", FORMAT_VERSION, 2**31) + b"\0" * 64)
    with pytest.raises(RoadFileError, match="header of 2147483648 bytes; limit"):
        RoadNetwork.load(file)


def test_a_flipped_bit_is_found_when_asked_for(file):
    content = bytearray(file.read_bytes())
    content[-20] ^= 4
    file.write_bytes(content)
    with pytest.raises(RoadFileError, match="do not match the checksum"):
        RoadNetwork.load(file, verify=True)


def test_a_header_without_an_array_is_refused(network, file):
    content = file.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    header = msgpack.unpackb(content[16 : 16 + length])
    header["arrays"] = [entry for entry in header["arrays"] if entry["name"] != "arc_head"]
    packed = msgpack.packb(header)
    start = -(-(16 + len(packed)) // 64) * 64
    prefix = (content[:12] + struct.pack("<I", len(packed)) + packed).ljust(start, b"\0")
    file.write_bytes(prefix + content[-(-(16 + length) // 64) * 64 :])
    with pytest.raises(RoadFileError, match="lacks the arrays arc_head"):
        RoadNetwork.load(file)


@pytest.mark.parametrize(
    "change",
    [{"dtype": "nonsense"}, {"offset": -64}, {"offset": "x"}, {"shape": [-1]}, {"shape": [2**62, 4]}, {"dtype": "<f4"}],
)
def test_a_header_that_lies_is_refused(file, change):
    content = file.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    header = msgpack.unpackb(content[16 : 16 + length])
    header["arrays"][0] |= change
    packed = msgpack.packb(header)
    start = -(-(16 + len(packed)) // 64) * 64
    prefix = (content[:12] + struct.pack("<I", len(packed)) + packed).ljust(start, b"\0")
    file.write_bytes(prefix + content[-(-(16 + length) // 64) * 64 :])
    with pytest.raises(RoadFileError):
        RoadNetwork.load(file)


def test_a_header_with_any_bytes_changed_is_read_or_refused(file):
    content = file.read_bytes()
    (length,) = struct.unpack("<I", content[12:16])
    noise = random.Random(5)
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(noise.randint(1, 3)):
            changed[noise.randrange(16 + length)] = noise.randrange(256)
        file.write_bytes(changed)
        try:
            RoadNetwork.load(file)
        except RoadFileError:
            refused += 1
    assert refused
