"""How deep a frame nests, told without parsing it and without recursion.

The quick way out comes first: nesting of d levels needs d opening bytes, and most frames have fewer.
"""

import re

# Every quantifier is possessive and the closing quote optional, so that a hostile text costs one pass and no more.
_JSON_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_PAIR = re.compile(rb"\[\]|\{\}")

_NOT_OPENING = bytes(byte for byte in range(256) if not (0x80 <= byte <= 0x9F or 0xDC <= byte <= 0xDF))


def json_depth_within(frame: bytes, most: int) -> bool:
    """Tell whether objects and lists of a JSON text nest at most ``most`` levels."""
    if frame.count(b"{") + frame.count(b"[") <= most:
        return True
    brackets = _JSON_TEXT.sub(b"", frame).translate(None, _NOT_BRACKETS)
    for _ in range(most):
        brackets = _PAIR.sub(b"", brackets)
        if not brackets:
            return True
    # A few brackets that never close are no depth but malformed, and the decoder says so better.
    return _PAIR.search(brackets) is None and brackets.count(b"{") + brackets.count(b"[") <= most


# For each first byte of a MessagePack value: bytes of payload, bytes of a length that follows, or children.
_FIXED: dict[int, int] = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2, 0xC3), 0),
    0xCA: 4, 0xCB: 8,
    0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
_SIZED: dict[int, tuple[int, int]] = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0),
    0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),
}  # fmt: skip
_LISTED: dict[int, tuple[int, int]] = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


def msgpack_depth_within(frame: bytes, most: int) -> bool:
    """Tell whether maps and arrays of a MessagePack value nest at most ``most`` levels."""
    if len(frame.translate(None, _NOT_OPENING)) <= most:
        return True
    waiting: list[int] = [1]
    """Values still to come, by level."""
    at, end = 0, len(frame)
    while waiting and at < end:
        if not waiting[-1]:
            waiting.pop()
            continue
        waiting[-1] -= 1
        first = frame[at]
        at += 1
        if first < 0x80 or first >= 0xE0:
            continue
        if 0xA0 <= first <= 0xBF:
            at += first & 0x1F
            continue
        if first in _FIXED:
            at += _FIXED[first]
            continue
        if first in _SIZED:
            width, more = _SIZED[first]
            at += width + more + int.from_bytes(frame[at : at + width], "big")
            continue
        # The outermost entry of ``waiting`` is the frame itself, which is no level.
        if len(waiting) > most:
            return False
        if first <= 0x8F:
            waiting.append(2 * (first & 0x0F))
        elif first <= 0x9F:
            waiting.append(first & 0x0F)
        else:
            width, per_entry = _LISTED[first]
            waiting.append(per_entry * int.from_bytes(frame[at : at + width], "big"))
            at += width
    return True
