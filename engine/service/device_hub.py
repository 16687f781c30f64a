"""Where all devices come in, whatever they speak: positions, emergency buttons, and who each of them is.

Positions are looked at and then conflated like anybody's; they are not durable and need not be. An emergency is an
alert, and its device is answered when the journal has it. Trust is low: a device moves its own unit and raises its own
alarm, and nothing else.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from engine.core.city_devices import Device, DeviceProtocol, DeviceSettings
from engine.intake.screening import Mark, Reported, Screen
from engine.model.commands import ReportAlert, SetUnitStatus
from engine.model.entities import Alert, Details
from engine.model.errors import Refusal, RefusalBody
from engine.model.ids import IncidentId
from engine.model.lifecycle import ENDED_INCIDENTS, UnitStatus
from engine.service.inbox import Inbox
from engine.service.lockout import Lockout
from engine.texts import text
from engine.wire.allowance import Allowance
from geo_data.datum import DatumError, to_wgs84

LOGGER = logging.getLogger("allpoints.devices")
RATE_PER_S, BURST = 5, 100
"""Requests over HTTP of one device."""
_ALARM = "alarm-"
_LONGEST_ALARM_MS = 86_400_000
"""An alarm of before a restart is looked for so far back."""
_APART_MS = 60_000
"""A button that is pressed again within this time is the same alarm."""


class _Alarm(NamedTuple):
    ref: str
    raised_at: int
    stands: bool


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
        self._alarms: dict[str, _Alarm] = {}
        """By the device's name; never more than there are devices."""

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
        """Raise an alert for an emergency button, once for as long as it stands; return why it was not stored.

        The unit counts as busy from here on, so that nobody sends it to itself.
        """
        now = self._engine.clock.now()
        at = now if said.at is None else min(said.at, now)
        ref = self._alarm_ref(device, at, now)
        actor = f"source:{device.name}"
        busy = SetUnitStatus(actor=actor, key=f"{device.unit}/{ref}", unit=device.unit, status=UnitStatus.BUSY)
        # A unit on an order is held by it, and is refused here: it is sent nowhere else, either.
        with contextlib.suppress(Refusal):
            self.inbox.offer(busy, lambda _: None)
        refusal: RefusalBody | None = None
        for lon, lat in self._places(device, said):
            alert = Alert(
                source=device.name,
                source_ref=ref,
                type=self.settings.alarm_type,
                lon=lon,
                lat=lat,
                at=at,
                details=Details(text=text("device.alarm", self._engine.city.languages[0], unit=device.unit)),
            )
            outcome = await self.inbox.submit(ReportAlert(actor=actor, alert=alert))
            refusal = outcome.reply.refusal
            if refusal is None or outcome.retry_ms is not None:
                break
        if refusal is not None:
            self.figures.refused(device.protocol, refusal.code)
            LOGGER.error("alarm_not_taken", extra={"device": device.name, "code": refusal.code})
        return refusal

    def calm(self, device: Device) -> None:
        """Note that the button of a device does not stand: the next alarm is a new one."""
        known = self._alarms.get(device.name)
        self._alarms[device.name] = _Alarm("", 0, stands=False) if known is None else known._replace(stands=False)

    def _alarm_ref(self, device: Device, at: int, now: int) -> str:
        """Return the reference of an alarm: the one that stands, or was raised a moment ago, or a new one."""
        known = self._alarms.get(device.name)
        if known is None:
            known = _Alarm(self._on_record(device, now) or f"{_ALARM}{at}", now, stands=True)
        elif known.stands or now - known.raised_at < _APART_MS:
            known = known._replace(stands=True)
        else:
            known = _Alarm(f"{_ALARM}{at}", now, stands=True)
        self._alarms[device.name] = known
        return known.ref

    def _on_record(self, device: Device, now: int) -> str | None:
        """Return a device's alarm whose incident is open: one that still stands after a restart is no new one."""
        for key, record in reversed(self._engine.state.kept.alerts.items()):
            if record.at < now - _LONGEST_ALARM_MS:
                return None
            source, _, ref = key.partition("\n")
            if source == device.name and ref.startswith(_ALARM) and self._is_open(record.incident):
                return ref
        return None

    def _is_open(self, incident_id: IncidentId) -> bool:
        incident = self._engine.state.incidents.get(incident_id)
        return incident is not None and incident.state not in ENDED_INCIDENTS

    def _places(self, device: Device, said: Reported) -> Sequence[tuple[float, float]]:
        """Return where an alarm may be, best first: as the device says, where its unit was last, where that begins."""
        places: list[tuple[float, float]] = []
        if said.is_located:
            try:
                places.append(to_wgs84(said.lon, said.lat, device.datum))
            except DatumError:
                LOGGER.info("alarm_without_place", extra={"device": device.name})
        fleet = self._engine.fleet
        if device.unit in fleet:
            row = fleet.index(device.unit)
            if not np.isnan(fleet.lon[row]):
                places.append((float(fleet.lon[row]), float(fleet.lat[row])))
        unit = self._engine.state.units.get(device.unit)
        return places if unit is None else (*places, (unit.lon, unit.lat))
