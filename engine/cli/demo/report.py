"""What a demonstration came to: one object of figures, a closing summary, pictures.

The figures are counted from the journal and from what the terminals saw; see `engine.review.audit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from engine.cli.demo.field import Measured
from engine.cli.demo.play import Played
from engine.review.audit import Audit, audit
from engine.review.figures import Spread, percentile, response_figures
from engine.review.timeline import Timeline, read_timeline
from engine.texts import text

if TYPE_CHECKING:
    from geo_data.road_network import RoadNetwork

MAP, PLOTS, FIGURES = "map.png", "response_times.png", "figures.json"
_MOST_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Result:
    """A run, looked over."""

    timeline: Timeline
    audit: Audit
    measured: Measured
    played: Played
    first_station: tuple[int, int] | None

    @property
    def passed(self) -> bool:
        """Nothing was lost, nobody was sent to two places."""
        return not self.audit.lost and not self.audit.double_booked


def read_result(folder: Path, measured: Measured, played: Played, first_station: tuple[int, int] | None) -> Result:
    """Read the journal of a city whose server has ended, and hold it against what was seen.

    Parameters
    ----------
    folder
        The city's folder.
    first_station
        For how many calls the recommended engine was of the real first one's station, and of how many.
    """
    from engine.core.city_folder import RECORD
    from engine.journal.record import open_record

    journal, vault = open_record(folder / RECORD)
    try:
        timeline = read_timeline(journal.read())
    finally:
        journal.close()
        vault.close()
    found = audit(timeline, measured.seen, played.accepted)
    return Result(timeline=timeline, audit=found, measured=measured, played=played, first_station=first_station)


def figures(result: Result) -> dict[str, Any]:
    """Return the figures under their agreed names; null where there is nothing to measure."""
    found, hits = result.audit, result.first_station
    return {
        "alerts": found.alerts,
        "unit_orders": found.unit_orders,
        "station_orders": found.station_orders,
        "shortages": found.shortages,
        "served_share": _rounded(found.served_share),
        "lost": len(found.lost),
        "double_booked": len(found.double_booked),
        "decide_p50_ms": _rounded(percentile(result.measured.decide_ms, 0.5)),
        "decide_p99_ms": _rounded(percentile(result.measured.decide_ms, 0.99)),
        "deliver_p50_ms": _rounded(percentile(result.measured.deliver_ms, 0.5)),
        "deliver_p99_ms": _rounded(percentile(result.measured.deliver_ms, 0.99)),
        "first_station_match": None if hits is None else _rounded(hits[0] / hits[1]),
        "first_station_calls": None if hits is None else hits[1],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def say_summary(result: Result, out: TextIO, language: str) -> None:
    """Print what it came to, for people, in their language."""
    from rich.console import Console
    from rich.table import Table

    found, numbers = result.audit, figures(result)
    console = Console(file=out, highlight=False)
    table = Table(title=_said("title", language), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, value in _summary_rows(result, numbers, language):
        table.add_row(_said(name, language), value)
    console.print(table)
    for key, lines in (("lost_one", found.lost), ("booked_twice", found.double_booked)):
        for line in lines[:_MOST_NAMED]:
            console.print(_said(key, language, what=line), style="bold red", markup=False)
    for call, why in list(result.played.refused.items())[:_MOST_NAMED]:
        console.print(_said("refused_one", language, call=call, why=why), markup=False)


def _said(key: str, language: str, **values: object) -> str:
    return text(f"demo_summary.{key}", language, **values)


def _summary_rows(result: Result, numbers: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    """Return the rows of the summary: the key of what it is, and the figure."""
    times = response_figures(result.timeline)
    rows = [
        ("alerts", f"{numbers['alerts']:,}"),
        ("orders", f"{numbers['unit_orders']:,}, {numbers['station_orders']:,}"),
        ("shortages", f"{numbers['shortages']:,}"),
        ("served", _share(numbers["served_share"])),
        ("lost", f"{numbers['lost']} · {numbers['double_booked']}"),
        ("decided", _ms(numbers["decide_p50_ms"], numbers["decide_p99_ms"], language)),
        ("delivered", _ms(numbers["deliver_p50_ms"], numbers["deliver_p99_ms"], language)),
        ("turnout", _spread(times.turnout, language)),
        ("travel", _spread(times.travel, language)),
        ("response", _spread(times.response, language)),
    ]
    if result.played.refused:
        rows.insert(1, ("refused", f"{len(result.played.refused):,}"))
    if numbers["first_station_calls"] is not None:
        share, calls = _share(numbers["first_station_match"]), numbers["first_station_calls"]
        rows.append(("first_station", _said("of_calls", language, share=share, calls=calls)))
    return rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _ms(median: float | None, slow: float | None, language: str) -> str:
    if median is None or slow is None:
        return "-"
    return _said("milliseconds", language, median=median, slow=slow)


def _spread(spread: Spread, language: str) -> str:
    if spread.median_s is None or spread.p90_s is None:
        return "-"
    return _said("minutes", language, median=spread.median_s / 60, slow=spread.p90_s / 60)


def draw(out: Path, result: Result, network: "RoadNetwork", time_zone: str, title: str) -> list[Path]:
    """Write the pictures, and return where they are."""
    from engine.review.pictures import draw_map, draw_response_times

    out.mkdir(parents=True, exist_ok=True)
    draw_map(out / MAP, network, result.timeline, title)
    draw_response_times(out / PLOTS, result.timeline, time_zone, f"{title}: response times")
    return [out / MAP, out / PLOTS]
