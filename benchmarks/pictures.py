"""The pictures of ``python -m benchmarks.nearest``: medians in milliseconds, everybody a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Row

PANEL = (4.6, 4.0)
UNITS, K = 1_000, 10
"""What is held where something else varies."""


def cities(document: dict[str, Any], target: Path) -> None:
    """Draw median times over the number of eligible units, one panel for each network."""
    rows = [row for row in document["results"] if "times_slower" in row]
    panels = []
    for graph in dict.fromkeys(row["graph"] for row in rows):
        own = [row for row in rows if row["graph"] == graph]
        panels.append((f"{graph}: {own[0]['nodes']:,} nodes", "eligible", "eligible units", own))
    _draw(panels, target)


def peers(document: dict[str, Any], folder: Path) -> None:
    """Draw median times over the graph's size, the number of units and k."""
    rows = [row for row in document["results"] if "ratio" in row]
    if not rows:
        return
    graph = rows[0]["graph"]
    by_size = [row for row in rows if (row["units"], row["k"]) == (UNITS, K)]
    by_units = [row for row in rows if (row["graph"], row["k"]) == (graph, K)]
    by_k = [row for row in rows if (row["graph"], row["units"]) == (graph, UNITS)]
    nodes = f"greater Porto, {rows[0]['nodes']:,} nodes"
    panels = [
        (f"{UNITS:,} units, k = {K}", "nodes", "nodes", by_size),
        (f"{nodes}, k = {K}", "units", "eligible units", by_units),
        (f"{nodes}, {UNITS:,} units", "k", "k", by_k),
    ]
    _draw(panels, folder / "peers.svg")


def _draw(panels: Sequence[tuple[str, str, str, Sequence[Row]]], target: Path) -> None:
    """Draw panels side by side: title, column, its label, rows."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    width, height = PANEL
    figure, axes = plt.subplots(1, len(panels), figsize=(width * len(panels), height), sharey=True, squeeze=False)
    colours: dict[str, str] = {}
    for axis, (title, column, label, rows) in zip(axes[0], panels, strict=True):
        for who in dict.fromkeys(row["who"] for row in rows):
            points = sorted((row[column], row["median_ms"]) for row in rows if row["who"] == who)
            colour = colours.setdefault(who, f"C{len(colours)}")
            axis.loglog(*zip(*points, strict=True), marker="o", color=colour, label=who.replace("_", " "))
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(label)
        axis.grid(visible=True, which="both", alpha=0.2)
    axes[0][0].set_ylabel("median, ms")
    lines = {name: line for axis in axes[0] for line, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    axes[0][-1].legend(lines.values(), lines.keys(), fontsize=8)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)
