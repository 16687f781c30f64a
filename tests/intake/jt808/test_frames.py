"""The envelope: real frames, round trips, and every way in which a frame can be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.jt808.frames import LONGEST_FRAME, MOST_BODY, Packet, Splitter, decode, encode, escape, unescape
from engine.model.errors import Refusal
from tests.support.jt808_frames import ALL, GO_PART, GO_REGISTER_2019, TRACCAR_HEARTBEAT_AND_MORE, packet


@st.composite
def packets(draw):
    edition = draw(st.sampled_from((2013, 2019)))
    number = draw(st.integers(1, 10 ** (12 if edition == 2013 else 20) - 1))
    parts = draw(st.integers(1, 65_535))
    return Packet(
        message=draw(st.integers(0, 65_535)),
        terminal=str(number),
        serial=draw(st.integers(0, 65_535)),
        body=draw(st.binary(max_size=MOST_BODY)),
        edition=edition,
        protocol=draw(st.integers(0, 255)) if edition == 2019 else 1,
        parts=parts,
        part=draw(st.integers(1, parts)),
    )


@pytest.mark.parametrize("text", ALL)
def test_frames_of_other_projects_are_read_and_written_byte_by_byte(text):
    assert encode(packet(text)) == bytes.fromhex(text)


def test_both_headers_and_parts():
    old, new, part = packet(TRACCAR_HEARTBEAT_AND_MORE), packet(GO_REGISTER_2019), packet(GO_PART)
    assert (old.message, old.edition, old.terminal, old.serial, old.body) == (0x0002, 2013, "43048325465", 0xB7, b"")
    assert (new.message, new.edition, new.protocol, new.terminal, len(new.body)) == (0x0100, 2019, 1, "17299841738", 83)
    assert (part.message, part.parts, part.part, part.body.hex()) == (0x0801, 26, 2, "2808000102")


@given(packets())
def test_what_is_written_is_read(sent):
    framed = encode(sent)
    assert framed.count(b"\x7e") == 2
    assert len(framed) - 2 <= LONGEST_FRAME
    (found,) = Splitter().feed(framed)
    assert decode(found) == sent


@given(st.binary(max_size=200))
def test_escapes_go_both_ways(content):
    assert unescape(escape(content)) == content
    assert b"\x7e" not in escape(content)


def test_the_standards_example_of_an_escape():
    assert escape(bytes.fromhex("307e087d55")) == bytes.fromhex("307d02087d0155")


@given(st.lists(packets(), min_size=1, max_size=4), st.data())
def test_frames_are_found_however_the_network_cuts_them(sent, data):
    stream = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    splitter, found = Splitter(), []
    for begin, end in zip((0, *cuts), (*cuts, len(stream)), strict=True):
        found += splitter.feed(stream[begin:end])
    assert [decode(framed) for framed in found] == sent


def test_one_flag_between_two_frames_is_enough():
    sent = [Packet(message=2, terminal="1", serial=serial) for serial in range(3)]
    stream = encode(sent[0]) + b"".join(encode(each)[1:] for each in sent[1:])
    assert [decode(framed) for framed in Splitter().feed(stream)] == sent


def test_bytes_before_the_first_flag_are_named_and_the_frame_is_read():
    sent = Packet(message=2, terminal="1", serial=0)
    junk, framed = Splitter().feed(b"GET / HTTP/1.1\r\n" + encode(sent))
    assert isinstance(junk, Refusal)
    assert junk.code == "not_framed"
    assert decode(framed) == sent


def test_a_frame_without_end_is_given_up_and_costs_bounded_memory():
    splitter = Splitter()
    found = [each for _ in range(1_000) for each in splitter.feed(b"\x7e"[: _ == 0] + b"a" * 1_000)]
    assert [(refusal.code, refusal.field) for refusal in found] == [("too_big", "frame")]
    assert len(splitter._buffer) <= LONGEST_FRAME
    sent = Packet(message=2, terminal="1", serial=0)
    assert [decode(framed) for framed in splitter.feed(encode(sent))] == [sent]


def broken(change):
    """Return a frame's content after a change, with its checksum set right."""
    content = bytearray(unescape(encode(Packet(message=2, terminal="1", serial=0, body=b"abc"))[1:-1])[:-1])
    change(content)
    total = 0
    for byte in content:
        total ^= byte
    return escape(bytes(content) + bytes((total,)))


def setting(index, value):
    return lambda content: content.__setitem__(index, value)


@pytest.mark.parametrize(
    ("framed", "code", "field"),
    [
        (b"\x7d", "bad_escape", "frame"),
        (b"a\x7d\x03b", "bad_escape", "frame"),
        (b"abc", "too_short", "frame"),
        (encode(Packet(message=2, terminal="1", serial=0))[1:-2] + b"\x00", "bad_checksum", "checksum"),
        (broken(setting(2, 0x04)), "encrypted", "properties.encryption"),
        (broken(setting(3, 4)), "wrong_length", "properties.length"),
        (broken(setting(2, 0x40)), "wrong_length", "properties.length"),
        (broken(lambda content: content.extend(b"more")), "wrong_length", "properties.length"),
    ],
)
def test_what_is_wrong_with_a_frame_has_a_name(framed, code, field):
    with pytest.raises(Refusal) as refused:
        decode(framed)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(("parts", "part"), [(0, 0), (2, 0), (2, 3)])
def test_a_part_is_one_of_its_parts(parts, part):
    sent = Packet(message=2, terminal="1", serial=0, parts=2, part=1)
    content = bytearray(unescape(encode(sent)[1:-1]))
    content[-1] ^= content[-4] ^ content[-2] ^ parts ^ part
    content[-4], content[-2] = parts, part
    with pytest.raises(Refusal, match="out_of_range"):
        decode(escape(bytes(content)))


@pytest.mark.parametrize(
    "sent",
    [
        Packet(message=2, terminal="1", serial=0, body=bytes(MOST_BODY + 1)),
        Packet(message=2, terminal="1" * 13, serial=0),
        Packet(message=2, terminal="1" * 21, serial=0, edition=2019),
    ],
)
def test_what_no_frame_holds_is_not_written(sent):
    with pytest.raises(Refusal):
        encode(sent)
