"""Changed run cards tried on a city's record, in words: what each incident was and would be, then a summary by card."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from engine.cli.cards.wording import Wording
from engine.core.city import City
from engine.core.city_folder import RECORD, load_city
from engine.dispatch.cards.model import CLOCKS
from engine.dispatch.run_cards import RunCards
from engine.journal.record import open_record
from engine.model.errors import Refusal
from engine.review.trial import Going, Said, Tried, try_cards
from engine.texts import duration, text

WEEK_MS = 7 * 86_400_000


def try_folder(folder: Path, changed: RunCards, since: str | None) -> tuple[City, int, list[Tried]]:
    """Try changed cards on a folder's record, which is only read.

    Parameters
    ----------
    since
        A date or an instant by the city's clock; None for the week before the record's last entry.

    Returns
    -------
    tuple
        The city, the instant since which incidents were tried, and these.

    Raises
    ------
    Refusal
        Without a record, while a server writes it, and for an instant that is none.
    """
    if not (folder / RECORD).is_dir():
        raise Refusal("no_record", "folder", str(folder), "a city's folder that has been served")
    city = load_city(folder)
    journal, vault = open_record(folder / RECORD)
    try:
        last = next(iter(journal.read(journal.last_seq - 1)), None) if journal.last_seq else None
        until = last.at if last else 0
        begins = until - WEEK_MS if since is None else _instant(since, city)
        return city, begins, try_cards(city, changed, journal.read, since=begins, until=until)
    finally:
        journal.close()
        vault.close()


def _instant(given: str, city: City) -> int:
    try:
        local = datetime.fromisoformat(given)
    except ValueError:
        raise Refusal("no_instant", "--since", given, "a date such as 2026-10-01, or 2026-10-01T08:00") from None
    return int((local if local.tzinfo else local.replace(tzinfo=city.calendar.zone)).timestamp() * 1000)


def report(city: City, changed: RunCards, since: int, tried: Sequence[Tried], language: str) -> Iterator[str]:
    """Yield what came of it, line by line: only what would be different, then a summary by card."""
    said = _Report(city, changed, language)
    shown = [one for one in tried if one.verdict == "changed"]
    if not tried:
        yield text("trial.none", language, since=said.clock(since))
        return
    yield text("trial.head", language, shown=len(shown), count=len(tried), since=said.clock(since))
    for one in shown:
        yield from said.incident(one)
    if shown:
        yield from said.by_card(tried)
    for verdict in ("stated", "no_card"):
        count = sum(one.verdict == verdict for one in tried)
        if count:
            yield text(f"trial.{verdict}", language, count=count)
    yield text("trial.limits", language)


class _Report:
    def __init__(self, city: City, changed: RunCards, language: str) -> None:
        self.city = city
        self.was = Wording(city.run_cards, language)
        self.would = Wording(changed, language)
        self.language = language

    def say(self, key: str, **values: object) -> str:
        return text(f"trial.{key}", self.language, **values)

    def clock(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, self.city.calendar.zone):%Y-%m-%d %H:%M}"

    def name(self, type_: str) -> str:
        return self.would.card(self.would.cards.cards[type_])

    def incident(self, one: Tried) -> Iterator[str]:
        assert one.was is not None
        assert one.would is not None
        yield ""
        name = self.name(one.type)
        yield self.say("incident", incident=one.incident, at=self.clock(one.at), name=name, type=one.type)
        yield from (f"  {line}" for line in self.differences(one.was, one.would))
        if one.was.force != one.would.force:
            for key, going in (("stay", one.stay), ("more", one.more), ("spared", one.spared)):
                if going:
                    yield f"  {self.say(key, list=self.would.join(map(self.going, going)))}"

    def differences(self, was: Said, would: Said) -> Iterator[str]:
        if was.level != would.level:
            yield self.say("level", was=was.level, would=would.level)
        if was.force != would.force:
            forces = (self.force(self.was, was), self.force(self.would, would))
            yield self.say("force", was=forces[0], would=forces[1])
        if was.leave != would.leave:
            yield self.say("leave", was=self.was.approver(was.leave), would=self.would.approver(would.leave))
        clocks = list(self.clocks(was, would))
        if clocks:
            yield self.say("clocks", list=self.would.join(clocks))

    def clocks(self, was: Said, would: Said) -> Iterator[str]:
        for name in CLOCKS:
            before, after = was.clocks.get(name), would.clocks.get(name)
            if before != after:
                spans = ["-" if span is None else self.would.span(span) for span in (before, after)]
                yield self.say("clock", clock=self.would.clock(name), was=spans[0], would=spans[1])

    def force(self, words: Wording, said: Said) -> str:
        named = (f"{count} × {words.capabilities([name])}" for name, count in said.force.items())
        return " + ".join(named) or self.say("nothing")

    def going(self, one: Going) -> str:
        words = self.would if one.capability in self.would.cards.capabilities else self.was
        capability = words.capabilities([one.capability])
        if not one.recipient:
            return self.say("nobody", capability=capability)
        if one.eta_ms is None:
            return self.say("asked", recipient=one.recipient, capability=capability)
        return self.say(one.known, recipient=one.recipient, capability=capability, eta=duration(one.eta_ms))

    def by_card(self, tried: Iterable[Tried]) -> Iterator[str]:
        count: Counter[str] = Counter(one.type for one in tried)
        changed: Counter[str] = Counter(one.type for one in tried if one.verdict == "changed")
        units: dict[str, list[int]] = {}
        for one in tried:
            if one.was is not None and one.would is not None:
                before, after = units.setdefault(one.type, [0, 0])
                units[one.type] = [before + sum(one.was.force.values()), after + sum(one.would.force.values())]
        yield from ("", self.say("by_card"))
        for type_, number in changed.most_common():
            was, would = units[type_]
            values = {"name": self.name(type_), "type": type_, "changed": number, "count": count[type_]}
            yield f"  {self.say('card', **values, was=was, would=would)}"
        yield ""
