"""Who may speak to the server, and as whom.

A token is 256 random bits behind a short public id. The store keeps only the SHA-256 of the secret part: whoever
reads the store cannot speak with it. Role and subject come from the token, never from what a client says of itself.
What a role may do is said in `engine.service.roles`, used by HTTP and by the stream alike. The store is a small SQLite
file in the city's folder, so that ``allpoints device revoke`` holds at once, without a restart.
"""

import hashlib
import hmac
import os
import secrets
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from engine.model.errors import Refusal
from engine.model.limits import LONGEST_CALL_SIGN
from engine.service.roles import Permission, Role, Roles, SpeaksFor

STORE_NAME = "access.sqlite"
_PREFIX = "apt"
_SECRET_BYTES = 32
_MOST_TOKEN_CHARACTERS = 128
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
) STRICT
"""


class AccessDenied(Exception):
    """Somebody is not let in, or may not do this. ``code`` says which, and nothing of the token."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind a token. ``subject`` is the unit's or station's id, or a user's or program's name."""

    token_id: str
    role: Role
    subject: str
    device: str

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


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is listed: everything but the secret."""

    id: str
    role: str
    subject: str
    device: str
    added_at: int
    revoked_at: int | None


class Access:
    """The store of tokens. Used by one thread; other processes may write at the same time.

    Parameters
    ----------
    folder
        The city's: its roles are read, and the store in it is made with mode 0600 when it is not there.

    Raises
    ------
    CityError
        With all that is wrong in the city's ``roles.toml``.
    """

    def __init__(self, folder: Path) -> None:
        self.roles = Roles.of(folder)
        path = folder / STORE_NAME
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.close(descriptor)
        path.chmod(0o600)
        self._rows = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        self._rows.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def add(self, role: str, subject: str, device: str = "") -> str:
        """Make a token and return it; it cannot be read again later.

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
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
        self._rows.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)",
            (token_id, _digest(secret), role, subject, device or token_id, time.time_ns() // 1_000_000),
        )
        return f"{_PREFIX}_{token_id}_{secret}"

    def revoke(self, token_id: str) -> bool:
        """Make a token void; return whether there was a valid one."""
        now_ms = time.time_ns() // 1_000_000
        return (
            self._rows.execute(
                "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now_ms, token_id)
            ).rowcount
            > 0
        )

    def tokens(self) -> list[TokenRow]:
        """Return all tokens, revoked ones included, oldest first."""
        rows = self._rows.execute(
            "SELECT id, role, subject, device, added_at, revoked_at FROM tokens ORDER BY added_at, id"
        )
        return [
            TokenRow(id=row[0], role=row[1], subject=row[2], device=row[3], added_at=row[4], revoked_at=row[5])
            for row in rows
        ]

    def verify(self, token: str) -> Identity:
        """Say who stands behind a token.

        Raises
        ------
        AccessDenied
            ``malformed_token``, ``unknown_token``, ``revoked``, or ``unknown_role`` where the city has it no longer.
        """
        parts = token.split("_", 2) if len(token) <= _MOST_TOKEN_CHARACTERS else []
        if len(parts) != 3 or parts[0] != _PREFIX or not token.isascii():
            raise AccessDenied("malformed_token")
        row = self._rows.execute(
            "SELECT secret_sha256, role, subject, device, revoked_at FROM tokens WHERE id = ?", (parts[1],)
        ).fetchone()
        # An unknown id costs the same comparison, so that timing does not tell which ids exist.
        expected = row[0] if row else bytes(hashlib.sha256().digest_size)
        matches = hmac.compare_digest(_digest(parts[2]), expected)
        if row is None or not matches:
            raise AccessDenied("unknown_token")
        if row[4] is not None:
            raise AccessDenied("revoked")
        role = self.roles.get(row[1])
        if role is None:
            raise AccessDenied("unknown_role")
        return Identity(token_id=parts[1], role=role, subject=row[2], device=row[3])

    def is_current(self, identity: Identity) -> bool:
        """Say whether the token behind an identity still holds; long sessions ask now and then."""
        row = self._rows.execute("SELECT revoked_at FROM tokens WHERE id = ?", (identity.token_id,)).fetchone()
        return row is not None and row[0] is None

    def _keep_apart(self, role: Role, subject: str) -> None:
        """Refuse to let a person administer by one token and audit by another."""
        for row in self.tokens():
            other = self.roles.get(row.role)
            if row.revoked_at is not None or other is None or (row.subject, other.speaks_for) != (subject, "person"):
                continue
            if (role.administers and other.audits) or (role.audits and other.administers):
                raise Refusal("kept_apart", "role", role.id, f"not for {subject}, who is {row.role} by {row.id}")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _check_name(field: str, name: str, *, empty_allowed: bool) -> None:
    if (not name and not empty_allowed) or len(name) > LONGEST_CALL_SIGN or not name.isprintable():
        raise Refusal("bad_name", field, name, f"1 to {LONGEST_CALL_SIGN} printable characters")
