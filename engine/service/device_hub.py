"""Where all devices come in, whatever they speak: positions, emergency buttons, and who each of them is.

Positions are looked at and then conflated like anybody's; they are not durable and need not be. An emergency is an
alert, and its device is answered when the journal has it. Trust is low: a device moves its own unit and raises its own
alarm, and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from engine.core.city_devices import Device, DeviceProtocol, DeviceSettings
from engine.intake.screening import Mark, Reported, Screen
from engine.model.commands import PressEmergency
from engine.model.errors import Refusal, RefusalBody
from engine.model.lifecycle import UnitStatus
from engine.service.inbox import Inbox
from engine.service.lockout import Lockout
from engine.texts import text
from engine.wire.allowance import Allowance
from geo_data.datum import DatumError, to_wgs84

LOGGER = logging.getLogger("allpoints.devices")
RATE_PER_S, BURST = 5, 100
"""Requests over HTTP of one device."""
STORED_WITHIN_S = 2.0
"""A device that calls for help is told after this time that it is not stored yet; it still waits, first of all."""
_ALARM = "alarm-"


class Figures(Protocol):
    """Who counts; `engine.service.metrics.Metrics` does."""

    def refused(self, channel: str, code: str) -> None:
        """Count what was not taken."""
        ...

    def located(self, protocol: str, mark: str) -> None:
        """Count a position by its mark."""
        ...


class DeviceHub:
    """The devices of a city.

    Parameters
    ----------
    settings, devices
        What is switched on, and whose each device is.
    inbox
        The cycle's front.
    figures
        Who counts.
    """

    def __init__(self, settings: DeviceSettings, devices: Iterable[Device], inbox: Inbox, figures: Figures) -> None:
        policies = inbox.engine.city.policies
        self.settings = settings
        self.screen = Screen(settings, stale_ms=policies.stale_position_ms, ahead_ms=policies.alert_ahead_ms)
        self.figures = figures
        self.inbox = inbox
        self._engine = inbox.engine
        self._by_id = {(device.protocol, device.id): device for device in devices}
        self.is_connected: Callable[[Device], bool] = lambda _: False
        self._lockout = Lockout()
        self._allowances: dict[str, Allowance] = {}
        self._pressed: dict[str, str] = {}
        """The key of the button that stands, by the device's name; never more than there are devices."""

    def find(self, protocol: DeviceProtocol, device_id: str, host: str) -> Device | None:
        """Return a device by what it calls itself.

        Raises
        ------
        Refusal
            ``too_many_attempts`` for one that was wrong too often from this address.
        """
        if self._lockout.is_shut(f"{host} {protocol}:{device_id}", asyncio.get_running_loop().time()):
            raise Refusal("too_many_attempts", "device", device_id, "another try in 5 minutes")
        return self.known(protocol, device_id)

    def known(self, protocol: DeviceProtocol, device_id: str) -> Device | None:
        """Return a device by its id, for whoever has been let in otherwise."""
        return self._by_id.get((protocol, device_id))

    def devices(self) -> list[Device]:
        """Return all devices, by name."""
        return sorted(self._by_id.values(), key=lambda device: device.name)

    def spend(self, device: Device) -> None:
        """Note a request of a device, before anything in it is read.

        Raises
        ------
        Refusal
            ``too_fast`` when it has sent more than it may.
        """
        allowance = self._allowances.setdefault(device.name, Allowance(RATE_PER_S, BURST))
        if allowance.wait_s(asyncio.get_running_loop().time()) > 0:
            raise Refusal("too_fast", "device", device.id, f"{RATE_PER_S} requests a second, {BURST} at once")
        allowance.spend()

    def failed(self, protocol: DeviceProtocol, device_id: str, host: str) -> None:
        """Note that somebody said this device's secret wrong."""
        self._lockout.failed(f"{host} {protocol}:{device_id}", asyncio.get_running_loop().time())
        LOGGER.warning("device_not_believed", extra={"device": f"{protocol}:{device_id}", "host": host})

    def refused(self, protocol: str, refusal: Refusal) -> None:
        """Count what was not taken."""
        self.figures.refused(protocol, refusal.code)

    def locate(self, device: Device, said: Reported) -> Mark:
        """Take a position; what it came to is its mark, counted."""
        off_duty = self._engine.state.unit_status.get(device.unit) is UnitStatus.OFF_DUTY
        mark, fix = self.screen.judge(device, said, self._engine.clock.now(), off_duty=off_duty)
        self.figures.located(device.protocol, mark)
        if fix is not None:
            not_moved = partial(self._not_moved, device)
            try:
                self.inbox.move(fix, not_moved)
            except Refusal as refusal:
                not_moved(refusal)
        return mark

    def _not_moved(self, device: Device, refusal: Refusal) -> None:
        """Note that the fleet did not take what the screen had taken, such as a place far from any street."""
        line = self.screen.line(device)
        line.marks[refusal.code] += 1
        line.last_mark = refusal.code
        self.refused(device.protocol, refusal)

    async def alarm(self, device: Device, said: Reported) -> RefusalBody | None:
        """Call for help for an emergency button, once for as long as it stands; return why it was not stored.

        The button stays what was pressed until it is let go: once a person has ended its emergency it raises no other.
        """
        now = self._engine.clock.now()
        at = now if said.at is None else min(said.at, now)
        key = self._pressed.setdefault(device.name, f"{device.unit}/{_ALARM}{device.name[-64:]}-{at}")
        lon, lat = self._place(device, said)
        command = PressEmergency(
            actor=f"source:{device.name}",
            key=key,
            unit=device.unit,
            lon=lon,
            lat=lat,
            said_at=at,
            text=text("emergency.alert", self._engine.city.languages[0], unit=device.unit),
        )
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                refusal = (await self.inbox.submit(command)).reply.refusal
        except TimeoutError:
            refusal = RefusalBody("not_stored", "journal", "", "a journal that takes commits; it is tried again")
        if refusal is not None:
            self.figures.refused(device.protocol, refusal.code)
            LOGGER.error("alarm_not_taken", extra={"device": device.name, "code": refusal.code})
        return refusal

    def calm(self, device: Device) -> None:
        """Note that the button of a device does not stand: the next alarm is a new one."""
        self._pressed.pop(device.name, None)

    @staticmethod
    def _place(device: Device, said: Reported) -> tuple[float | None, float | None]:
        """Return where the device says it is, where it does."""
        if not said.is_located:
            return None, None
        try:
            return to_wgs84(said.lon, said.lat, device.datum)
        except DatumError:
            LOGGER.info("alarm_without_place", extra={"device": device.name})
            return None, None
