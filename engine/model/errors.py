"""What the engine says when it does not take something."""

import msgspec


class Refusal(Exception):
    """Input that is not taken: names the field, what it held, and the limit it broke.

    Parameters
    ----------
    code
        A stable word for programs, such as ``out_of_range`` or ``unknown_unit``.
    field
        The field of the input, dotted where it is nested.
    value
        What the field held; long values are cut.
    limit
        What would have been taken, in words or as a bound.
    """

    def __init__(self, code: str, field: str, value: object, limit: object) -> None:
        self.code = code
        self.field = field
        self.value = shorten(value)
        self.limit = str(limit)
        super().__init__(f"{field}: {self.value} is not taken ({code}); limit: {self.limit}")


class RefusalBody(msgspec.Struct, frozen=True):
    """A refusal as it travels: the same four things."""

    code: str
    field: str
    value: str
    limit: str

    @classmethod
    def of(cls, refusal: Refusal) -> "RefusalBody":
        """Copy what an exception says."""
        return cls(refusal.code, refusal.field, refusal.value, refusal.limit)


class NotStored(Exception):
    """The journal could not make a batch durable: nothing of it has happened, the caller may try again."""


def shorten(value: object, most: int = 80) -> str:
    """Return ``repr(value)`` cut in its middle to ``most`` characters: an error never carries 10 MB back.

    Beginning and end stay, because the end of a path is what names the file.
    """
    if isinstance(value, str) and len(value) > most:
        value = value[:most] + value[-most:]
    text = repr(value)
    half = most // 2
    return text if len(text) <= most else f"{text[: half - 1]}…{text[-half:]}"
