"""What a recipient sees of its mail: orders as they stand now, personal details only for who is assigned.

Need to know: the caller and what was said go to the recipient of an order while that order is open, and to nobody else;
who is looked for, to those who are sent and those whom the lookout names, while it holds. Who called in confidence is
named to no recipient: who may, reads it over HTTP.
"""

from engine.core.engine import Engine
from engine.core.standing_lookouts import task_of
from engine.model.entities import Details, Order, PlaceWords
from engine.model.events import Mailed
from engine.model.ids import BroadcastId, LookoutId, RecipientId, StationId, UnitId
from engine.model.lifecycle import OPEN_ORDERS, OrderState
from engine.wire.server_messages import Briefing, Item, LookView, OrderView, PostView, Trace

_NOT_SENT = (OrderState.PROPOSED, OrderState.APPROVED)


def is_confidential(engine: Engine, incident_type: str) -> bool:
    """Tell whether the run card of a type keeps from everybody but the commander who called."""
    card = engine.city.run_cards.cards.get(incident_type)
    return card is not None and card.confidential_caller


def view_order(engine: Engine, order: Order, reader: RecipientId) -> OrderView:
    """Return an order as ``reader`` may see it."""
    details = Details()
    if order.recipient == reader and order.state in OPEN_ORDERS and order.incident in engine.state.incidents:
        details = engine.details(order.incident)
        if is_confidential(engine, order.type):
            details = Details(text=details.text, address=details.address, places=details.places)
    post = engine.state.order_posts.get(order.id)
    return OrderView(
        id=order.id,
        version=order.version,
        incident=order.incident,
        recipient=order.recipient,
        state=order.state,
        type=order.type,
        level=order.level,
        lon=order.lon,
        lat=order.lat,
        capability=order.capability,
        eta_ms=order.eta_ms,
        route=order.route,
        address=details.address,
        text=details.text,
        caller=details.caller,
        phone=details.phone,
        exercise=order.exercise,
        task=task_of(engine.state, order),
        label=details.label,
        post=None if post is None else PostView(watch_deg=post.watch_deg, due_at=post.due_at, beside=post.beside),
        looks=_looks(engine, order, details),
        briefing=briefing(engine, order) if order.recipient == reader and order.state in OPEN_ORDERS else None,
    )


def _looks(engine: Engine, order: Order, details: Details) -> tuple[LookView, ...]:
    """Return the places of an order of a search in turn, with what they are called where the details say it."""
    search, numbers = engine.state.searches.get(order.incident), engine.state.order_looks.get(order.id, ())
    if search is None:
        return ()
    words = details.places or (PlaceWords(),) * len(search.places)
    return tuple(
        LookView(
            place=number + 1,
            lon=search.places[number].lon,
            lat=search.places[number].lat,
            name=words[number].name,
            phone=words[number].phone,
        )
        for number in numbers
    )


def briefing(engine: Engine, order: Order) -> Briefing | None:
    """Return what the run card says to whoever goes, at the level and in the duty period of now."""
    cards = engine.city.run_cards
    incident, card = engine.state.incidents.get(order.incident), cards.cards.get(order.type)
    if incident is None or card is None:
        return None
    response = card.at(incident.level, engine.city.calendar.period_at(engine.state.kept.at))
    return Briefing(
        guidance=dict(response.guidance),
        safety=dict(response.safety),
        equipment=tuple(dict(cards.words.equipment[name]) for name in response.equipment),
        ask=tuple(dict(asked.text) for asked in response.ask if asked.fact not in incident.facts),
    )


def item_of(engine: Engine, mailed: Mailed, trace: Trace | None = None) -> Item:
    """Return a piece of mail as it is sent now."""
    order = engine.state.orders.get(mailed.order) if mailed.order is not None else None
    return Item(
        seq=mailed.mail_seq,
        kind=mailed.item,
        order=None if order is None else view_order(engine, order, mailed.recipient),
        code=mailed.code,
        values=mailed.values | _subject(engine, mailed) | _said(engine, mailed),
        trace=trace,
    )


def _subject(engine: Engine, mailed: Mailed) -> dict[str, str]:
    """Return who was seen, for those whom a lookout names to be told, while it holds."""
    if mailed.code in ("neighbour_warned", "neighbour_amended"):
        return _description(engine, mailed)
    if mailed.code != "sighting_seen":
        return {}
    subject = engine.state.subjects.get(LookoutId(mailed.values["lookout"]))
    return {} if subject is None else {"label": subject.label, "text": subject.text}


def _description(engine: Engine, mailed: Mailed) -> dict[str, str]:
    """Return what the subject looks like, and no name, for a neighbour whom the lookout names to be told."""
    name = LookoutId(mailed.values["lookout"])
    lookout, subject = engine.state.lookouts.get(name), engine.state.subjects.get(name)
    is_told = lookout is not None and mailed.recipient in lookout.terms.told
    return {"text": subject.text} if is_told and subject is not None else {}


def _said(engine: Engine, mailed: Mailed) -> dict[str, str]:
    """Return what a broadcast says, while it is kept."""
    if mailed.code != "broadcast":
        return {}
    said = engine.state.broadcast_texts.get(BroadcastId(mailed.values["broadcast"]))
    return {} if said is None else {"text": said}


def open_orders(engine: Engine, recipient: RecipientId) -> list[OrderView]:
    """Return all orders that were sent to a recipient and are open, oldest first."""
    state = engine.state
    if UnitId(recipient) in state.units:
        claim = state.claims.get(UnitId(recipient))
        orders = [] if claim is None else [state.orders[claim]]
    elif StationId(recipient) in state.stations:
        orders = [order for order in state.orders.values() if order.recipient == recipient]
    else:
        orders = []
    return [
        view_order(engine, order, recipient)
        for order in orders
        if order.state in OPEN_ORDERS and order.state not in _NOT_SENT
    ]
