"""The door that HTTP and the stream share: who is believed, who has been wrong too often, and the record of both.

Whoever is not let in is logged with the code, the address and the public numbers of what was shown, never with a
secret. An address that was wrong too often is told to wait, and no longer logged; what holds is always let in, so that
nobody is shut out by a neighbour's mistakes.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engine.model.errors import Refusal
from engine.service.access import Access, AccessDenied, Identity, Issued
from engine.service.lockout import FOR_S, Lockout
from engine.wire.allowance import Allowance

LOGGER = logging.getLogger("allpoints.access")
EXCHANGES_PER_S, EXCHANGES_AT_ONCE = 1, 30
"""Tokens that one credential may be exchanged for."""
MOST_KEPT = 20_000
"""Credentials whose allowance is kept; of more the one that was used longest ago is forgotten."""
DEVICE_URI = "allpoints:credential:"
"""What a device's certificate begins with to say whose it is."""
T = TypeVar("T")


def credential_in(peer: Mapping[str, Any] | None) -> str:
    """Return whose device a client's certificate is for: a credential's id, or empty where it has shown none."""
    names = (peer or {}).get("subjectAltName", ())
    return next((value.removeprefix(DEVICE_URI) for kind, value in names if kind == "URI"), "")


class Door:
    """Lets people, programs and devices in.

    Parameters
    ----------
    access
        Knows credentials and tokens.
    now_s
        A steady clock, in seconds.
    """

    def __init__(self, access: Access, now_s: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self._now_s = now_s
        self._lockout = Lockout()
        self._allowances: dict[str, Allowance] = {}

    def admit(self, token: str, host: str, channel: str, certificate: str = "") -> Identity:
        """Say who stands behind a token.

        Parameters
        ----------
        host
            The address that it was shown from.
        channel
            ``http`` or ``stream``, for the record.
        certificate
            The credential that the client's certificate is for; empty without one.

        Raises
        ------
        AccessDenied
            As `Access.verify`; ``wrong_certificate`` where the client's certificate is another device's.
        Refusal
            ``too_many_attempts`` instead, for an address that was wrong too often.
        """
        return self._guarded(lambda: _bound(self.access.verify(token), certificate), host, channel)

    def admit_emergency(self, token: str, host: str, channel: str, certificate: str = "") -> Identity:
        """Say whose emergency button was pressed: as `admit`, on a token that may have run out.

        Raises
        ------
        AccessDenied
            As `Access.for_emergency`.
        Refusal
            As `admit`.
        """
        return self._guarded(lambda: _bound(self.access.for_emergency(token), certificate), host, channel)

    def exchange(self, credential: str, host: str, certificate: str = "") -> Issued:
        """Return a signed token for a credential.

        Raises
        ------
        AccessDenied
            As `Access.exchange`; ``wrong_certificate`` as `admit`.
        Refusal
            ``too_many_attempts`` as `admit`; ``too_fast`` for a credential that is exchanged too often.
        """
        issued = self._guarded(lambda: self._exchanged(credential, certificate), host, "http")
        name = issued.identity.credential
        allowance = self._allowances.pop(name, None) or Allowance(EXCHANGES_PER_S, EXCHANGES_AT_ONCE)
        self._allowances[name] = allowance
        if len(self._allowances) > MOST_KEPT:
            del self._allowances[next(iter(self._allowances))]
        now_s = self._now_s()
        if allowance.wait_s(now_s) > 0:
            limit = f"{EXCHANGES_PER_S} token a second, {EXCHANGES_AT_ONCE} at once"
            raise Refusal("too_fast", "authorization", "", limit)
        allowance.spend()
        return issued

    def _exchanged(self, credential: str, certificate: str) -> Issued:
        issued = self.access.exchange(credential)
        _bound(issued.identity, certificate)
        return issued

    def refuse(self, denied: AccessDenied, host: str, channel: str) -> None:
        """Record that somebody was not let in, or may not do what they asked."""
        named = {"code": denied.code, "host": host, "channel": channel}
        named |= {"token_id": denied.token_id, "credential": denied.credential}
        LOGGER.warning("not_let_in", extra=named)

    def newly_revoked(self) -> frozenset[str]:
        """Return the credentials that were revoked since this was asked last: their sessions end."""
        return self.access.newly_revoked()

    def _guarded(self, believe: Callable[[], T], host: str, channel: str) -> T:
        """Believe somebody or not; note who is wrong."""
        try:
            return believe()
        except AccessDenied as denied:
            now_s = self._now_s()
            if denied.code not in _HONEST:
                if self._lockout.is_shut(host, now_s):
                    limit = f"what holds; anything else after {FOR_S:g} s"
                    raise Refusal("too_many_attempts", "authorization", "", limit) from None
                self._lockout.failed(host, now_s)
            self.refuse(denied, host, channel)
            raise


def _bound(identity: Identity, certificate: str) -> Identity:
    """Refuse a credential that is shown by the device of another."""
    if certificate and certificate != identity.credential:
        raise AccessDenied("wrong_certificate", identity.token_id, identity.credential)
    return identity


_HONEST = frozenset(("expired", "not_permitted"))
"""What happens to who has done nothing wrong: it is recorded, and counts for no attempt."""
