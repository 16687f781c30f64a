"""Devices over HTTP: OwnTracks, OsmAnd and the Traccar client, gateways that feed positions, and how devices do.

A device is let in by its network and, where it has one, its secret, which travels in a header and never in an address.
The network is looked at before a body is read, and so is who speaks, unless only the body says it. What an app would
send again for ever is answered as taken, with its mark.
"""

import base64
import binascii
import hmac
from abc import ABC, abstractmethod
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from engine.core.city_devices import Device, DeviceProtocol
from engine.intake import owntracks
from engine.intake.osmand import Said, device_of, read_json, read_query
from engine.intake.screening import Reported
from engine.model.errors import Refusal
from engine.service import bodies
from engine.service.access import AccessDenied
from engine.service.device_hub import DeviceHub
from engine.service.edge import MOST_BODY_BYTES, Call, Refused, json_answer, page_size, problem_of, read_bytes

_MOST_FIELDS = 64
_LONGEST_CREDENTIALS = 1_024


class DeviceApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    @property
    @abstractmethod
    def devices(self) -> DeviceHub:
        """The devices that exist already."""

    async def owntracks(self, call: Call) -> Response:
        """Take what the OwnTracks app posts."""
        hub = self.devices
        device = _let_in(hub, "owntracks", call.request, None)
        said = owntracks.read(await read_bytes(call.request), MOST_BODY_BYTES)
        if isinstance(said, Reported):
            hub.locate(device, said)
        else:
            hub.figures.located("owntracks", said)
        # The app takes a list of messages for itself; there are none.
        return Response(b"[]", media_type="application/json")

    async def osmand_query(self, call: Call) -> Response:
        """Take a position as a query."""
        values = dict(call.request.query_params)
        device = _let_in(self.devices, "osmand", call.request, device_of(values))
        return await self._take(device, read_query(values))

    async def osmand(self, call: Call) -> Response:
        """Take a position as a query, a form or JSON."""
        request, hub = call.request, self.devices
        if request.query_params:
            return await self.osmand_query(call)
        _check_network(hub, "osmand", request)
        body = await read_bytes(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            said = read_json(body, MOST_BODY_BYTES)
        else:
            said = read_query(_form(body))
        return await self._take(_let_in(hub, "osmand", request, said.device), said)

    async def feed_positions(self, call: Call) -> Response:
        """Take positions that a gateway has of devices behind it."""
        hub, said = self.devices, call.body
        _check_network(hub, "feed", call.request)
        return json_answer(bodies.PositionsTaken(marks=tuple(_feed(hub, each) for each in said.positions)))

    async def list_devices(self, call: Call) -> Response:
        """List existing devices."""
        hub, most, after = self.devices, page_size(call.request), call.request.query_params.get("after", "")
        rest = [device for device in hub.devices() if device.name > after]
        shown = tuple(_body(hub, device) for device in rest[:most])
        more = rest[most - 1].name if len(rest) > most else None
        return json_answer(bodies.DeviceList(devices=shown, next=more))

    async def _take(self, device: Device, said: Said) -> Response:
        """Take a position; a call for help is answered when it is durable."""
        hub = self.devices
        mark = hub.locate(device, said.reported)
        if not said.is_alarm:
            hub.calm(device)
        elif (refusal := await hub.alarm(device, said.reported)) is not None:
            raise Refused(problem_of(refusal))
        return json_answer(bodies.PositionTaken(mark=mark))


def _check_network(hub: DeviceHub, protocol: DeviceProtocol, request: Request) -> str:
    """Return the address that speaks, if its network is named for this protocol."""
    door = hub.settings.of(protocol)
    if door is None:
        raise Refusal("switched_off", "protocol", protocol, f"a section [devices.{protocol}] in city.toml")
    host = request.client.host if request.client else ""
    if not door.lets_in(host):
        raise Refusal("wrong_network", "address", host, f"a network of [devices.{protocol}]")
    return host


def _let_in(hub: DeviceHub, protocol: DeviceProtocol, request: Request, claimed: str | None) -> Device:
    """Return the device that speaks: by the id that it claims, else by its user name."""
    host = _check_network(hub, protocol, request)
    user, password = _credentials(request)
    name = user if claimed is None else claimed
    device = hub.find(protocol, name, host)
    if device is None:
        if claimed is None and not user:
            raise AccessDenied("no_credentials")
        raise Refusal("unknown_device", "device", name, "a device in devices.csv")
    if device.secret:
        is_right = hmac.compare_digest(device.secret.encode(), password.encode("utf-8", "surrogatepass"))
        if user != device.id or not is_right:
            hub.failed(protocol, name, host)
            raise AccessDenied("wrong_secret")
    hub.spend(device)
    return device


def _credentials(request: Request) -> tuple[str, str]:
    """Return user and password, empty where there are none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return "", ""
    if scheme.lower() != "basic" or len(encoded) > _LONGEST_CREDENTIALS:
        raise AccessDenied("malformed_credentials")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise AccessDenied("malformed_credentials") from None
    return user, password


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Refusal("malformed", "body", f"{len(body)} bytes", f"a form of at most {_MOST_FIELDS} fields") from None


def _feed(hub: DeviceHub, said: bodies.FedPosition) -> str:
    device = hub.known("feed", said.device)
    if device is None:
        hub.refused("feed", Refusal("unknown_device", "device", said.device, "a device in devices.csv"))
        return "unknown_device"
    reported = Reported(
        lon=said.lon,
        lat=said.lat,
        at=said.at,
        speed_mps=said.speed_mps,
        heading_deg=said.heading_deg,
        accuracy_m=said.accuracy_m,
        is_mock=said.mock,
        is_backfill=said.backfill,
    )
    return hub.locate(device, reported)


def _body(hub: DeviceHub, device: Device) -> bodies.DeviceBody:
    line = hub.screen.line(device)
    return bodies.DeviceBody(
        device=device.id,
        protocol=device.protocol,
        unit=device.unit,
        connected=hub.is_connected(device),
        heard_at=line.heard_at,
        fix_at=None if line.taken is None else line.taken.at,
        last_mark=line.last_mark,
        marks=dict(line.marks),
        readings=line.readings,
    )
