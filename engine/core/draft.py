"""One command's events in the making: each is applied as it is emitted, so that the next is decided on what it did."""

from collections.abc import Callable
from typing import Literal

from engine.core.state import State
from engine.model import events as e
from engine.model.entities import Details, Order
from engine.model.ids import DESK, Kind, OrderId, RecipientId, mint
from engine.model.lifecycle import ORDER, OrderState
from engine.model.notices import NoticeCode


class Draft:
    """Collects what comes of one command.

    Parameters
    ----------
    state
        What the events are applied to, through ``follow``.
    follow
        Applies an event to the state and to all that follows it.
    """

    def __init__(self, city: str, state: State, now: int, actor: str, follow: Callable[[e.Event], None]) -> None:
        self.city = city
        self.state = state
        self.now = max(now, state.kept.at)
        self.actor = actor
        self.events: list[e.Event] = []
        self._follow = follow

    def emit(self, body: e.Body, personal: Details | None = None, actor: str = "") -> None:
        """Let something have happened, now, by this command's actor or by another, such as a policy."""
        event = e.Event(self.state.seq + 1, self.now, actor or self.actor, body, personal)
        self._follow(event)
        self.events.append(event)

    def mint(self, kind: Kind) -> str:
        """Return the next id of a kind; it is taken once an event that holds it is emitted."""
        return mint(self.city, kind, self.state.kept.counts.get(kind, 0) + 1)

    def mail(self, recipient: RecipientId, item: e.MailKind, order: Order | None = None, code: str = "") -> None:
        """Put an order, or its cancellation, into a mailbox; ``code`` says why, where it is not the desk's word."""
        self.emit(
            e.Mailed(
                recipient=recipient,
                mail_seq=self.state.mailbox(recipient).last_seq + 1,
                item=item,
                order=order.id if order else None,
                version=order.version if order else 0,
                code=code,
            )
        )

    def notify(self, recipient: RecipientId, code: NoticeCode, /, order: OrderId | None = None, **values: str) -> None:
        """Put a notice into a mailbox: a key of the texts and its values."""
        seq = self.state.mailbox(recipient).last_seq + 1
        self.emit(e.Mailed(recipient=recipient, mail_seq=seq, item="notice", order=order, code=code, values=values))

    def tell_desk(self, code: NoticeCode, /, order: OrderId | None = None, **values: str) -> None:
        """Put a notice into the desk's mailbox."""
        self.notify(DESK, code, order, **values)

    def withdraw(
        self,
        order: Order,
        to: OrderState,
        reason: str,
        via: Literal["core", "desk"] = "core",
        *,
        key: str = "",
        code: str = "",
    ) -> None:
        """End an order that is open, and tell its recipient where it had been sent; ``code`` says why, as in `mail`.

        Who is replaced ``via`` the desk is not proposed for the same again.
        """
        assert to in ORDER[order.state], (order.id, order.state, to)
        was_sent = order.state not in (OrderState.PROPOSED, OrderState.APPROVED)
        self.emit(e.OrderAdvanced(order=order.id, version=order.version, to=to, via=via, reason=reason, key=key))
        if was_sent:
            self.mail(order.recipient, "cancellation", order, code)
