"""The lifecycle diagrams of the documents, drawn from the tables: `python -m engine.model.diagrams` prints them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from engine.model.lifecycle import INCIDENT, ORDER, UNIT

S = TypeVar("S", bound=StrEnum)


def mermaid(table: Mapping[S, frozenset[S]]) -> str:
    """Draw one lifecycle as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))}"]
    lines += [f"    {state} --> {after}" for state, its in table.items() for after in type(state) if after in its]
    lines += [f"    {state} --> [*]" for state, its in table.items() if not its]
    return "\n".join([*lines, "```"])


def drawn() -> dict[str, str]:
    """Return the three diagrams by the name of what they show."""
    return {"incident": mermaid(INCIDENT), "order": mermaid(ORDER), "unit": mermaid(UNIT)}


if __name__ == "__main__":
    print("\n\n".join(f"### {name}\n\n{diagram}" for name, diagram in drawn().items()))
