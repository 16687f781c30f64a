"""Who may speak to the server, and as whom.

A **credential** lives long: 256 random bits behind a short public id, of which the store keeps only the SHA-256. It is
shown in one place alone, `Access.exchange`, for a **token** that is signed and holds for minutes; every route and the
stream take tokens and nothing else. What a token says is which credential it was given for. Role and subject are read
from the store each time, so that a credential that is revoked, even by ``allpoints device revoke`` in another process,
lets nobody in from that instant on, whatever was signed for it.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from engine.core.city_toml import AccessSettings
from engine.journal.files import transaction
from engine.model.errors import Refusal
from engine.model.limits import LONGEST_CALL_SIGN
from engine.service.roles import Permission, Role, Roles, SpeaksFor
from engine.service.signing import Claims, Signing, Untrusted

STORE_NAME = "access.sqlite"
_PREFIX = "apt"
_SECRET_BYTES = 32
_PUBLIC = re.compile(r"[0-9a-f]{12}")
_MOST_CHARACTERS = 128
_SPEAKERS: Mapping[SpeaksFor, str] = {
    "unit": "device",
    "station": "device",
    "office": "user",
    "person": "user",
    "source": "source",
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY,
    secret_sha256 BLOB NOT NULL,
    role TEXT NOT NULL,
    subject TEXT NOT NULL,
    device TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS tokens_of_subject ON tokens (subject)
"""


class AccessDenied(Exception):
    """Somebody is not let in, or may not do this. ``code`` says which.

    Attributes
    ----------
    token_id, credential
        The public numbers of what was shown, for the record; empty where it has none that can be believed.
    """

    def __init__(self, code: str, token_id: str = "", credential: str = "") -> None:
        self.code = code
        self.token_id = token_id
        self.credential = credential
        super().__init__(code)


RENEWABLE = frozenset(("expired", "not_yet_valid", "replayed", "forged_token"))
"""Codes after which the holder of a good credential is let in with a new token."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks. ``subject`` is the unit's or station's id, or a user's or program's name.

    Attributes
    ----------
    credential
        The public id of the credential.
    token_id
        The number of the token that was shown.
    expires_at
        When that token runs out, in seconds since the epoch.
    """

    credential: str
    role: Role
    subject: str
    device: str
    token_id: str = ""
    expires_at: int = 0

    @property
    def actor(self) -> str:
        """How commands and the record name this speaker."""
        return f"{_SPEAKERS[self.role.speaks_for]}:{self.subject}"

    @property
    def offices(self) -> tuple[str, ...]:
        """The ids of the run cards that this speaker decides for; empty for who may decide in anybody's place."""
        return (self.subject,) if self.role.speaks_for == "office" else self.role.offices

    @property
    def own_mailbox(self) -> str:
        """Whose mailbox is this speaker's own; empty where there is none."""
        if not self.may(Permission.OWN_MAILBOX):
            return ""
        return self.subject if self.role.is_device else self.offices[0]

    @property
    def numbers(self) -> dict[str, str]:
        """The public numbers of token and credential, for the record."""
        return {"token_id": self.token_id, "credential": self.credential}

    def scoped(self, key: str) -> str:
        """Return an idempotency key of this speaker's own: two that number alike do not silence each other."""
        return f"{self.subject}/{key}"

    def may(self, permission: Permission) -> bool:
        """Say whether the role allows it."""
        return permission in self.role.may

    def require(self, permission: Permission) -> None:
        """Raise `AccessDenied` with ``not_permitted`` unless the role allows it."""
        if not self.may(permission):
            raise AccessDenied("not_permitted")


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A signed token, and for whom it was made."""

    token: str
    holds_s: int
    identity: Identity


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as it is listed: everything but the secret."""

    id: str
    role: str
    subject: str
    device: str
    added_at: int
    revoked_at: int | None


def _wall_s() -> int:
    return int(time.time())


