"""Which tokens a listener of the stream has seen: each opens one connection at a time, none after its session ended.

A token that was copied is worth nothing while its owner is connected, and nothing after the owner has left or was
replaced; who only lost the line comes back with the same one. Bounded: what has run out is forgotten.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import time

from engine.service.access import AccessDenied, Identity

MOST_SPENT = 200_000
"""Tokens whose sessions ended for good and that have not run out; of more the oldest is forgotten."""
GRACE_S = 300
"""As far as clocks may differ at most: so long after its end a token may still be taken for one that holds."""


class TokensInUse:
    """The tokens of one listener.

    Parameters
    ----------
    now_s
        The wall clock, in seconds since the epoch.
    """

    def __init__(self, now_s: Callable[[], float] = time) -> None:
        self._now_s = now_s
        self._live: set[str] = set()
        self._spent: OrderedDict[str, int] = OrderedDict()
        """Until when each has to be remembered, in the order in which they were spent."""

    def take(self, identity: Identity) -> None:
        """Note that a token opens a connection.

        Raises
        ------
        AccessDenied
            ``replayed`` when it has one open, or its session was ended for good.
        """
        token = identity.token_id
        if token in self._live or token in self._spent:
            raise AccessDenied("replayed", token, identity.credential)
        self._live.add(token)

    def free(self, identity: Identity, *, is_over: bool = False) -> None:
        """Note that a connection is gone; ``is_over`` for good."""
        self._live.discard(identity.token_id)
        if is_over:
            self._spent[identity.token_id] = identity.expires_at + GRACE_S
            while self._spent and (len(self._spent) > MOST_SPENT or next(iter(self._spent.values())) < self._now_s()):
                self._spent.popitem(last=False)
