"""Pictures of a run: the city's map with what happened on it, and how long people waited.

Drawn without a display. Whoever made the map data is named on the map.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.review.figures import percentile, response_minutes
from engine.review.timeline import Timeline
from engine.travel import decode_polyline
from geo_data.raw_roads import RoadClass
from geo_data.road_network import RoadNetwork

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVEL_COLOURS = {1: "#c1121f", 2: "#f08c00", 3: "#1c7ed6", 4: "#74777d"}
INK, _ROUTE, _STATION = "#22252a", "#2f9e44", "#1b1f3b"
_STREET, _MAIN_STREET = "#d4d6da", "#aeb2b9"
_MAIN = (RoadClass.MOTORWAY, RoadClass.TRUNK, RoadClass.PRIMARY, RoadClass.SECONDARY)
_MOST_LABELS = 60


def draw_map(path: Path, network: RoadNetwork, timeline: Timeline, title: str) -> None:
    """Write a PNG of the city: streets, stations, incidents by level, and the ways that units were sent.

    Parameters
    ----------
    path
        The file to write.
    title
        What stands above the map.
    """
    figure = new_figure(12.0, 11.0)
    axes = figure.add_axes((0.02, 0.04, 0.96, 0.89))
    draw_streets(axes, network)
    _routes(axes, timeline)
    _incidents(axes, timeline)
    _stations(axes, timeline)
    _frame(axes, network)
    figure.text(0.03, 0.965, title, fontsize=15, color=INK, weight="bold", va="center")
    figure.text(0.03, 0.942, _subtitle(timeline), fontsize=10, color="#5c6066", va="center")
    figure.text(0.98, 0.018, credit_of(network), fontsize=8, color="#5c6066", ha="right")
    _legend(axes, timeline)
    figure.savefig(path, dpi=150, facecolor="white")


def draw_response_times(path: Path, timeline: Timeline, time_zone: str, title: str) -> None:
    """Write a PNG of response times: their distribution by level, and how they went over the run.

    Parameters
    ----------
    path
        The file to write.
    time_zone
        IANA name; the time axis shows its local time.
    title
        What stands above the plots.
    """
    figure = new_figure(12.0, 5.6)
    figure.text(0.06, 0.945, title, fontsize=14, color=INK, weight="bold", va="center")
    left = figure.add_axes((0.06, 0.12, 0.4, 0.74))
    right = figure.add_axes((0.54, 0.12, 0.43, 0.74))
    _distribution(left, timeline)
    _over_time(right, timeline, ZoneInfo(time_zone))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(b=False)
        axes.grid(color="#e9ebee", linewidth=0.8)
        axes.set_axisbelow(b=True)
    figure.savefig(path, dpi=150, facecolor="white")


def new_figure(width_in: float, height_in: float) -> "Figure":
    """Return an empty figure that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy, wanted only to draw
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasAgg(figure)
    return figure


def lines_on(axes: "Axes", lines: list[NDArray[np.float64]], colour: str, width: float, **more: Any) -> None:
    """Draw lines of points."""
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="round", **more))


def draw_streets(axes: "Axes", network: RoadNetwork) -> None:
    """Draw all streets, the main ones darker."""
    main = np.isin(network.arc_class, [int(kind) for kind in _MAIN])
    first = np.unique(network.arc_geometry, return_index=True)[1]
    for chosen, colour, width in (
        (first[~main[first]], _STREET, 0.5),
        (first[main[first]], _MAIN_STREET, 1.1),
    ):
        lines_on(axes, [network.arc_points(int(arc)) for arc in chosen], colour, width, zorder=1)


def _routes(axes: "Axes", timeline: Timeline) -> None:
    ways = [decode_polyline(story.order.route) for story in timeline.orders.values() if story.order.route]
    # Many ways become a pattern of use, few stand out one by one.
    alpha = float(np.clip(12.0 / np.sqrt(len(ways) + 1), 0.04, 0.75))
    lines_on(axes, [way for way in ways if len(way) > 1], _ROUTE, 1.4, alpha=alpha, zorder=2)


def _incidents(axes: "Axes", timeline: Timeline) -> None:
    size = float(np.clip(600.0 / np.sqrt(len(timeline.incidents) + 1), 5.0, 60.0))
    for level in sorted(LEVEL_COLOURS, reverse=True):
        there = [it for it in timeline.incidents.values() if it.level == level]
        axes.scatter(
            [it.lon for it in there],
            [it.lat for it in there],
            s=size,
            color=LEVEL_COLOURS[level],
            alpha=0.85,
            linewidths=0.4,
            edgecolors="white",
            zorder=3 + (4 - level),
        )


