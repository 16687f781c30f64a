"""A simulated terminal of JT/T 808 over a real connection: it speaks and listens as one in a car does."""

import asyncio
import contextlib
from collections import deque

from engine.intake.jt808 import messages as m
from engine.intake.jt808.frames import Packet, Splitter, decode, encode

HEARD_S = 20.0


class Jt808Terminal:
    """One terminal. Everything that it is sent and does not wait for is kept in ``heard``."""

    def __init__(self, number: str, edition: int = 2013) -> None:
        self.number, self.edition = number, edition
        self.heard: deque[Packet] = deque()
        self.taken = 0
        self._serial = 0
        self._splitter = Splitter()

    async def connect(self, host: str, port: int) -> "Jt808Terminal":
        self._reader, self._writer = await asyncio.open_connection(host, port)
        self._splitter = Splitter()
        return self

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def say(self, message, /, **more) -> int:
        """Send a message; return its serial."""
        serial = self._serial
        self._serial += 1
        said = {
            "message": m.NUMBERS[type(message)],
            "terminal": self.number,
            "serial": serial,
            "body": m.write(message, self.edition),
            "edition": self.edition,
        }
        self._writer.write(encode(Packet(**(said | more))))
        return serial

    async def hear(self, number: int) -> Packet:
        """Return the next frame with a message of this number; what else comes waits in ``heard``."""
        async with asyncio.timeout(HEARD_S):
            while True:
                for packet in self.heard:
                    if packet.message == number:
                        self.heard.remove(packet)
                        return packet
                data = await self._reader.read(4_096)
                assert data, "the server hung up"
                self.heard += [decode(framed) for framed in self._splitter.feed(data)]

    async def ask(self, message, /, **more) -> int:
        """Send a message and return the result that answers it."""
        serial = self.say(message, **more)
        while True:
            body = (await self.hear(0x8001)).body
            if int.from_bytes(body[:2]) == serial:
                assert int.from_bytes(body[2:4]) == m.NUMBERS[type(message)]
                return body[4]

    async def register(self, terminal_id: str) -> tuple[int, str]:
        """Register; return the result and the code."""
        self.say(m.Register(terminal_id=terminal_id))
        body = (await self.hear(0x8100)).body
        return body[2], body[3:].decode("gbk")

    async def order(self) -> str:
        """Take the next text, say so, and return its words."""
        packet = await self.hear(0x8300)
        self.say(m.TerminalAnswer(serial=packet.serial, message=0x8300, result=m.DONE))
        self.taken += 1
        return packet.body[2 if self.edition == 2019 else 1 :].decode("gbk")

    async def hung_up(self) -> bool:
        """Read until the server ends the connection."""
        async with asyncio.timeout(HEARD_S):
            while data := await self._reader.read(4_096):
                self.heard += [decode(framed) for framed in self._splitter.feed(data)]
        return True


def here(lon: float, lat: float, at: int, **more) -> m.Location:
    """Return a location of a terminal that sees the satellites."""
    return m.Location(lon=lon, lat=lat, at=at, **more)
