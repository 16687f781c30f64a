"""How long work says where it is: a step's name and the share of it that is done, from 0 to 1."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


def silent(step: str, share: float) -> None:
    """Say nothing."""
