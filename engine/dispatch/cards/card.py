"""One run card as it answers: for a level and a duty period, what goes, by whose leave, and what else holds.

What a card says itself holds at its own level, and what it does not say is its parent's, and so on up. At another level
the sections for that level speak first, the nearest of them; what none of them says is as at the card's own level.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from engine.dispatch.calendar import DAY, NIGHT, Period
from engine.dispatch.cards.model import (
    BY_RULE,
    DISPATCHER,
    NOTHING,
    Approval,
    Consent,
    ForceNeed,
    Node,
    Question,
    Said,
    Seconds,
    Series,
    Vocabulary,
)
from engine.dispatch.toml_file import Texts
from engine.model.entities import Dispatch, Need
from engine.model.limits import LEVELS

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Response:
    """What a card calls for at a level, in a duty period."""

    level: int
    period: Period
    force: tuple[ForceNeed, ...]
    prefer: tuple[str, ...]
    """Capabilities of which the first unit of each need should have one; nobody is waited for."""
    told: tuple[str, ...]
    dispatch: Dispatch
    """Whether units are ordered, or a station that names them."""
    approve: Mapping[str, Consent]
    """By step; ``send`` always has one."""
    clocks: Mapping[str, Seconds]
    ask: tuple[Question, ...]
    guidance: Texts
    safety: Texts
    equipment: tuple[str, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """The force by capability and count."""
        return self.asked()

    def asked(
        self, *, crews: bool = False, equipment: bool = False, teamed: frozenset[str] = frozenset()
    ) -> tuple[Need, ...]:
        """Return the force as the decision takes it.

        Parameters
        ----------
        crews
            Whether it is known who is in a unit, so that rank, people and sworn officers can be asked for.
        equipment
            Whether it is known what units bring.
        teamed
            What teams can do: for anything else there is no one team to send.
        """
        return tuple(self._asked(need, crews, equipment, teamed) for need in self.force)

    @staticmethod
    def _asked(need: ForceNeed, crews: bool, equipment: bool, teamed: frozenset[str]) -> Need:
        one_team = need.one_team and bool(teamed & {need.capability, *need.either})
        return Need(
            need.capability,
            need.count,
            either=need.either,
            together=need.together,
            one_team=one_team,
            rank=need.rank if crews else "",
            equipment=need.equipment if equipment else (),
            people=need.people if crews and not one_team else 0,
            sworn=need.sworn if crews and not one_team else 0,
        )

    @property
    def approval(self) -> Approval:
        """How orders go."""
        named: dict[str, Approval] = {BY_RULE: "by_rule", NOTHING: "nothing"}
        return named.get(self.approve["send"].by, "by_person")


class RunCard:
    """What an incident type calls for.

    Parameters
    ----------
    nodes
        The card and what it descends from, nearest first.
    words
        What the file says besides.
    """

    def __init__(self, nodes: Sequence[Node], words: Vocabulary) -> None:
        self.nodes = tuple(nodes)
        self.words = words
        self.id = nodes[0].id
        self.name = nodes[0].name
        self.level = next((node.level for node in nodes if node.level is not None), LEVELS[-1])

    @property
    def ancestors(self) -> tuple[str, ...]:
        """The ids of what it descends from, nearest first."""
        return tuple(node.id for node in self.nodes[1:])

    @cached_property
    def category(self) -> str:
        """The nearest category said; empty when none is."""
        return next((node.category for node in self.nodes if node.category), "")

    @cached_property
    def series(self) -> Series | None:
        """From when on several of them are a series."""
        return next((node.series for node in self.nodes if node.series), None)

    @cached_property
    def series_of(self) -> str:
        """The card or family that says when several are a series: incidents of all that inherit it count together."""
        return next((node.id for node in self.nodes if node.series), "")

    @cached_property
    def confidential_caller(self) -> bool:
        """Only the commander sees who called."""
        return bool(_nearest(node.confidential_caller for node in self.nodes))

    @cached_property
    def always_waits(self) -> bool:
        """It waits for its approver also at a level at which everything else goes first."""
        return bool(_nearest(node.always_waits for node in self.nodes))

    @property
    def day(self) -> tuple[Need, ...]:
        """The force by day, at the card's own level."""
        return self.at(self.level, DAY).needs

    @property
    def night(self) -> tuple[Need, ...]:
        """The force by night, at the card's own level."""
        return self.at(self.level, NIGHT).needs

    @property
    def approval(self) -> Approval:
        """How orders go at the card's own level."""
        return self.at(self.level, DAY).approval

    def at(self, level: int, period: Period) -> Response:
        """Return what the card calls for at a level, in a duty period."""
        found = self._responses.get((level, period.name, period.counts_as))
        if found is None:
            found = self._responses[level, period.name, period.counts_as] = self._respond(level, period)
        return found

    @cached_property
    def _responses(self) -> dict[tuple[int, str, str], Response]:
        return {}

    def _respond(self, level: int, period: Period) -> Response:
        said = list(self._said(level))
        rule = self.words.levels[level]
        told = _nearest(one.told for one in said) or ()
        return Response(
            level=level,
            period=period,
            force=self._force(level, period),
            prefer=_nearest(one.prefer for one in said) or (),
            told=(*told, *(name for name in rule.told if name not in told)),
            dispatch=_nearest(one.dispatch.get(period.counts_as) for one in said) or "units",
            approve=self._approve(level, said),
            clocks=self._clocks(level),
            ask=_nearest(one.ask for one in said) or (),
            guidance=_nearest(one.guidance for one in said) or {},
            safety=_nearest(one.safety for one in said) or {},
            equipment=_nearest(one.equipment for one in said) or (),
        )

    def _sections(self, level: int) -> list[Said]:
        """Return what is said for a level that is not the card's own, nearest first."""
        if level == self.level:
            return []
        return [node.levels[level] for node in self.nodes if level in node.levels]

    def _said(self, level: int) -> Iterator[Said]:
        """Yield all that is said, what speaks first first."""
        yield from self._sections(level)
        for node in self.nodes:
            yield node.said

    def _force(self, level: int, period: Period) -> tuple[ForceNeed, ...]:
        """Return the force: the nearest section that says it, or adds to it for a raised level, else the card's own."""
        for section in self._sections(level):
            force = _of_period(section, period)
            more = section.more if level < self.level else None
            if force is not None or more is not None:
                return _joined(self._own_force(period) if force is None else force, more or ())
        return self._own_force(period)

    def _own_force(self, period: Period) -> tuple[ForceNeed, ...]:
        for wanted in (period, DAY):  # a card that says nothing of the night sends what it sends by day
            found = _nearest(_of_period(node.said, wanted) for node in self.nodes)
            if found is not None:
                return found
        return ()

    def _approve(self, level: int, said: Sequence[Said]) -> dict[str, Consent]:
        merged = {"send": Consent(by=DISPATCHER)}
        for one in reversed(said):
            merged.update(one.approve)
        waits = merged["send"].by not in (BY_RULE, NOTHING)
        if waits and self.words.levels[level].send_first and not self.always_waits:
            merged["send"] = Consent(by=BY_RULE)
        return merged

    def _clocks(self, level: int) -> dict[str, Seconds]:
        """Return the clocks: the level's, with the card's own before them.

        A card's own clocks were written for its own level. At a higher one the shorter of the two holds, at a lower
        one the longer, so that raising a level never gives anybody more time.
        """
        clocks = dict(self.words.levels[level].clocks)
        own: dict[str, Seconds] = {}
        for node in reversed(self.nodes):
            own.update(node.said.clocks)
        for name, seconds in own.items():
            usual = clocks.get(name)
            if level == self.level or usual is None:
                clocks[name] = seconds
            else:
                clocks[name] = _pick(usual, seconds, shorter=level < self.level)
        for section in reversed(self._sections(level)):
            clocks.update(section.clocks)
        return clocks

    def raised_to(self, facts: Sequence[str], level: int | None = None) -> int:
        """Return the level that facts raise an incident of this type to, from one or from the card's own."""
        raised = [self.raises[fact] for fact in facts if fact in self.raises]
        return min((self.level if level is None else level, *raised))

    @cached_property
    def raises(self) -> dict[str, int]:
        """The facts that raise it, and to which level: the file's, with the card's own before them."""
        line = {node.id for node in self.nodes}
        facts = self.words.facts
        found = {name: fact.to for name, fact in facts.items() if not fact.only or line & set(fact.only)}
        for node in reversed(self.nodes):
            found.update(node.said.raises)
        return {name: to for name, to in found.items() if to < self.level}


