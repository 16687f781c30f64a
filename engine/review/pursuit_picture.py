"""A picture of a pursuit: where the subject could have been, where he was, who was sent where, which posts stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.review.pictures import INK, credit_of, draw_streets, lines_on, new_figure
from geo_data.road_network import RoadNetwork

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CAR, _FOOT, _UNIT, _POST, _REACH = "#c1121f", "#f08c00", "#2f9e44", "#1b1f3b", "#ffd8a8"


@dataclass(frozen=True)
class Seen:
    """A sighting: where, and the streets that could be reached from it until the next one was known."""

    lon: float
    lat: float
    label: str
    reach: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Held:
    """A post: where, who, whether it came to stand, and whether it was part of a seal."""

    lon: float
    lat: float
    label: str
    stood: bool


@dataclass(frozen=True)
class Chart:
    """All that is drawn. Lines are float64 (p, 2), longitude and latitude."""

    title: str
    subtitle: str
    by_car: Sequence[NDArray[np.float64]]
    on_foot: Sequence[NDArray[np.float64]]
    ways: Sequence[NDArray[np.float64]]
    seen: Sequence[Seen]
    posts: Sequence[Held]
    end: tuple[float, float]
    caught: bool


def draw_pursuit(path: Path, network: RoadNetwork, chart: Chart) -> None:
    """Write a PNG of a pursuit."""
    figure = new_figure(12.0, 11.0)
    axes = figure.add_axes((0.02, 0.04, 0.96, 0.89))
    draw_streets(axes, network)
    for seen in reversed(chart.seen):
        lines_on(axes, list(seen.reach), _REACH, 3.0, alpha=0.5, zorder=1.5)
    lines_on(axes, [way for way in chart.ways if len(way) > 1], _UNIT, 1.6, alpha=0.75, zorder=3)
    lines_on(axes, list(chart.by_car), _CAR, 2.6, zorder=4)
    lines_on(axes, list(chart.on_foot), _FOOT, 2.6, zorder=4)
    _posts(axes, chart.posts)
    _seen(axes, chart.seen)
    mark = "X" if chart.caught else "$?$"
    axes.scatter([chart.end[0]], [chart.end[1]], marker=mark, s=170, color=INK, edgecolors="white", zorder=9)
    _frame(axes, chart)
    _legend(axes, chart)
    figure.text(0.03, 0.965, chart.title, fontsize=15, color=INK, weight="bold", va="center")
    figure.text(0.03, 0.942, chart.subtitle, fontsize=10, color="#5c6066", va="center")
    figure.text(0.98, 0.018, credit_of(network), fontsize=8, color="#5c6066", ha="right")
    figure.savefig(path, dpi=150, facecolor="white")


def _posts(axes: "Axes", posts: Sequence[Held]) -> None:
    for stood, face in ((True, _POST), (False, "white")):
        its = [post for post in posts if post.stood is stood]
        axes.scatter(
            [post.lon for post in its],
            [post.lat for post in its],
            marker="s",
            s=62,
            color=face,
            edgecolors=_POST,
            linewidths=1.4,
            zorder=7,
        )
    for post in posts:
        if post.stood:
            _label(axes, post.lon, post.lat, post.label, _POST)


def _seen(axes: "Axes", seen: Sequence[Seen]) -> None:
    axes.scatter(
        [its.lon for its in seen],
        [its.lat for its in seen],
        s=110,
        color="white",
        edgecolors=_CAR,
        linewidths=2,
        zorder=8,
    )
    for its in seen:
        axes.annotate(
            its.label, (its.lon, its.lat), ha="center", va="center", fontsize=8, color=INK, weight="bold", zorder=9
        )


def _label(axes: "Axes", lon: float, lat: float, words: str, colour: str) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - heavy, wanted only to draw

    axes.annotate(
        words,
        (lon, lat),
        xytext=(6, 5),
        textcoords="offset points",
        fontsize=7,
        color=colour,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=10,
    )


def _frame(axes: "Axes", chart: Chart) -> None:
    """Show what happened, with some ground around it, true to shape."""
    places = np.array([chart.end, *((its.lon, its.lat) for its in chart.posts)])
    points = np.concatenate([*chart.by_car, *chart.on_foot, places])
    west, south = points.min(axis=0)
    east, north = points.max(axis=0)
    pad = 0.12 * max(east - west, north - south, 0.005)
    axes.set_xlim(west - pad, east + pad)
    axes.set_ylim(south - pad, north + pad)
    axes.set_aspect(1.0 / np.cos(np.radians((south + north) / 2.0)))
    axes.set_axis_off()


def _legend(axes: "Axes", chart: Chart) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - as above

    mark, end = ("X", "caught") if chart.caught else ("$?$", "at the end")
    marks = [
        Line2D([], [], color=_CAR, linewidth=2.6, label="the suspect by car"),
        Line2D([], [], color=_FOOT, linewidth=2.6, label="on foot"),
        Line2D([], [], marker="o", linestyle="", color="white", markeredgecolor=_CAR, label="seen, in order"),
        Line2D([], [], color=_REACH, linewidth=4, label="in reach until seen again"),
        Line2D([], [], color=_UNIT, linewidth=2, label="way of a unit"),
        Line2D([], [], marker="s", linestyle="", color=_POST, label="post that stood"),
        Line2D([], [], marker="s", linestyle="", color="white", markeredgecolor=_POST, label="post given up before"),
        Line2D([], [], marker=mark, linestyle="", color=INK, label=end),
    ]
    axes.legend(handles=marks, loc="upper left", fontsize=9, frameon=True, framealpha=0.9, edgecolor="#e9ebee")
