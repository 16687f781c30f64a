"""What the documents say is held against what the code does."""

from pathlib import Path

from engine.model.diagrams import drawn

ROOT = Path(__file__).parent.parent


def test_the_lifecycle_diagrams_are_those_of_the_tables():
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for name, diagram in drawn().items():
        assert f"### {name}\n\n{diagram}\n" in page, f"{name}: run python -m engine.model.diagrams"
