"""Brings a unit's mail to a device that can only be told things: one piece at a time, the next when it has answered.

The device itself keeps no number of what it has, so what it has acknowledged on record is where to go on; what was on
its way when the line broke is sent again. An acknowledgement stands for everything before it, so nothing is passed over
but what needs no telling. A device that does not answer is asked again a few times and then left, until new mail comes
or it connects anew: meanwhile the order's own clock tells the desk to use the radio.
"""

import asyncio
import logging
from collections.abc import Callable

from engine.core.city_devices import Device
from engine.model.events import Mailed
from engine.model.ids import RecipientId
from engine.service.device_words import DeviceWords
from engine.service.inbox import Inbox

LOGGER = logging.getLogger("allpoints.devices")
AGAIN_S = 20.0
"""A device that has not answered after this time is sent the same again."""
MOST_TRIES = 3
_MOST_AWAITED = 32
"""Texts whose answers are still known when they come late."""


class Courier:
    """The mail of one device that is connected.

    Parameters
    ----------
    inbox, words
        The cycle's front, and what mail says.
    device
        Whose mail it is.
    send
        Sends a text and returns the serial that its answer will name.
    again_s
        How long to wait for an answer.
    """

    def __init__(
        self,
        inbox: Inbox,
        words: DeviceWords,
        device: Device,
        send: Callable[[str], int],
        *,
        again_s: float = AGAIN_S,
    ) -> None:
        self._inbox = inbox
        self._words = words
        self._device = device
        self._recipient = RecipientId(device.unit)
        self._send = send
        self._again_s = again_s
        self._acknowledged = 0
        self._has_told = False
        self._on_way: Mailed | None = None
        self._tries = 0
        self._serials: dict[int, int] = {}
        """The number in the mailbox by the serial of each text that may still be answered."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def wake(self) -> None:
        """Look for mail, between two batches."""
        if not self._is_closed:
            self._inbox.visit(self._go_on).add_done_callback(_log_failure)

    def answered(self, serial: int, *, is_done: bool) -> None:
        """Note what the device made of a text; only a text that it took is delivered."""
        seq = self._serials.pop(serial, None)
        if seq is None:
            return
        if is_done and seq > self._acknowledged:
            self._acknowledged = seq
            self._inbox.acknowledge(f"source:{self._device.name}", self._recipient, self._device.name, seq)
        if self._on_way is None or self._on_way.mail_seq <= seq:
            self._stop_waiting()
            if is_done:
                self.wake()

    def close(self) -> None:
        """Send nothing more."""
        self._is_closed = True
        self._stop_waiting()

    def _go_on(self) -> None:
        """Send the next piece of mail that has something to say, unless one is on its way."""
        if self._is_closed or self._on_way is not None:
            return
        box = self._inbox.engine.state.mailbox(self._recipient)
        known = box.devices.get(self._device.name)
        is_first = known is None and not self._has_told
        for mailed in box.after(max(known or 0, self._acknowledged)):
            words = self._words.say(mailed, is_first=is_first)
            if words is not None:
                self._on_way, self._tries, self._has_told = mailed, self._tries + 1, True
                if len(self._serials) >= _MOST_AWAITED:
                    self._serials.pop(next(iter(self._serials)))
                self._serials[self._send(words)] = mailed.mail_seq
                self._timer = asyncio.get_running_loop().call_later(self._again_s, self._again)
                return

    def _again(self) -> None:
        """Send the same once more, or leave it; a late answer still counts."""
        tries = self._tries
        self._stop_waiting()
        if tries < MOST_TRIES:
            self._tries = tries
            self.wake()
        else:
            LOGGER.warning("device_does_not_answer", extra={"device": self._device.name})

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._on_way, self._tries = None, None, 0


def _log_failure(seen: "asyncio.Future[object]") -> None:
    if not seen.cancelled() and seen.exception() is not None:
        LOGGER.error("courier_failed", exc_info=seen.exception())
