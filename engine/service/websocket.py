"""A WebSocket that hands its messages on as they come, with no task that waits for them.

`websockets` does everything that is rare or delicate: the handshake, control frames, fragments, closing, whatever is
against the standard. What nearly all of the traffic consists of, a whole message in one masked frame, is unmasked and
handed on here, and messages to the client are framed here: that is most of what a message costs. The library's parser
is only ever given whole frames, so that it stands between two frames whenever one is taken past it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import OPEN, Event

try:
    from websockets.speedups import apply_mask
except ImportError:  # the same in Python, where the package was built without a compiler
    from websockets.utils import apply_mask

_WHOLE_TEXT, _WHOLE_BINARY = 0x80 | Opcode.TEXT, 0x80 | Opcode.BINARY
_WHOLE = (_WHOLE_BINARY, _WHOLE_TEXT)
_MASKED, _SIZE = 0x80, 0x7F
_SIZE_IN_2, _SIZE_IN_8 = 126, 127
_END_OF_REQUEST = b"\r\n\r\n"


class FrameSocket(ServerConnection):
    """One WebSocket of a server; `websockets.asyncio.server.serve` makes it in place of its own."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._hear: Callable[[bytes], None] = self._early
        self._heard_early: list[bytes] = []
        self._left = b""
        """The beginning of a frame that is not whole yet."""
        self._fragments: list[bytes] = []
        self._is_between = True
        """Whether the library's parser stands between two frames; once it may not, everything goes through it."""

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every message from now on, those included that have come."""
        self._hear = hear
        early, self._heard_early = self._heard_early, []
        for message in early:
            hear(message)

    def send_frames(self, payloads: Sequence[bytes], *, is_text: bool) -> None:
        """Send messages, each in one frame, without waiting; nothing once the connection closes."""
        if self.protocol.state is not OPEN:
            return
        first = _WHOLE_TEXT if is_text else _WHOLE_BINARY
        parts: list[bytes] = []
        for payload in payloads:
            size = len(payload)
            if size < _SIZE_IN_2:
                parts.append(bytes((first, size)))
            elif size < 1 << 16:
                parts.append(bytes((first, _SIZE_IN_2, size >> 8, size & 0xFF)))
            else:
                parts.append(bytes((first, _SIZE_IN_8)) + size.to_bytes(8, "big"))
            parts.append(payload)
        self.transport.write(b"".join(parts))

    def data_received(self, data: bytes) -> None:
        """Take what came from the network."""
        if self._left:
            data, self._left = self._left + data, b""
        if self._is_between and self.protocol.state is OPEN:
            self._read(data)
            return
        had_request = self.request is not None
        super().data_received(data)
        if had_request or (self.request is not None and not data.endswith(_END_OF_REQUEST)):
            # A frame before the handshake was answered, or after closing began: the parser may stand within one.
            self._is_between = False

    def process_event(self, event: Event) -> None:
        """Take what the library has parsed: the request, control frames, and messages in pieces."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._fragments.append(bytes(event.data))
        if event.fin:
            message, self._fragments = b"".join(self._fragments), []
            self._hear(message)

    def _read(self, data: bytes) -> None:
        """Go through frames, as far as they are whole."""
        at, end, most = 0, len(data), self.protocol.max_message_size
        while end - at >= 2 and self.protocol.state is OPEN:
            first, second = data[at], data[at + 1]
            size, head = second & _SIZE, 6
            if size == _SIZE_IN_2:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 8
            elif size == _SIZE_IN_8:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 14
            is_wrong = not second & _MASKED or (end - at >= head and most is not None and size > most)
            to = at + head + size
            if is_wrong:
                break
            if end - at < head or to > end:
                self._left = data[at:]
                return
            if first in _WHOLE and not self._fragments:
                self._hear(apply_mask(data[at + head : to], data[at + head - 4 : at + head]))
            else:
                super().data_received(data[at:to])
            at = to
        rest = data[at:]
        if len(rest) < 2 and self.protocol.state is OPEN:
            self._left = rest
        elif rest:
            # Not masked, too big, or after the end: the library knows what is to be said about it.
            self._is_between = False
            super().data_received(rest)

    def _early(self, message: bytes) -> None:
        """Keep a message that came before anybody listened: in the same moment as the end of the handshake."""
        self._heard_early.append(message)