def _stations(axes: "Axes", timeline: Timeline) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    stations = list(timeline.stations.values())
    axes.scatter(
        [it.lon for it in stations],
        [it.lat for it in stations],
        marker="s",
        s=38,
        color=_STATION,
        edgecolors="white",
        linewidths=0.8,
        zorder=9,
    )
    for station in stations[:_MOST_LABELS]:
        label = station.name if station.name.isascii() and len(station.name) <= 24 else station.id
        axes.annotate(
            label,
            (station.lon, station.lat),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=7,
            color=_STATION,
            path_effects=[withStroke(linewidth=2, foreground="white")],
            zorder=10,
        )


def _frame(axes: "Axes", network: RoadNetwork) -> None:
    """Show all streets, true to shape at the city's latitude."""
    west, south, east, north = network.bounds()
    pad = 0.02 * max(east - west, north - south)
    axes.set_xlim(west - pad, east + pad)
    axes.set_ylim(south - pad, north + pad)
    axes.set_aspect(1.0 / np.cos(np.radians((south + north) / 2.0)))
    axes.set_axis_off()


def _legend(axes: "Axes", timeline: Timeline) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415

    counts = {level: sum(it.level == level for it in timeline.incidents.values()) for level in LEVEL_COLOURS}
    marks = [
        Line2D([], [], marker="o", linestyle="", color=colour, markersize=7, label=f"level {level}: {counts[level]:,}")
        for level, colour in LEVEL_COLOURS.items()
        if counts[level]
    ]
    marks += [
        Line2D([], [], marker="s", linestyle="", color=_STATION, markersize=6, label="station"),
        Line2D([], [], color=_ROUTE, linewidth=2, label="way of a unit"),
    ]
    axes.legend(handles=marks, loc="upper left", fontsize=9, frameon=True, framealpha=0.9, edgecolor="#e9ebee")


def _subtitle(timeline: Timeline) -> str:
    sent = sum(story.order.recipient_kind == "unit" for story in timeline.orders.values())
    return f"{timeline.alerts:,} alerts · {sent:,} orders to units · {len(timeline.stations)} stations"


def credit_of(network: RoadNetwork) -> str:
    """Say who made the map data, and under which licence."""
    said = [str(network.meta.get(key, "")) for key in ("attribution", "licence")]
    return " · ".join(text for text in said if text)


def _distribution(axes: "Axes", timeline: Timeline) -> None:
    by_level = response_minutes(timeline)
    longest = 1.0
    for level, minutes in by_level.items():
        share = np.arange(1, len(minutes) + 1) / len(minutes)
        median, slow = percentile(minutes, 0.5), percentile(minutes, 0.98)
        assert median is not None
        assert slow is not None
        longest = max(longest, slow)
        label = f"level {level}: median {median:.1f} min, n = {len(minutes):,}"
        axes.step(minutes, share, where="post", color=LEVEL_COLOURS[level], linewidth=2, label=label)
    axes.axhline(0.9, color="#aeb2b9", linewidth=1, linestyle=(0, (4, 3)))
    axes.text(longest * 1.04, 0.905, "9 of 10", fontsize=8, color="#74777d", ha="right")
    axes.set_xlim(0, longest * 1.05)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel("minutes from the first alert to the first unit on scene")
    axes.set_ylabel("share of incidents")
    if by_level:
        axes.legend(loc="lower right", fontsize=8.5, frameon=False)


def _over_time(axes: "Axes", timeline: Timeline, zone: ZoneInfo) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    answered = [(it, timeline.response_ms(it)) for it in timeline.incidents.values()]
    for level, colour in sorted(LEVEL_COLOURS.items(), reverse=True):
        rows = [(it.opened_at, ms / 60_000.0) for it, ms in answered if ms is not None and it.level == level]
        at = [datetime.fromtimestamp(opened / 1000, zone) for opened, _ in rows]
        axes.scatter(at, [minutes for _, minutes in rows], s=9, color=colour, alpha=0.7, linewidths=0)  # type: ignore[arg-type]
    all_minutes = sorted(ms / 60_000.0 for _, ms in answered if ms is not None)
    axes.set_ylim(0, (percentile(all_minutes, 0.995) or 1.0) * 1.1)
    locator = AutoDateLocator(minticks=4, maxticks=8, tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
    axes.set_xlabel(f"local time ({zone.key})")
    axes.set_ylabel("response time, minutes")
