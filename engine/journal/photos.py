"""Photos of reports: files beside the journal, each encrypted under the key of its order.

The key goes with the alert that the order is about, and with it the photo: what is erased cannot be opened any more,
and its file is removed. A photo is whole on the disk, and its key, too, before anybody is told that it is kept.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from engine.journal.envelope import PersonalState
from engine.journal.files import replace_private, sync_folder
from engine.journal.vault import Vault
from engine.model.errors import NotStored, Refusal
from engine.model.limits import MOST_PHOTO_BYTES
from engine.model.photos import MEDIA, Media

PHOTOS = "photos"


def media_of(content: bytes) -> Media | None:
    """Return what a picture is by its first bytes; None for anything else."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else None


def erase_photos(record: Path, orders: Iterable[str]) -> None:
    """Remove the photos of orders whose keys are gone."""
    for order in orders:
        shutil.rmtree(record / PHOTOS / order, ignore_errors=True)


class PhotoStore:
    """The photos of one record. May be used in several threads.

    Parameters
    ----------
    record
        The folder of the journal.
    vault
        Keeps the keys.
    """

    def __init__(self, record: Path, vault: Vault) -> None:
        self._folder = record / PHOTOS
        self._vault = vault

    def keep(self, order: str, sha256: str, content: bytes) -> Media:
        """Keep a photo of an order, durably; the same again is the same.

        Raises
        ------
        Refusal
            ``too_big``; ``no_picture`` for what is none that is taken; ``wrong_hash``.
        NotStored
            When the disk refused.
        """
        if len(content) > MOST_PHOTO_BYTES:
            raise Refusal("too_big", "body", f"{len(content)} bytes", f"{MOST_PHOTO_BYTES} bytes")
        media = media_of(content)
        if media is None:
            raise Refusal("no_picture", "body", content[:8], ", ".join(MEDIA))
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise Refusal("wrong_hash", "sha256", sha256, f"{found}, which the body has")
        sealed = self._vault.seal_durably(order, content, _context(order, sha256))
        try:
            folder = self._folder / order
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_private(folder / sha256, sealed)
            if os.name == "posix":
                sync_folder(self._folder)
                sync_folder(self._folder.parent)
        except OSError as error:
            raise NotStored(f"the photo could not be kept: {error.strerror or error}") from error
        return media

    def open(self, order: str, sha256: str) -> bytes:
        """Return a photo of an order.

        Raises
        ------
        Refusal
            ``unknown_photo`` for one that is not there; ``erased``, or ``damaged``.
        """
        try:
            sealed = (self._folder / order / sha256).read_bytes()
        except OSError:
            if self._vault.was_erased(order):  # the file goes with the key
                raise Refusal("erased", "sha256", sha256, "a photo whose key is kept") from None
            raise Refusal("unknown_photo", "sha256", sha256, "a photo of this order that is kept") from None
        content = self._vault.open(sealed, _context(order, sha256))
        if isinstance(content, PersonalState):
            code = "erased" if content is PersonalState.ERASED else "damaged"
            raise Refusal(code, "sha256", sha256, "a photo whose key is kept")
        return content


def _context(order: str, sha256: str) -> bytes:
    return f"photo\n{order}\n{sha256}".encode()