class Access:
    """The store of credentials, and the tokens made for them. Used by one thread; other processes may write, too.

    Parameters
    ----------
    folder
        The city's: its roles are read, and the store in it is made with mode 0600 when it is not there.
    settings
        How long tokens and keys hold, and for which city.
    now_s
        The wall clock, in seconds since the epoch.

    Raises
    ------
    CityError
        With all that is wrong in the city's ``roles.toml``.
    Refusal
        When a file of the store cannot be used.
    """

    def __init__(
        self, folder: Path, settings: AccessSettings | None = None, now_s: Callable[[], int] = _wall_s
    ) -> None:
        self.roles = Roles.of(folder)
        self._now_s = now_s
        path = folder / STORE_NAME
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.close(descriptor)
        path.chmod(0o600)
        self._rows = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        try:
            self._rows.executescript(_SCHEMA)
            self._signing = Signing(folder, settings or AccessSettings(), now_s)
        except BaseException:
            self._rows.close()
            raise
        self._seen = 0, 0
        self._revoked = self._all_revoked()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._rows.close()
        self._signing.close()

    def add(self, role: str, subject: str, device: str = "") -> str:
        """Make a credential and return it; it cannot be read again later.

        Raises
        ------
        Refusal
            ``unknown_role``; ``bad_name`` when subject or device is empty where it must not be, too long or has control
            characters; ``kept_apart`` for who administers and would audit, too.
        """
        if role not in self.roles:
            raise Refusal("unknown_role", "role", role, ", ".join(self.roles))
        _check_name("subject", subject, empty_allowed=False)
        _check_name("device", device, empty_allowed=True)
        self._keep_apart(self.roles[role], subject)
        credential, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
        self._rows.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (credential, _digest(secret), role, subject, device or credential, self._now_s() * 1_000),
        )
        return f"{_PREFIX}_{credential}_{secret}"

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Write all credentials that are made inside in one commit: ten thousand take seconds, not minutes."""
        with transaction(self._rows):
            yield

    def revoke(self, credential: str) -> bool:
        """Make a credential void, with every token that was made for it; return whether there was a valid one."""
        now_ms = self._now_s() * 1_000
        return (
            self._rows.execute(
                "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now_ms, credential)
            ).rowcount
            > 0
        )

    def credentials(self) -> list[CredentialRow]:
        """Return all credentials, revoked ones included, oldest first."""
        rows = self._rows.execute(
            "SELECT id, role, subject, device, added_at, revoked_at FROM tokens ORDER BY added_at, id"
        )
        return [
            CredentialRow(id=row[0], role=row[1], subject=row[2], device=row[3], added_at=row[4], revoked_at=row[5])
            for row in rows
        ]

    def exchange(self, credential: str) -> Issued:
        """Return a signed token for a credential.

        Raises
        ------
        AccessDenied
            ``malformed_credential``, ``unknown_credential``, ``revoked``, or ``unknown_role`` where the city has it no
            longer.
        """
        parts = credential.split("_", 2) if len(credential) <= _MOST_CHARACTERS else []
        if len(parts) != 3 or parts[0] != _PREFIX or not credential.isascii():
            raise AccessDenied("malformed_credential")
        public = parts[1] if _PUBLIC.fullmatch(parts[1]) else ""
        row = self._rows.execute("SELECT secret_sha256 FROM tokens WHERE id = ?", (public,)).fetchone()
        # An unknown id costs the same comparison, so that timing does not tell which ids exist.
        expected = row[0] if row else bytes(hashlib.sha256().digest_size)
        matches = hmac.compare_digest(_digest(parts[2]), expected)
        if row is None or not matches:
            raise AccessDenied("unknown_credential", credential=public)
        self._holder(public, "")
        token, claims = self._signing.sign(public)
        return Issued(token=token, holds_s=claims.exp - claims.iat, identity=self._identity(claims))

    def verify(self, token: str) -> Identity:
        """Say who stands behind a token.

        Raises
        ------
        AccessDenied
            ``malformed_token``, ``credential_shown``, ``forged_token``, ``wrong_audience``, ``not_yet_valid``,
            ``expired``, ``revoked``, ``unknown_credential`` or ``unknown_role``.
        """
        return self._believed(token, self._signing.read)

    def for_emergency(self, token: str) -> Identity:
        """Say whose emergency button was pressed: as `verify`, but a device's token that has run out is taken, too.

        It says who calls for help and opens nothing else: whoever asks here does that one thing and no other.

        Raises
        ------
        AccessDenied
            As `verify`, but ``expired`` only for a person; ``not_permitted`` for a role without an emergency button.
        """
        try:
            identity = self.verify(token)
        except AccessDenied as denied:
            if denied.code != "expired":
                raise
            identity = self._believed(token, self._signing.read_expired)
            if not identity.role.is_device:
                raise
        if not identity.may(Permission.EMERGENCY):
            raise AccessDenied("not_permitted", identity.token_id, identity.credential)
        return identity

    def newly_revoked(self) -> frozenset[str]:
        """Return the credentials that were revoked since this was asked last, by whichever process."""
        seen = int(self._rows.execute("PRAGMA data_version").fetchone()[0]), self._rows.total_changes
        if seen == self._seen:
            return frozenset()
        self._seen = seen
        before, self._revoked = self._revoked, self._all_revoked()
        return self._revoked - before

    def _all_revoked(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._rows.execute("SELECT id FROM tokens WHERE revoked_at IS NOT NULL"))

    def _believed(self, token: str, read: Callable[[str], Claims]) -> Identity:
        if token.startswith(f"{_PREFIX}_"):
            # Shown where everybody shows a token: said by name, since it is an honest mistake of who integrates.
            public = token.split("_", 2)[1]
            raise AccessDenied("credential_shown", credential=public if _PUBLIC.fullmatch(public) else "")
        try:
            claims = read(token)
        except Untrusted as untrusted:
            said = untrusted.claims
            raise AccessDenied(untrusted.code, said.jti if said else "", said.sub if said else "") from None
        return self._identity(claims)

    def _identity(self, claims: Claims) -> Identity:
        role, subject, device = self._holder(claims.sub, claims.jti)
        return Identity(
            credential=claims.sub,
            role=role,
            subject=subject,
            device=device,
            token_id=claims.jti,
            expires_at=claims.exp,
        )

    def _holder(self, credential: str, token_id: str) -> tuple[Role, str, str]:
        """Return role, subject and device of a credential that holds."""
        asked = "SELECT role, subject, device, revoked_at FROM tokens WHERE id = ?"
        row = self._rows.execute(asked, (credential,)).fetchone()
        if row is None:
            raise AccessDenied("unknown_credential", token_id, credential)
        if row[3] is not None:
            raise AccessDenied("revoked", token_id, credential)
        role = self.roles.get(row[0])
        if role is None:
            raise AccessDenied("unknown_role", token_id, credential)
        return role, row[1], row[2]

    def _keep_apart(self, role: Role, subject: str) -> None:
        """Refuse to let a person administer by one credential and audit by another."""
        asked = "SELECT id, role FROM tokens WHERE subject = ? AND revoked_at IS NULL"
        for credential, name in self._rows.execute(asked, (subject,)):
            other = self.roles.get(name)
            if other is None or other.speaks_for != "person":
                continue
            if (role.administers and other.audits) or (role.audits and other.administers):
                raise Refusal("kept_apart", "role", role.id, f"not for {subject}, who is {name} by {credential}")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _check_name(field: str, name: str, *, empty_allowed: bool) -> None:
    if (not name and not empty_allowed) or len(name) > LONGEST_CALL_SIGN or not name.isprintable():
        raise Refusal("bad_name", field, name, f"1 to {LONGEST_CALL_SIGN} printable characters")
