"""Messages in several frames of which some are lost: asked for in the standard's bytes, completed, or dropped."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.city_devices import Device
from engine.intake.jt808 import messages as m
from engine.intake.jt808.frames import Packet, Splitter, decode, encode
from engine.intake.jt808.limits import Limits
from engine.intake.jt808.session import Came, Session

CAR = Device(id="13900000001", protocol="jt808", unit="P1", secret="right")
ASKING_MS, GATHERING_MS = Limits().asking_ms, Limits().gathering_ms


class Line:
    """A session of a terminal that is believed, and what it was told."""

    def __init__(self, edition=2013, **limits):
        self.edition = edition
        self.refusals = []
        self.session = Session({CAR.id: CAR}.get, self.refusals.append, limits=Limits(**limits))
        self.session.device = CAR
        self.told = Splitter()

    def frames(self, message, count, serial=0):
        """Return a message in so many frames, the first of which has that serial."""
        body = m.write(message, self.edition)
        size = -(-len(body) // count)
        return [
            encode(
                Packet(
                    message=m.NUMBERS[type(message)],
                    terminal=CAR.id,
                    serial=(serial + number) % 65_536,
                    body=body[size * number : size * (number + 1)],
                    edition=self.edition,
                    parts=count,
                    part=number + 1,
                )
            )
            for number in range(count)
        ]

    def asked(self):
        """Return the bodies of what we asked for, in hex digits, and forget all else that we said."""
        packets = map(decode, self.told.feed(self.session.take()))
        return [packet.body.hex() for packet in packets if packet.message == 0x8003]


def batch(count):
    return m.Batch(locations=tuple(m.Location(lon=113.0, lat=36.5 + at / 100, at=None) for at in range(count)))


@pytest.mark.parametrize(("edition", "count"), [(2013, "02"), (2019, "0002")])
def test_missing_frames_are_asked_for_by_the_first_serial_once_nothing_more_comes(edition, count):
    line = Line(edition)
    one, _, three, _ = frames = line.frames(batch(4), 4, serial=0x1233)
    line.session.receive(one, 0.0)
    line.session.receive(three, 4_000.0)
    assert line.session.due_ms == 4_000.0 + ASKING_MS
    line.session.tick(line.session.due_ms - 1)
    assert line.asked() == []
    line.session.tick(line.session.due_ms)
    assert line.asked() == ["1233" + count + "00020004"]
    assert line.session.receive(frames[3], 15_000.0) == []
    ((came,),) = (line.session.receive(frames[1], 15_001.0),)
    assert came.locations == batch(4).locations
    assert line.session.due_ms == math.inf
    assert not line.refusals


def test_a_first_frame_that_is_lost_is_known_by_the_others_across_the_turn_of_serials():
    line = Line()
    frames = line.frames(batch(3), 3, serial=0xFFFF)
    for frame in frames[1:]:
        line.session.receive(frame, 0.0)
    line.session.tick(ASKING_MS)
    assert line.asked() == ["ffff010001"]
    assert [type(heard) for heard in line.session.receive(frames[0], ASKING_MS + 1.0)] == [Came]


def test_it_is_asked_for_twice_and_then_dropped_in_time():
    line = Line()
    line.session.receive(line.frames(batch(2), 2)[0], 0.0)
    dues = []
    while line.session.due_ms < math.inf:
        dues.append(line.session.due_ms)
        line.session.tick(dues[-1])
    assert dues == [ASKING_MS, 2 * ASKING_MS, GATHERING_MS]
    assert line.asked() == ["0000010002"] * 2
    assert [(refusal.code, refusal.value) for refusal in line.refusals] == [("incomplete", "1")]


def test_a_terminal_that_says_other_things_meanwhile_is_asked_all_the_same():
    line = Line()
    line.session.receive(line.frames(batch(2), 2)[0], 0.0)
    beat = encode(Packet(message=m.NUMBERS[m.Heartbeat], terminal=CAR.id, serial=9))
    for now_ms in range(0, GATHERING_MS, 1_000):
        line.session.receive(beat, float(now_ms))
    assert line.asked() == ["0000010002"] * 2


def test_each_of_two_messages_is_asked_for_by_its_own_serial():
    line = Line()
    line.session.receive(line.frames(batch(2), 2, serial=5)[0], 0.0)
    line.session.receive(line.frames(batch(3), 3, serial=7)[1], 500.0)
    line.session.tick(ASKING_MS)
    assert line.asked() == ["0005010002"]
    line.session.tick(ASKING_MS + 500.0)
    assert line.asked() == ["00070200010003"]


def test_what_a_second_request_brings_after_the_message_is_whole_is_answered_and_begins_nothing():
    line = Line()
    one, two, three = line.frames(batch(3), 3)
    line.session.receive(one, 0.0)
    for _ in range(2):
        line.session.tick(line.session.due_ms)
    assert line.asked() == ["00000200020003"] * 2
    heard = [line.session.receive(frame, 21_000.0) for frame in (two, three, two, three)]
    assert [len(found) for found in heard] == [0, 1, 0, 0]
    assert [decode(framed).message for framed in line.told.feed(line.session.take())] == [0x8001] * 3
    assert line.session.due_ms == math.inf
    # The same serials are another message once that time is over.
    late = 21_000.0 + GATHERING_MS
    assert [len(line.session.receive(frame, late)) for frame in (one, two, three)] == [0, 0, 1]


@given(
    edition=st.sampled_from([2013, 2019]),
    count=st.integers(2, 64),
    serial=st.integers(0, 65_535),
    data=st.data(),
)
def test_whatever_is_lost_and_however_it_is_repeated_the_message_comes_whole(edition, count, serial, data):
    """One frame at least is heard; each request may be answered in part, in any order, with frames that are known."""
    line = Line(edition)
    sent = batch(count)
    frames = line.frames(sent, count, serial)
    numbers = range(count)
    heard = set(data.draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=count - 1, unique=True)))
    came = [one for number in sorted(heard) for one in line.session.receive(frames[number], 0.0)]
    for attempt in (1, 2):
        if came:
            break
        now_ms = line.session.due_ms
        line.session.tick(now_ms)
        lost = [number for number in numbers if number not in heard]
        counted = f"{len(lost):0{2 if edition == 2013 else 4}x}"
        assert line.asked() == [f"{serial:04x}{counted}" + "".join(f"{number + 1:04x}" for number in lost)]
        repeats = data.draw(st.permutations(lost))
        if attempt == 1:
            repeats = repeats[: data.draw(st.integers(0, len(lost)))]
        repeats += data.draw(st.lists(st.sampled_from(sorted(heard)), max_size=3))
        for number in repeats:
            came += line.session.receive(frames[number], now_ms + 1.0)
            heard.add(number)
            if came:
                break
    assert [one.locations for one in came] == [sent.locations]
    assert line.session.due_ms == math.inf
    assert not line.refusals
