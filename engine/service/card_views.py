"""From a city's run cards to what HTTP gives of them, in a language."""

from collections.abc import Mapping

from engine.core.city import City
from engine.model.errors import Refusal
from engine.model.limits import LEVELS
from engine.service.card_bodies import CardBody, ConsentBody, ForceBody, QuestionBody, ToldBody


def card_body(city: City, kind: str, level: int | None, at: int, language: str) -> CardBody:
    """Return what a type calls for, at its own level unless another is asked for, in the duty period of an instant.

    Raises
    ------
    Refusal
        ``unknown_type``, or ``out_of_range`` of the level.
    """
    cards = city.run_cards
    card = cards.cards.get(kind)
    if card is None:
        raise Refusal("unknown_type", "type", kind, f"a run card of this city: {', '.join(cards.cards)}")
    if level is not None and level not in LEVELS:
        raise Refusal("out_of_range", "level", level, f"{LEVELS[0]} to {LEVELS[-1]}")

    def of(texts: Mapping[str, str], otherwise: str = "") -> str:
        return texts.get(language) or next(iter(texts.values()), otherwise)

    response = card.at(card.level if level is None else level, city.calendar.period_at(at))
    words = cards.words
    return CardBody(
        type=card.id,
        name=of(card.name, card.id),
        level=response.level,
        period=response.period.name,
        category=card.category,
        ask=tuple(QuestionBody(text=of(its.text), fact=its.fact) for its in response.ask),
        force=tuple(
            ForceBody(
                capability=need.capability,
                count=need.count,
                people=need.people,
                sworn=need.sworn,
                either=need.either,
                rank=need.rank,
                equipment=need.equipment,
                together=need.together,
                one_team=need.one_team,
            )
            for need in response.force
        ),
        prefer=response.prefer,
        dispatch=response.dispatch,
        told=tuple(
            ToldBody(id=name, name=of(words.told[name].name, name), external=words.told[name].external)
            for name in response.told
        ),
        approve={
            step: ConsentBody(
                by=its.by, name=of(words.approvers[its.by].name, its.by), deputy=its.deputy, timeout_s=its.timeout_s
            )
            for step, its in response.approve.items()
        },
        clocks={name: its if isinstance(its, int) else dict(its) for name, its in response.clocks.items()},
        guidance=of(response.guidance),
        safety=of(response.safety),
        equipment=response.equipment,
        raised_by=dict(card.raises),
        confidential_caller=card.confidential_caller,
    )
