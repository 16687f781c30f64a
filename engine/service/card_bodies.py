"""What HTTP gives of a run card: what to ask, who goes, who is told, whose leave is wanted."""

from typing import Literal

from engine.service.bodies import PlainBody


class QuestionBody(PlainBody, frozen=True, kw_only=True):
    """Something to ask the caller; ``fact`` is what a yes establishes, to be said with the alert or later."""

    text: str
    fact: str = ""


class ForceBody(PlainBody, frozen=True, kw_only=True):
    """So many units of a capability, or of any of several, with so many people."""

    capability: str
    count: int
    people: int
    sworn: int
    either: tuple[str, ...] = ()
    rank: str = ""
    equipment: tuple[str, ...] = ()
    together: bool = False
    one_team: bool = False


class ToldBody(PlainBody, frozen=True, kw_only=True):
    """Somebody who is told; ``external`` by telephone."""

    id: str
    name: str
    external: bool = False


class ConsentBody(PlainBody, frozen=True, kw_only=True):
    """Who must agree, and who is asked when that takes longer than ``timeout_s``."""

    by: str
    name: str
    deputy: str = ""
    timeout_s: int | None = None


class CardBody(PlainBody, frozen=True, kw_only=True):
    """What an incident type calls for at a level, in a duty period, in a language.

    ``clocks`` are in seconds, or by zone where they differ. ``dispatch`` says whom the room orders.
    """

    type: str
    name: str
    level: int
    period: str
    category: str = ""
    ask: tuple[QuestionBody, ...]
    force: tuple[ForceBody, ...]
    prefer: tuple[str, ...] = ()
    dispatch: Literal["units", "station"]
    told: tuple[ToldBody, ...] = ()
    approve: dict[str, ConsentBody]
    clocks: dict[str, int | dict[str, int]]
    guidance: str = ""
    safety: str = ""
    equipment: tuple[str, ...] = ()
    raised_by: dict[str, int]
    """Facts that raise the level, each with the level it raises to."""
    confidential_caller: bool = False
