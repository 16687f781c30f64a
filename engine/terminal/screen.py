"""A terminal of text: what is to be done, what the answer can be, and a key for each; in Chinese and English.

It shows what `engine.terminal.client.Client` has applied, and says what a person presses; without a line the words wait
in the client's file, and the head of the screen says how many.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Footer, Input, Label, OptionList, RichLog, Static
from textual.widgets.option_list import Option

from engine.model.commands import Answer
from engine.model.errors import Refusal
from engine.model.lifecycle import OPEN_ORDERS
from engine.terminal.awaited import Answered
from engine.terminal.client import Client, ClientEnded
from engine.texts import LANGUAGES, catalogue, duration, text
from engine.texts.directions import compass
from engine.wire.server_messages import Item, OrderView, Refused, Superseded, Taken

W = TypeVar("W", bound=Widget)
Names = Mapping[str, Mapping[str, str]]
"""What incident types are called: by id, by language."""
_MOST_LINES = 500
_LOOK_S = 0.2
"""How often the client is looked at: it has applied an item only once the next one is asked for."""


class Asking(ModalScreen[str | None]):
    """One line of words from a person; Esc takes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "app.pop_screen", "Esc")]
    DEFAULT_CSS = """
    Asking { align: center middle; }
    Asking Vertical { width: 60; height: auto; border: thick $accent; background: $surface; padding: 1; }
    """

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield Input(id="words", max_length=4_000)

    def on_input_submitted(self, said: Input.Submitted) -> None:
        """Take the words."""
        self.dismiss(said.value.strip() or None)


