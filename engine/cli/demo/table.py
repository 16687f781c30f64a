"""The live table: each order as it goes out, in whose hands it is, and how far it has come.

`Board` keeps what is shown and is told as things happen; it works without a screen as well. `live` draws it with rich
a few times a second.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TextIO
from zoneinfo import ZoneInfo

from engine.core.answering import STATE_OF_ANSWER
from engine.model.commands import Answer
from engine.simulation.played import PlayedCall
from engine.texts import duration, text
from engine.wire.server_messages import OrderView, Refused

if TYPE_CHECKING:
    from rich.console import RenderableType

_ROWS = 18
_DRAW_S = 0.125
_STATE_STYLE = {
    "delivered": "yellow",
    "accepted": "cyan",
    "en_route": "blue",
    "on_scene": "green",
    "reported": "green",
    "cleared": "dim",
    "withdrawn": "magenta",
    "shortage": "bold red",
}
_LEVEL_STYLE = {1: "bold red", 2: "yellow", 3: "blue", 4: "dim"}


@dataclass(kw_only=True)
class Row:
    """One line of the table."""

    incident: str
    level: int
    type: str
    who: str
    eta_ms: int | None
    delivered_ms: float | None = None
    sent_at: int = 0
    accepted_ms: int | None = None
    state: str = "delivered"
    """An order's state, or ``withdrawn`` or ``shortage``."""


class Board:
    """What is to be seen.

    Parameters
    ----------
    title
        What is played.
    time_zone
        IANA name of the clock in the corner.
    ends_at
        When the play ends, ms since the epoch; None where it ends by itself.
    language
        What it is written in.
    """

    def __init__(self, title: str, time_zone: str, ends_at: int | None, language: str = "en") -> None:
        self.title = title
        self.now = 0
        self.alerts = self.orders = self.shortages = self.refusals = 0
        self.rows: OrderedDict[str, Row] = OrderedDict()
        self._zone, self._ends_at, self._language = ZoneInfo(time_zone), ends_at, language

    def delivered(self, order: OrderView, after_ms: float | None) -> None:
        """Show an order that is in its terminal's hands."""
        self.orders += 1
        self._add(
            order.id,
            Row(
                incident=order.incident,
                level=order.level,
                type=order.type,
                who=order.recipient,
                eta_ms=order.eta_ms,
                delivered_ms=after_ms,
                sent_at=self.now,
            ),
        )

    def withdrawn(self, order: OrderView) -> None:
        """Show that an order was withdrawn."""
        if order.id in self.rows:
            self.rows[order.id].state = "withdrawn"

    def answered(self, order: str, answer: Answer, at: int) -> None:
        """Show what a terminal said."""
        row = self.rows.get(order)
        if row is None:
            return
        row.state = STATE_OF_ANSWER.get(answer, row.state)
        if answer == "accept":
            row.accepted_ms = at - row.sent_at

    def reported(self, call: PlayedCall, incident: str, shortage: Sequence[str]) -> None:
        """Count an alert, and show what there was nobody for."""
        self.alerts += 1
        self.shortages += len(shortage)
        for capability in shortage:
            row = Row(
                incident=incident,
                level=call.level or 0,
                type=call.type,
                who=self._text("nobody", capability=capability),
                eta_ms=None,
                state="shortage",
            )
            self._add(f"{incident} {capability}", row)

    def refused(self, call: PlayedCall, refusal: Refused) -> None:
        """Show an alert that was not taken."""
        self.refusals += 1
        row = Row(
            incident=call.id, level=call.level or 0, type=call.type, who=refusal.code, eta_ms=None, state="shortage"
        )
        self._add(call.id, row)

    def time(self, now: int) -> None:
        """Show what time it is."""
        self.now = now

    def _add(self, name: str, row: Row) -> None:
        self.rows[name] = row
        while len(self.rows) > _ROWS:
            self.rows.popitem(last=False)

    def clock(self) -> str:
        """Return the local time that is played."""
        return datetime.fromtimestamp(self.now / 1000, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def draw(self) -> "RenderableType":
        """Return the table as it stands."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        # Without walls between the columns it fits a terminal of 80.
        title = f"{self.title}\n{self._headline()}"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for name, justify, least in (
            ("incident", "left", 5),
            ("level", "center", 5),
            ("type", "left", 0),
            ("who", "left", 0),
            ("eta", "right", 5),
            ("delivered", "right", 7),
            ("accepted", "right", 5),
            ("state", "left", 9),
        ):
            # Where it is narrow, words are cut, numbers and states never.
            table.add_column(self._text(name), justify=justify, no_wrap=True, min_width=least)  # type: ignore[arg-type]
        for row in reversed(self.rows.values()):
            table.add_row(*self._cells(row))
        return table

    def _headline(self) -> str:
        said = [self.clock()]
        if self._ends_at is not None:
            said.append(self._text("minutes_left", minutes=max(0, self._ends_at - self.now) // 60_000))
        said.append(self._text("counts", alerts=self.alerts, orders=self.orders, shortages=self.shortages))
        if self.refusals:
            said.append(self._text("refused", refused=self.refusals))
        return " · ".join(said)

    def _text(self, key: str, **values: object) -> str:
        return text(f"demo_table.{key}", self._language, **values)

    def _state(self, row: Row) -> str:
        if row.state in ("withdrawn", "shortage"):
            return self._text(row.state)
        return text(f"order_state.{row.state}", self._language)

    def _cells(self, row: Row) -> tuple[str, ...]:
        level, style = _LEVEL_STYLE.get(row.level, "dim"), _STATE_STYLE.get(row.state, "")
        state = self._state(row)
        return (
            f"#{row.incident.rpartition('-')[2]}",
            f"[{level}]{row.level or '?'}[/]",
            row.type.replace("_", " "),
            row.who,
            "" if row.eta_ms is None else duration(row.eta_ms),
            "" if row.delivered_ms is None else f"{row.delivered_ms:.1f} ms",
            "" if row.accepted_ms is None else f"{row.accepted_ms / 1000:.0f} s",
            f"[{style}]{state}[/]" if style else state,
        )


@contextlib.asynccontextmanager
async def live(board: Board, out: TextIO) -> AsyncIterator[None]:
    """Draw a board on a terminal for as long as the block runs; on anything else only its last state."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=out)
    if not console.is_terminal:
        yield
        console.print(board.draw())
        return
    with Live(board.draw(), console=console, auto_refresh=False, screen=False) as screen:

        async def keep_drawing() -> None:
            while True:
                await asyncio.sleep(_DRAW_S)
                screen.update(board.draw(), refresh=True)

        drawing = asyncio.create_task(keep_drawing())
        try:
            yield
        finally:
            drawing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await drawing
            screen.update(board.draw(), refresh=True)
