"""Photos of reports: what is known of one, and what is said of it. The picture itself is never in the journal."""

from typing import Literal, get_args

import msgspec

from engine.model.ids import OrderId

Media = Literal["image/jpeg", "image/png", "image/webp"]
MEDIA: tuple[str, ...] = get_args(Media)


class Photo(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A photo that is kept for an order: its SHA-256 in hex, and its size in bytes."""

    sha256: str
    size: int
    media: Media
    by: str
    at: int


class KeepPhoto(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="command", tag="keep_photo"):
    """A photo of an order was kept; from here on a report may name it."""

    actor: str
    order: OrderId
    sha256: str
    size: int
    media: Media


class PhotoKept(
    msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="kind", tag="photo_kept", omit_defaults=True
):
    """A photo of an order is kept beside the journal, under the order's key."""

    order: OrderId
    sha256: str
    size: int
    media: Media
