"""Mutated frames at a session: no exception, every refusal named, every answer a frame.

``python -m tests.intake.jt808.fuzz 200000`` is the longer mode.
"""

import random
import sys
from collections import Counter
from functools import reduce
from operator import xor

from engine.core.city_devices import Device
from engine.intake.jt808.frames import MOST_BODY, Packet, Splitter, decode, encode, escape, unescape
from engine.intake.jt808.limits import Limits
from engine.intake.jt808.messages import NUMBERS, AskAgain
from engine.intake.jt808.session import Session
from tests.support.jt808_frames import ALL, packet

CODES = frozenset(
    (
        "bad_checksum",
        "bad_escape",
        "encrypted",
        "incomplete",
        "not_authenticated",
        "not_framed",
        "not_registered",
        "not_yours",
        "out_of_range",
        "too_big",
        "too_many",
        "too_short",
        "unknown_device",
        "unsupported",
        "wrong_code",
        "wrong_length",
    )
)
_FRAMES = tuple(bytes.fromhex(text) for text in ALL)
_PACKETS = tuple(packet(text) for text in ALL)
_DEVICES = {
    number: Device(id=number, protocol="jt808", unit="P1", secret="17299841738", terminal_id="7654321")
    for number in {whole.terminal for whole in _PACKETS}
}


def _changed(rng: random.Random, content: bytearray) -> bytearray:
    """Return bytes with a few of them changed, lost or added."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content)) if content else 0
        match rng.randrange(4):
            case 0:
                content[place : place + 1] = rng.randbytes(1)
            case 1 if content:
                content[place] ^= 1 << rng.randrange(8)
            case 2:
                del content[place : place + rng.randint(1, 8)]
            case _:
                content[place:place] = rng.randbytes(rng.randint(1, 8))
    return content


def _mutated_body(rng: random.Random, terminal: str) -> bytes:
    """Return a good frame of a terminal around a body that is not, sometimes as one of several."""
    whole = rng.choice(_PACKETS)
    parts = rng.randint(1, 80) if rng.random() < 0.1 else 1
    packet = Packet(
        message=whole.message,
        terminal=terminal if rng.random() < 0.9 else whole.terminal,
        serial=rng.randrange(65_536),
        body=bytes(_changed(rng, bytearray(whole.body)))[:MOST_BODY],
        edition=2019 if len(terminal) > 12 else whole.edition,
        parts=parts,
        part=rng.randint(1, parts),
    )
    return encode(packet)


def _lossy_parts(rng: random.Random, terminal: str) -> bytes:
    """Return a good message in several frames of which some are lost and some repeated, in any order."""
    whole = rng.choice(_PACKETS)
    parts, serial = rng.randint(2, 8), rng.randrange(65_536)
    size = -(-len(whole.body) // parts)
    frames = [
        encode(
            Packet(
                message=whole.message,
                terminal=terminal,
                serial=(serial + number) % 65_536,
                body=whole.body[size * number : size * (number + 1)],
                edition=2019 if len(terminal) > 12 else whole.edition,
                parts=parts,
                part=number + 1,
            )
        )
        for number in range(parts)
    ]
    return b"".join(rng.choices(frames, k=rng.randint(1, 2 * parts)))


def _mutated_frame(rng: random.Random) -> bytes:
    """Return a frame that is changed anywhere, mostly with a checksum that is right."""
    content = _changed(rng, bytearray(unescape(rng.choice(_FRAMES)[1:-1]))) or bytearray(1)
    if rng.random() < 0.75:
        content[-1] = 0
        content[-1] = reduce(xor, content)
    return bytes((0x7E,)) + escape(bytes(content)) + bytes((0x7E,))


def _mutated(rng: random.Random, terminal: str) -> bytes:
    """Return bytes for the wire."""
    kind = rng.random()
    if kind < 0.03:
        return _lossy_parts(rng, terminal)
    if kind < 0.5:
        return _mutated_body(rng, terminal)
    if kind < 0.9:
        return _mutated_frame(rng)
    if kind < 0.91:
        return rng.randbytes(6_000)
    return bytes(_changed(rng, bytearray(rng.choice(_FRAMES))))


def fuzz(frames: int, seed: int) -> Counter[str]:
    """Send mutated frames to sessions, some of them authenticated; return what came of them."""
    rng, devices = random.Random(seed), sorted(_DEVICES.values(), key=lambda device: device.id)
    came: Counter[str] = Counter()

    def refused(refusal):
        assert refusal.code in CODES, refusal
        assert refusal.field
        came[refusal.code] += 1

    def session():
        made = Session(_DEVICES.get, refused, limits=Limits(errors=1_000, gathered=rng.randint(0, 4), part_bytes=2_000))
        if rng.random() < 0.7:
            made.device = rng.choice(devices)
        return made

    current = session()
    for number in range(frames):
        terminal = (current.device or rng.choice(devices)).id
        heard = current.receive(_mutated(rng, terminal), number * 1_000.0)
        came["heard"] += len(heard)
        for framed in Splitter().feed(current.take()):
            asks = decode(framed).message == NUMBERS[AskAgain]
            came["asks" if asks else "answers"] += 1
        if current.closing or rng.random() < 0.02:
            current = session()
    return came


if __name__ == "__main__":
    for what, count in sorted(fuzz(int(sys.argv[1]), seed=1).items()):
        print(f"{what:20}{count:10}")
