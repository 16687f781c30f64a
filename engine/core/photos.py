"""Photos of orders: who may have one kept, how many, and which a report may name."""

import re

from engine.core.draft import Draft
from engine.core.orders import known_order
from engine.core.world import World
from engine.model.entities import Order
from engine.model.errors import Refusal
from engine.model.ids import OrderId
from engine.model.lifecycle import OrderState
from engine.model.limits import MOST_PHOTOS
from engine.model.photos import KeepPhoto, PhotoKept

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TAKEN = frozenset(
    (OrderState.ACCEPTED, OrderState.EN_ROUTE, OrderState.ON_SCENE, OrderState.REPORTED, OrderState.CLEARED)
)
"""An order that somebody has accepted, also after it: a photo may come late."""


def keep_photo(world: World, draft: Draft, command: KeepPhoto) -> None:
    """Note that a photo of an order is kept; the same again changes nothing."""
    if any(its.sha256 == command.sha256 for its in world.state.kept.photos.get(command.order, ())):
        return
    order = known_order(world, command.order)
    refuse_photo(order, len(world.state.kept.photos.get(order.id, ())), command.sha256)
    draft.emit(PhotoKept(order=command.order, sha256=command.sha256, size=command.size, media=command.media))


def refuse_photo(order: Order, kept: int, sha256: str) -> None:
    """Refuse another photo of an order that may have none, or has as many as it may.

    Raises
    ------
    Refusal
        ``bad_hash``, ``wrong_state``, ``too_many``.
    """
    if not _SHA256.fullmatch(sha256):
        raise Refusal("bad_hash", "sha256", sha256, "64 digits of 0-9 and a-f")
    if order.state not in _TAKEN:
        raise Refusal("wrong_state", "order", order.id, "an order that was accepted")
    if kept >= MOST_PHOTOS:
        raise Refusal("too_many", "photos", kept + 1, f"{MOST_PHOTOS} photos of an order")


def check_named(world: World, order_id: OrderId, photos: tuple[str, ...]) -> None:
    """Refuse a report that names photos which are not kept for its order."""
    kept = {its.sha256 for its in world.state.kept.photos.get(order_id, ())}
    for number, named in enumerate(photos):
        if named not in kept:
            raise Refusal("unknown_photo", f"photos[{number}]", named, "a photo that was uploaded for this order")
