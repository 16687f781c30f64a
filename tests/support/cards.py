"""Run cards for tests: the county's, with other keys on some of them."""

import re
from pathlib import Path

from engine.dispatch.run_cards import COUNTY, RunCards


def county_and(folder: Path, card: str) -> RunCards:
    """Return the county's cards and one more, given by its lines."""
    path = folder / "cards.toml"
    path.write_text(f"{COUNTY.read_text('utf-8')}\n[[cards]]\n{card}\n", "utf-8")
    return RunCards.load(path)


def county_with(folder: Path, **said: str) -> RunCards:
    """Return the county's cards; ``said`` gives lines to add to a card or family by its id."""
    text = COUNTY.read_text("utf-8")
    for card, lines in said.items():
        text, changed = re.subn(rf'^id = "{card}"$', f'id = "{card}"\n{lines}', text, flags=re.MULTILINE)
        assert changed == 1, card
    path = folder / "cards.toml"
    path.write_text(text, "utf-8")
    return RunCards.load(path)
