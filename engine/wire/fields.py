"""What messages are made of: the base of all of them, and the bounds of their fields as types.

What is out of bounds is refused while it is read, by field, value and limit, on the stream and, by the same types, over
HTTP. Instants are milliseconds since the epoch, UTC; coordinates WGS-84 degrees.
"""

from typing import Annotated

import msgspec

from engine.model.limits import LEVELS, LONGEST_ID, LONGEST_TEXT, MOST_FACTS
from engine.wire.limits import LATEST_AT

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Word = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
Lon = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Lat = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Level = Annotated[int, msgspec.Meta(ge=LEVELS[0], le=LEVELS[-1])]
Instant = Annotated[int, msgspec.Meta(ge=0, le=LATEST_AT)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Facts = Annotated[tuple[Id, ...], msgspec.Meta(max_length=MOST_FACTS)]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="message", omit_defaults=True):
    """A message of either side: ``message`` is its tag, and what is as it would be by default is left out."""
