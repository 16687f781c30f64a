"""Every word that people read, in Chinese and English. Events hold codes and values; here they become sentences."""

import functools
import tomllib
from pathlib import Path
from typing import Any

LANGUAGES = ("zh", "en")


@functools.cache
def catalogue(language: str) -> dict[str, Any]:
    """Return the texts of a language, by section and key.

    Raises
    ------
    ValueError
        For a language that there are no texts in.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language: {language!r} is not taken; texts exist in {', '.join(LANGUAGES)}")
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text("utf-8"))


def text(key: str, language: str, **values: object) -> str:
    """Return the sentence under ``section.key`` with its values filled in."""
    section, _, name = key.partition(".")
    return str(catalogue(language)[section][name]).format(**values)


def duration(milliseconds: int) -> str:
    """Spell a span as minutes and seconds, the same in every language: ``4:07``."""
    seconds = round(milliseconds / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"
