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
    from engine.journal.sqlite_journal import SqliteJournal
    from engine.journal.vault import Vault, load_master_key
    from engine.service.address import RECORD

    record = folder / RECORD
    vault = Vault(record / "keys.sqlite", load_master_key(record / "master.key"))
    journal = SqliteJournal(record / "journal.sqlite", vault)
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


def say_summary(result: Result, out: TextIO) -> None:
    """Print what it came to, for people."""
    from rich.console import Console
    from rich.table import Table

    found, numbers = result.audit, figures(result)
    console = Console(file=out, highlight=False)
    table = Table(title="What it came to", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, value in _summary_rows(result, numbers):
        table.add_row(name, value)
    console.print(table)
    for what, lines in (("lost", found.lost), ("double booked", found.double_booked)):
        for line in lines[:_MOST_NAMED]:
            console.print(f"{what}: {line}", style="bold red", markup=False)
    for call, why in list(result.played.refused.items())[:_MOST_NAMED]:
        console.print(f"call {call} was refused: {why}", markup=False)


def _summary_rows(result: Result, numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    times = response_figures(result.timeline)
    rows = [
        ("alerts", f"{numbers['alerts']:,}"),
        ("orders to units, to stations", f"{numbers['unit_orders']:,}, {numbers['station_orders']:,}"),
        ("shortages stated", f"{numbers['shortages']:,}"),
        ("everything idle that was needed, and sent", _share(numbers["served_share"])),
        ("lost · booked twice", f"{numbers['lost']} · {numbers['double_booked']}"),
        ("decided in (median, 99 %)", _ms(numbers["decide_p50_ms"], numbers["decide_p99_ms"])),
        ("delivered in, from commit (median, 99 %)", _ms(numbers["deliver_p50_ms"], numbers["deliver_p99_ms"])),
        ("turnout (median, 9 of 10)", _spread(times.turnout)),
        ("travel (median, 9 of 10)", _spread(times.travel)),
        ("response, first unit on scene (median, 9 of 10)", _spread(times.response)),
    ]
    if result.played.refused:
        rows.insert(1, ("alerts refused", f"{len(result.played.refused):,}"))
    if numbers["first_station_calls"] is not None:
        share = _share(numbers["first_station_match"])
        rows.append(("recommended = real first station", f"{share} of {numbers['first_station_calls']:,} calls"))
    return rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _ms(median: float | None, slow: float | None) -> str:
    return "-" if median is None or slow is None else f"{median:.2f}, {slow:.2f} ms"


def _spread(spread: Spread) -> str:
    if spread.median_s is None or spread.p90_s is None:
        return "-"
    return f"{spread.median_s / 60:.1f}, {spread.p90_s / 60:.1f} min"


def draw(out: Path, result: Result, network: "RoadNetwork", time_zone: str, title: str) -> list[Path]:
    """Write the pictures, and return where they are."""
    from engine.review.pictures import draw_map, draw_response_times

    out.mkdir(parents=True, exist_ok=True)
    draw_map(out / MAP, network, result.timeline, title)
    draw_response_times(out / PLOTS, result.timeline, time_zone, f"{title}: response times")
    return [out / MAP, out / PLOTS]
