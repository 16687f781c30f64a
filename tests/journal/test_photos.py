"""Photos beside the journal: encrypted, by order, gone with its alert, and whole after a stop at any time."""

import hashlib

import pytest

from engine import AnswerOrder, Engine, ReportAlert
from engine.journal.photos import PhotoStore, media_of
from engine.model.errors import Refusal
from engine.model.limits import MOST_PHOTO_BYTES
from engine.model.photos import KeepPhoto
from tests.journal.samples import AT
from tests.support.cities import SetClock, alert, city, unit

PICTURE = b"\xff\xd8\xff\xe0" + b"a face" * 500
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def test_a_photo_is_kept_encrypted_and_goes_with_its_alert(desk):
    engine = Engine(city([unit("P1", 1, 0)]), journal=desk.journal, clock=SetClock(AT))
    reply = engine.submit(ReportAlert(actor="source:cad", alert=alert(1, 2, 0, at=AT)))[0]
    (order,) = reply.orders
    store = PhotoStore(desk.folder, desk.vault)
    assert store.keep(order, SHA256, PICTURE) == store.keep(order, SHA256, PICTURE) == "image/jpeg"
    for command in (
        AnswerOrder(actor="device:P1", key="a", order=order, version=1, answer="accept"),
        KeepPhoto(actor="device:P1", order=order, sha256=SHA256, size=len(PICTURE), media="image/jpeg"),
        AnswerOrder(actor="device:P1", key="b", order=order, version=1, answer="on_scene"),
        AnswerOrder(actor="device:P1", key="c", order=order, version=1, answer="report", photos=(SHA256,)),
    ):
        assert engine.submit(command)[0].refusal is None
    files = [path for path in (desk.folder / "photos").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [SHA256]
    assert files[0].stat().st_mode & 0o077 == 0
    assert b"a face" not in files[0].read_bytes()
    assert store.open(order, SHA256) == PICTURE
    kept = files[0].read_bytes()
    desk.reopen()
    assert PhotoStore(desk.folder, desk.vault).open(order, SHA256) == PICTURE

    assert desk.journal.erase(reply.alert, at=AT) == 1
    assert not (desk.folder / "photos" / order).exists()
    # A copy out of a backup cannot be opened, either.
    files[0].parent.mkdir()
    files[0].write_bytes(kept)
    with pytest.raises(Refusal, match="erased"):
        PhotoStore(desk.folder, desk.vault).open(order, SHA256)
    assert desk.journal.verify().ok


def test_whose_key_it_is_is_on_the_disk_before_the_photo_is_kept(desk):
    """A stop right after it: the journal names no key of this order, and yet it is not taken for nobody's."""
    store = PhotoStore(desk.folder, desk.vault)
    store.keep("grid-order-1", SHA256, PICTURE)
    desk.reopen()
    assert PhotoStore(desk.folder, desk.vault).open("grid-order-1", SHA256) == PICTURE


@pytest.mark.parametrize(
    ("sha256", "content", "code"),
    [
        ("0" * 64, PICTURE, "wrong_hash"),
        (SHA256, b"GIF89a", "no_picture"),
        (SHA256, b"", "no_picture"),
        (SHA256, b"\xff\xd8\xff" + bytes(MOST_PHOTO_BYTES), "too_big"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(desk, sha256, content, code):
    store = PhotoStore(desk.folder, desk.vault)
    with pytest.raises(Refusal) as refused:
        store.keep("grid-order-1", sha256, content)
    assert refused.value.code == code
    assert not (desk.folder / "photos").exists()
    with pytest.raises(Refusal, match="unknown_photo"):
        store.open("grid-order-1", SHA256)


def test_a_photo_of_one_order_is_not_opened_as_anothers(desk):
    store = PhotoStore(desk.folder, desk.vault)
    store.keep("grid-order-1", SHA256, PICTURE)
    (desk.folder / "photos" / "grid-order-1").rename(desk.folder / "photos" / "grid-order-2")
    with pytest.raises(Refusal, match="damaged"):
        store.open("grid-order-2", SHA256)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"<svg onload=alert(1)>", None),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(content, media):
    assert media_of(content) == media
