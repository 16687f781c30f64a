"""Photos beside the journal: encrypted, by order, gone with its alert, and whole after a stop at any time."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from engine import AnswerOrder, Engine, ReportAlert
from engine.journal.photos import PhotoStore, media_of
from engine.model.errors import Refusal
from engine.model.events import Event
from engine.model.limits import MOST_PHOTO_BYTES
from engine.model.photos import KeepPhoto, Photo, PhotoKept
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
    # It is told apart from one that never was, also after a restart; what was kept of it stays on record.
    for _ in range(2):
        with pytest.raises(Refusal, match="erased"):
            PhotoStore(desk.folder, desk.vault).open(order, SHA256)
        with pytest.raises(Refusal, match="unknown_photo"):
            PhotoStore(desk.folder, desk.vault).open("grid-order-9", SHA256)
        assert [photo.sha256 for photo in desk.journal.photos_of(order)] == [SHA256]
        desk.reopen()
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


def kept_photos(desk, *orders):
    """Have the journal say that each of these orders has a photo, the first of them the picture."""
    hashes = [SHA256, *(f"{number:064x}" for number in range(1, len(orders)))]
    desk.journal.append(
        [
            Event(seq, AT + seq, "device:P1", PhotoKept(order=order, sha256=sha256, size=seq, media="image/png"))
            for seq, (order, sha256) in enumerate(zip(orders, hashes, strict=True), desk.journal.last_seq + 1)
        ]
    )


def test_the_photos_of_an_order_are_found_by_an_index_also_in_an_older_file(desk):
    kept_photos(desk, "x-order-1", "x-order-2", "x-order-1")
    desk.close()
    with closing(sqlite3.connect(desk.folder / "journal.sqlite")) as base, base:
        base.execute("DROP INDEX events_of_photos")
    desk.open()
    assert desk.journal.photos_of("x-order-1") == [
        Photo(SHA256, 1, "image/png", "device:P1", AT + 1),
        Photo(f"{2:064x}", 3, "image/png", "device:P1", AT + 3),
    ]
    assert desk.journal.photos_of("x-order-3") == []
    asked = []
    desk.journal._reading.set_trace_callback(asked.append)
    desk.journal.photos_of("x-order-2")
    desk.journal._reading.set_trace_callback(None)
    plan = desk.journal._reading.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert "USING INDEX events_of_photos" in plan[0][3]


@pytest.mark.parametrize("order", ["x-order-1", "x-order-", "x", "", 'x"', "x\\u", "派警", "x-order-1,", "x-order-1-"])
def test_an_order_is_not_taken_for_another_whose_id_looks_like_it(desk, order):
    kept_photos(desk, "x-order-1", "x-order-10", 'x"', "x\\u", "派警", "x-order-1,", "x-order-1-", "w", "y")
    kept = {event.body.sha256 for event in desk.journal.read() if event.body.order == order}
    assert {photo.sha256 for photo in desk.journal.photos_of(order)} == kept


def test_a_damaged_entry_of_a_photo_keeps_no_journal_from_being_opened(desk):
    kept_photos(desk, "x-order-1", "x-order-2")
    desk.close()
    with closing(sqlite3.connect(desk.folder / "journal.sqlite")) as base, base:
        base.execute("DROP INDEX events_of_photos")
        base.execute("UPDATE events SET body = 'no json' WHERE seq = 1")
    desk.open()
    assert desk.journal.photos_of("x-order-1") == []
    assert len(desk.journal.photos_of("x-order-2")) == 1
    assert [problem.seq for problem in desk.journal.verify().problems][:1] == [1]