class TerminalScreen(App[int]):
    """The screen of one unit or station.

    Parameters
    ----------
    client
        Of the stream, not yet entered: the screen opens and closes it.
    names
        What incident types are called.
    language
        What it begins in; a key changes it.
    """

    CSS = """
    #head { height: 1; background: $primary; color: $text; padding: 0 1; }
    #head.waiting { background: $error; }
    #orders { width: 40%; height: 1fr; }
    #side { width: 60%; height: 1fr; padding: 0 1; border-left: solid $primary; }
    #log { height: 8; border-top: solid $primary; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12,exclamation_mark", "emergency", "emergency", priority=True),
        Binding("a", "answer('accept')", "accept"),
        Binding("e", "answer('en_route')", "en_route"),
        Binding("s", "answer('on_scene')", "on_scene"),
        Binding("c", "answer('clear')", "clear"),
        Binding("w", "answer('well')", "well"),
        Binding("p", "words('report')", "report"),
        Binding("r", "words('refuse')", "refuse"),
        Binding("n", "look('not_here')", "not_here"),
        Binding("f", "look('found')", "found"),
        Binding("b", "backup", "backup"),
        Binding("m", "read", "read"),
        Binding("l", "language", "language"),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, client: Client, names: Names, language: str = "zh") -> None:
        super().__init__()
        self.client = client
        self.language = language
        self._names = names
        self._stands: dict[str, str] = {}
        """Where orders stand by the answers to what was said here."""
        self._unread: list[str] = []
        self._seen: list[OrderView] = []
        self.ended: ClientEnded | None = None

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Static(id="head", markup=False)
        with Horizontal():
            yield OptionList(id="orders", markup=False)
            with VerticalScroll(id="side"):
                yield Static(id="details", markup=False)
        yield RichLog(id="log", max_lines=_MOST_LINES, wrap=True, markup=False)
        yield Footer()

    async def on_mount(self) -> None:
        """Connect, and show what was there before."""
        self._name_keys()
        await self.client.__aenter__()
        self.run_worker(self._listen(), name="listen")
        self.set_interval(_LOOK_S, self._look)
        self._show()

    async def on_unmount(self) -> None:
        """End the connection; what has no answer stays in the client's file."""
        await self.client.close()

    async def _listen(self) -> None:
        try:
            while (item := await self.client.next_item()) is not None:
                self._take(item)
        except ClientEnded as ended:
            self.ended = ended
            self._tell(text("screen.ended", self.language, reason=ended.reason))
        self._show()

    def _take(self, item: Item) -> None:
        if item.order is not None:
            self._stands.pop(item.order.id, None)
        if item.kind == "notice":
            self._tell(self._notice(item))
            if "broadcast" in item.values:
                self._unread.append(item.values["broadcast"])
        elif item.order is not None:
            code = "screen.new" if item.kind == "order" else "screen.gone"
            self._tell(text(code, self.language, order=item.order.id, task=self._name_of(item.order)))
            self.bell()
        self._show()

    def _notice(self, item: Item) -> str:
        if item.code not in catalogue(self.language)["notice"]:
            return item.code
        said = text(f"notice.{item.code}", self.language, **item.values)
        said = f"{said}\n{item.values['text']}" if "text" in item.values else said
        return text("device.exercise", self.language, words=said) if "exercise" in item.values else said

    def _tell(self, words: str) -> None:
        if not self.is_running:  # it is being taken down, one part after another
            return
        stamp = datetime.now().astimezone().strftime("%H:%M:%S")
        self._on_base("#log", RichLog).write(f"{stamp}  {words}")

    def _on_base(self, selector: str, kind: type[W]) -> W:
        """Return a part of the screen itself, whatever question lies over it."""
        return self.screen_stack[0].query_one(selector, kind)

    def _look(self) -> None:
        """Show what has changed."""
        if not self.is_running:
            return
        if list(self.client.open_orders.values()) != self._seen:
            self._show()
        self._show_head()

    def _show(self) -> None:
        """Show the orders that are open, the chosen one as before, and all about it."""
        if not self.is_running:
            return
        orders = self._on_base("#orders", OptionList)
        chosen = self._chosen()
        self._seen = list(self.client.open_orders.values())
        open_orders = self._open()
        orders.clear_options()
        orders.add_options([Option(Content(self._line(its)), id=its.id) for its in open_orders])
        if open_orders:
            ids = [its.id for its in open_orders]
            orders.highlighted = ids.index(chosen.id) if chosen is not None and chosen.id in ids else 0
        self._show_details()
        self._show_head()

    def _open(self) -> list[OrderView]:
        return [
            its
            for its in self.client.open_orders.values()
            if its.state in OPEN_ORDERS and self._stands.get(its.id) not in ("cleared", "refused")
        ]

    def _chosen(self) -> OrderView | None:
        orders = self._on_base("#orders", OptionList)
        if orders.highlighted is None or orders.highlighted >= orders.option_count:
            return None
        return self.client.open_orders.get(str(orders.get_option_at_index(orders.highlighted).id))

    def on_option_list_option_highlighted(self) -> None:
        """Show another order."""
        if self.is_running:
            self._show_details()

    def _name_of(self, order: OrderView) -> str:
        return self._names.get(order.type, {}).get(self.language, order.type)

    def _line(self, order: OrderView) -> str:
        state = text(f"order_state.{self._stands.get(order.id, order.state)}", self.language)
        line = text("screen.line", self.language, level=order.level, task=self._name_of(order), state=state)
        return text("device.exercise", self.language, words=line) if order.exercise else line

    def _show_details(self) -> None:
        order = self._chosen()
        words = text("screen.nothing", self.language) if order is None else "\n".join(self._lines(order))
        self._on_base("#details", Static).update(Content(words))

    def _lines(self, order: OrderView) -> list[str]:
        """Return all that whoever goes should read, what matters first; what is empty is left out."""
        language, its = self.language, order.briefing
        rows = [
            ("order", order.id),
            ("what", self._line(order)),
            ("eta", "" if order.eta_ms is None else duration(order.eta_ms)),
            ("address", order.address),
            ("place", f"{order.lon:.5f}, {order.lat:.5f}"),
            ("label", order.label),
            ("text", order.text),
            ("caller", " ".join(part for part in (order.caller, order.phone) if part)),
        ]
        if order.post is not None:
            rows.append(("watch", " ".join(compass(degrees, language) for degrees in order.post.watch_deg)))
            rows.append(("with", " ".join(order.post.beside)))
        places = [
            text("screen.look", language, place=at.place, name=at.name, phone=at.phone).strip() for at in order.looks
        ]
        rows.append(("looks", "\n".join(places)))
        if its is not None:
            rows.append(("safety", its.safety.get(language, "")))
            rows.append(("guidance", its.guidance.get(language, "")))
            rows.append(("equipment", " · ".join(name.get(language, "") for name in its.equipment)))
            rows += [("ask", asked.get(language, "")) for asked in its.ask]
        return [f"{text(f'screen.{key}', language)}  {value}" for key, value in rows if value]

    def _show_head(self) -> None:
        welcome, head = self.client.welcome, self._on_base("#head", Static)
        recipient = welcome.recipient if welcome is not None else None
        code = "screen.connected" if welcome is not None else "screen.waiting"
        head.set_class(welcome is None, "waiting")
        head.update(Content(text(code, self.language, who=recipient or "", unanswered=self.client.unanswered)))

    def _name_keys(self) -> None:
        """Call every key by its name in the language of now."""
        for bindings in self._bindings.key_to_bindings.values():
            for at, binding in enumerate(bindings):
                name = binding.action.removeprefix("words").removeprefix("answer").removeprefix("look").strip("(')")
                bindings[at] = (
                    Binding(
                        binding.key,
                        binding.action,
                        text(f"screen.key_{name}", self.language),
                        priority=binding.priority,
                    )
                    if f"key_{name}" in catalogue(self.language)["screen"]
                    else binding
                )
        self.refresh_bindings()

    def action_language(self) -> None:
        """Go over to the other language."""
        self.language = LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]
        self._name_keys()
        self._show()

    def action_answer(self, answer: Answer) -> None:
        """Say one word about the chosen order."""
        order = self._chosen()
        if order is not None:
            self._say(order, answer)

    def action_words(self, answer: Answer) -> None:
        """Say something about the chosen order that takes words."""
        order = self._chosen()
        if order is None:
            return

        def said(words: str | None) -> None:
            if words is not None:
                self._say(order, answer, words)

        self.push_screen(Asking(text(f"screen.ask_{answer}", self.language)), said)

    def _say(self, order: OrderView, answer: Answer, words: str = "") -> None:
        reason, report = ("", words) if answer == "report" else (words, "")
        try:
            future = self.client.answer(order, answer, reason=reason, text=report)
        except Refusal as refusal:
            self._tell(str(refusal))
            return
        future.add_done_callback(lambda done: None if done.cancelled() else self._heard(order, done.result()))

    def _heard(self, order: OrderView | None, answered: Answered) -> None:
        """Take what came of something that was said."""
        match answered:
            case Taken(refs=refs):
                if order is not None and "state" in refs:
                    self._stands[order.id] = str(refs["state"])
                self._tell(text("screen.taken", self.language))
            case Refused():
                self._tell(text("screen.refused", self.language, code=answered.code, limit=answered.limit))
            case Superseded():
                self._tell(text("screen.superseded", self.language, order=answered.order))
        self._show()

    def action_look(self, what: str) -> None:
        """Say whether the subject of a search is at the place that the chosen order is for."""
        order = self._chosen()
        if order is not None and order.looks:
            future = self.client.look(order, order.looks[0].place, found=what == "found")
            future.add_done_callback(lambda done: None if done.cancelled() else self._heard(order, done.result()))

    def action_backup(self) -> None:
        """Ask for backup."""
        order = self._chosen()
        if order is not None:
            self.client.ask(order, "backup").add_done_callback(
                lambda done: None if done.cancelled() else self._heard(order, done.result())
            )

    def action_read(self) -> None:
        """Say that the broadcasts that are shown have been read."""
        for broadcast in self._unread:
            self.client.read(broadcast)
        self._unread.clear()

    def action_emergency(self) -> None:
        """Call for help, at once."""
        order = self._chosen()
        future = self.client.emergency(order=order.id if order is not None else "")
        self._tell(text("screen.emergency", self.language))
        future.add_done_callback(lambda done: None if done.cancelled() else self._heard(None, done.result()))
