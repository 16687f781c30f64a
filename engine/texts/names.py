"""What a city calls what its run cards define, in a person's language: events and answers hold ids.

Names are kept by ``kind:id``, such as ``capability:patrol``; what has no name is called by its id.
"""

from collections.abc import Mapping

Names = Mapping[str, str]
KINDS: Mapping[str, str] = {
    "type": "alert_types",
    "capability": "capabilities",
    "equipment": "equipment",
    "rank": "ranks",
}
"""The kinds, each by what a city's vocabulary has it under."""


def names_in(vocabulary: Mapping[str, Mapping[str, Mapping[str, str]]], language: str) -> dict[str, str]:
    """Return the names of a vocabulary in a language: what `KINDS` names, by id, by language."""
    return {
        f"{kind}:{name}": texts[language]
        for kind, under in KINDS.items()
        for name, texts in vocabulary.get(under, {}).items()
        if language in texts
    }


def named(names: Names, kind: str, name: str) -> str:
    """Return what something is called."""
    return names.get(f"{kind}:{name}", name)
