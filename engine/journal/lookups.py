"""What is asked of a journal's file other than to read on: by kind, by order, by alert.

Rules: what is asked while the server works has an index. An index is over columns alone, since the schema of a file
that somebody else may have written is not trusted with functions; so a damaged entry keeps none from being made.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from engine.journal.envelope import Sealed
from engine.model.limits import MOST_PHOTOS

INDEXES = (
    "CREATE INDEX IF NOT EXISTS events_of_readings ON events (seq) WHERE kind = 'details_read'",
    "CREATE INDEX IF NOT EXISTS events_of_photos ON events (body) WHERE kind = 'photo_kept'",
)
"""Made at opening, in older files too: one scan each, once."""
_LARGEST_SEQ = 2**63 - 1
_ORDERS = (
    "SELECT json_extract(o.body, '$.order.id') FROM events a JOIN events o"
    " ON json_extract(o.body, '$.order.incident') = json_extract(a.body, '$.incident')"
    " WHERE a.kind = 'alert_received' AND o.kind = 'order_proposed' AND json_extract(a.body, '$.alert') = ?"
)
_SIGHTINGS = (
    "SELECT json_extract(body, '$.id') FROM events"
    " WHERE kind IN ('sighting_reported', 'sighting_released') AND json_extract(body, '$.lookout') = ?1"
    " UNION SELECT json_extract(o.body, '$.order.id') FROM events i JOIN events o"
    " ON json_extract(o.body, '$.order.incident') = json_extract(i.body, '$.incident')"
    " WHERE i.kind = 'incident_opened' AND o.kind = 'order_proposed' AND json_extract(i.body, '$.lookout') = ?1"
)


def readings(base: sqlite3.Connection, before_seq: int | None, most: int) -> list[Sealed]:
    """Return the newest entries of who has read what names people, newest first."""
    asked = "SELECT * FROM events WHERE kind = 'details_read' AND seq < ? ORDER BY seq DESC LIMIT ?"
    rows = base.execute(asked, (_LARGEST_SEQ if before_seq is None else before_seq, most))
    return [Sealed(*row) for row in rows]


def photos_of(base: sqlite3.Connection, order: str) -> list[Sealed]:
    """Return the entries of the photos that were kept for an order, oldest first."""
    # A body says its kind and then its first field, the order: those of one order stand together in the index.
    begin = f'{{"kind":"photo_kept","order":{msgspec.json.encode(order).decode()}'
    asked = "SELECT * FROM events WHERE kind = 'photo_kept' AND body > ? AND body < ? ORDER BY seq LIMIT ?"
    return [Sealed(*row) for row in base.execute(asked, (begin + ",", begin + "-", MOST_PHOTOS))]


def orders_of(base: sqlite3.Connection, alerts: Sequence[str]) -> list[str]:
    """Return the orders of the incidents that alerts belong to."""
    return [row[0] for alert in alerts for row in base.execute(_ORDERS, (alert,))]


def sightings_of(base: sqlite3.Connection, lookouts: Sequence[str]) -> list[str]:
    """Return the sightings of lookouts, and the orders of their pursuits."""
    return [row[0] for lookout in lookouts for row in base.execute(_SIGHTINGS, (lookout,))]
