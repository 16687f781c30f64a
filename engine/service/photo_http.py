"""Photos of reports over HTTP: uploaded whole by who has the order, read for a reason that goes on record.

A photo never crosses the stream: a report there names it by its SHA-256. It is kept before anybody is told so, and the
record knows of it before a report may name it.
"""

import asyncio
from abc import ABC

from starlette.responses import Response

from engine.core.engine import Engine
from engine.core.photos import refuse_photo
from engine.model import commands as c
from engine.model.errors import NotStored, Refusal
from engine.model.ids import OrderId
from engine.model.limits import MOST_PHOTO_BYTES
from engine.model.photos import KeepPhoto
from engine.service.access_bodies import ReadingIn
from engine.service.backend import Backend
from engine.service.edge import Call, json_answer, read_bytes, taken
from engine.service.field_bodies import PhotoList
from engine.service.views import known_order

MOST_AT_ONCE = 8
"""Photos that come in at one time; one more is told to wait."""
WITHIN_S = 60.0
"""A photo that is not whole after this time is given up: a patrol may stand where there is little network."""


class PhotoApi(ABC):
    """What each of these routes does; the names of the methods are those of the table."""

    backend: Backend
    coming_in = 0

    async def keep_photo(self, call: Call) -> Response:
        """Keep a photo of an order."""
        order, sha256 = _named(call)
        subject = call.speaker.subject
        is_known = await self.backend.look(lambda engine: _expect(engine, order, sha256, subject))
        if self.coming_in >= MOST_AT_ONCE:
            raise Refusal("busy", "photos", self.coming_in, f"{MOST_AT_ONCE} photos that come in")
        self.coming_in += 1
        try:
            content = await read_bytes(call.request, MOST_PHOTO_BYTES, WITHIN_S)
            media = await asyncio.to_thread(self.backend.photos.keep, order, sha256, content)
        except NotStored as error:
            raise Refusal("not_stored", "photo", sha256, str(error)) from error
        finally:
            self.coming_in -= 1
        command = KeepPhoto(actor=call.speaker.actor, order=order, sha256=sha256, size=len(content), media=media)
        taken(await self.backend.submit(command))
        return json_answer(await self._known_photos(order), 200 if is_known else 201)

    async def list_photos(self, call: Call) -> Response:
        """List the photos of an order."""
        return json_answer(await self._known_photos(OrderId(call.request.path_params["order"])))

    async def read_photo(self, call: Call) -> Response:
        """Put on record that somebody looks at a photo, and why; then show it."""
        said: ReadingIn = call.body
        order, sha256 = _named(call)
        media = _media(await self._known_photos(order), sha256)
        # Opened first: a reading of what is erased would be put under a new key of the same order.
        content = await asyncio.to_thread(self.backend.photos.open, order, sha256)
        speaker = call.speaker
        reading = c.ReadDetails(
            actor=speaker.actor,
            what="photo",
            id=f"{order}/{sha256}",
            reason=said.reason,
            role=speaker.role.id,
            is_of_record=True,
        )
        taken(await self.backend.submit(reading))
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=media)

    async def _known_photos(self, order_id: OrderId) -> PhotoList:
        """Return the photos of an order; those of one that has left the state are asked of the record."""
        held = await self.backend.look(lambda engine: _held(engine, order_id))
        if held is not None:
            return held
        recorded = tuple(await self.backend.photos_of(order_id))
        if not recorded:
            raise Refusal("unknown_order", "order", order_id, "an order that is kept, or has photos on record")
        return PhotoList(photos=recorded)


def _named(call: Call) -> tuple[OrderId, str]:
    return OrderId(call.request.path_params["order"]), call.request.path_params["sha256"]


def _expect(engine: Engine, order_id: OrderId, sha256: str, subject: str) -> bool:
    """Refuse a photo before it is read where it could not be kept; tell whether it is kept already."""
    order = known_order(engine, order_id)
    if order.recipient != subject:
        raise Refusal("not_yours", "order", order.id, f"an order to {subject}")
    kept = engine.state.kept.photos.get(order.id, ())
    if any(its.sha256 == sha256 for its in kept):
        return True
    refuse_photo(order, len(kept), sha256)
    return False


def _held(engine: Engine, order_id: OrderId) -> PhotoList | None:
    """Return the photos of an order that is in the state, or None where it is not."""
    if order_id not in engine.state.orders:
        return None
    return PhotoList(photos=tuple(engine.state.kept.photos.get(order_id, ())))


def _media(known: PhotoList, sha256: str) -> str:
    for photo in known.photos:
        if photo.sha256 == sha256:
            return photo.media
    raise Refusal("unknown_photo", "sha256", sha256, "a photo of this order that is kept")