def _nearest(found: Iterator[T | None]) -> T | None:
    return next((value for value in found if value is not None), None)


def _of_period(said: Said, period: Period) -> tuple[ForceNeed, ...] | None:
    return said.force.get(period.name, said.force.get(period.counts_as))


def _joined(force: Sequence[ForceNeed], more: Sequence[ForceNeed]) -> tuple[ForceNeed, ...]:
    """Return a force with more of what it has and what it has not."""
    found = list(force)
    for extra in more:
        for place, need in enumerate(found):
            if replace(need, count=1, people=1, sworn=0) == replace(extra, count=1, people=1, sworn=0):
                found[place] = replace(
                    need,
                    count=need.count + extra.count,
                    people=need.people + extra.people,
                    sworn=need.sworn + extra.sworn,
                )
                break
        else:
            found.append(extra)
    return tuple(found)


def _pick(usual: Seconds, own: Seconds, *, shorter: bool) -> Seconds:
    """Return the shorter or the longer of two spans, zone by zone where either has zones."""
    pick = min if shorter else max
    if isinstance(usual, int) and isinstance(own, int):
        return pick(usual, own)
    zones = {**(usual if isinstance(usual, Mapping) else {}), **(own if isinstance(own, Mapping) else {})}

    def of(span: Seconds, zone: str) -> int | None:
        return span if isinstance(span, int) else span.get(zone)

    return {zone: pick(s for s in (of(usual, zone), of(own, zone)) if s is not None) for zone in zones}
