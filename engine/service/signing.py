"""Short-lived signed tokens: the keys that sign them, and what one must say to be believed.

A token is a JWT under Ed25519 and names nobody: only the credential that it was given for. Keys change by themselves;
an older one verifies what it signed until that has run out, and its private half is deleted when it is replaced. The
public half is kept longer, for `Signing.read_expired` alone: an emergency button may be pressed on a token that nobody
could renew. The keys lie in a file of their own, private to its owner, apart from the hashes of credentials.
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import OKPKey

from engine.core.city_toml import AccessSettings
from engine.journal.files import check_version, connect, transaction

KEYS = "token_keys.sqlite"
KEPT_S = 400 * 86_400
"""Public halves of keys that no longer sign are kept so long."""
MOST_PROVEN = 16_384
"""Tokens whose signature was proven lately and is not computed again: more than there are connections, since all of
them come back at once after an outage, and of fewer none would be known any more when its turn comes."""
_ISSUER = "allpoints"
_ALGORITHM: Final = "Ed25519"
_LONGEST = 1_024
_NUMBER = re.compile(r"[0-9a-f]{12,16}")
_APPLICATION_ID = 0x4150544B  # "APTK"
_VERSION = 1
_SCHEMA = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    public TEXT NOT NULL,
    private TEXT,
    made_at INTEGER NOT NULL,
    replaced_at INTEGER
) STRICT
"""


class Untrusted(Exception):
    """A token is not believed; ``code`` says why, ``claims`` what it says: of a forged one for the record alone."""

    def __init__(self, code: str, claims: "Claims | None" = None) -> None:
        self.code = code
        self.claims = claims
        super().__init__(code)


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: its own number, the credential it was given for, and when. Seconds since the epoch."""

    jti: str
    sub: str
    iat: int
    exp: int


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    jwk: OKPKey
    made_at: int
    replaced_at: int | None


class Signing:
    """The signing keys of a city. Used by one thread; other processes may sign with the same keys.

    Parameters
    ----------
    folder
        The city's; the file of keys in it is made with mode 0600.
    settings
        How long tokens and keys hold, and for which city.
    now_s
        The wall clock, in seconds since the epoch.

    Raises
    ------
    Refusal
        When the file cannot be used.
    """

    def __init__(self, folder: Path, settings: AccessSettings, now_s: Callable[[], int]) -> None:
        self._settings = settings
        self._now_s = now_s
        self._rows = connect(folder / KEYS, _APPLICATION_ID, synchronous="FULL", busy_timeout_ms=5_000)
        check_version(self._rows, folder / KEYS, _SCHEMA, _APPLICATION_ID, _VERSION)
        self._rows.execute("PRAGMA secure_delete=ON")
        self._keys: dict[str, _Key] = {}
        self._signs: tuple[str, int, OKPKey] | None = None
        """Number, birth and private half of the key that signs."""
        self._proven: OrderedDict[str, tuple[dict[str, Any], str]] = OrderedDict()
        wanted: dict[str, Any] = {
            "iss": {"essential": True, "value": _ISSUER},
            "aud": {"essential": True, "value": settings.audience},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "sub": {"essential": True},
            "jti": {"essential": True},
        }
        self._rules = jwt.JWTClaimsRegistry(now=now_s, leeway=settings.skew_s, **wanted)

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def sign(self, credential: str) -> tuple[str, Claims]:
        """Return a new token for a credential, and what it says."""
        key_id, key = self._signing_key()
        now = self._now_s()
        claims = Claims(jti=secrets.token_hex(8), sub=credential, iat=now, exp=now + self._settings.token_s)
        said = {"iss": _ISSUER, "aud": self._settings.audience, **msgspec.structs.asdict(claims)}
        return jwt.encode({"alg": _ALGORITHM, "kid": key_id}, said, key, algorithms=[_ALGORITHM]), claims

    def read(self, token: str) -> Claims:
        """Return what a token says, if it is ours and holds now.

        Raises
        ------
        Untrusted
            ``malformed_token``, ``forged_token``, ``wrong_audience``, ``not_yet_valid`` or ``expired``.
        """
        said, key = self._prove(token)
        try:
            self._rules.validate(said)
        except ExpiredTokenError:
            raise Untrusted("expired", _claims(said)) from None
        except InvalidClaimError as error:
            codes = {"aud": "wrong_audience", "iat": "not_yet_valid", "nbf": "not_yet_valid"}
            raise Untrusted(codes.get(error.claim or "", "malformed_token"), _claims(said)) from None
        except (MissingClaimError, JoseError):
            raise Untrusted("malformed_token") from None
        claims = _claims(said)
        if (
            key.replaced_at is not None
            and claims.exp > key.replaced_at + self._settings.token_s + self._settings.skew_s
        ):
            # Whoever stole an old key could still write any date: what it cannot have signed in its time is forged.
            raise Untrusted("forged_token", claims)
        return claims

    def read_expired(self, token: str) -> Claims:
        """Return what a token says, even if it has run out; all else as `read`."""
        try:
            return self.read(token)
        except Untrusted as untrusted:
            if untrusted.code != "expired" or untrusted.claims is None:
                raise
            return untrusted.claims

    def _prove(self, token: str) -> tuple[dict[str, Any], _Key]:
        """Return the claims of a token whose signature is ours, and the key that made it."""
        known = self._proven.get(token)
        proven_by = None if known is None else self._key(known[1])
        if known is not None and proven_by is not None:
            self._proven.move_to_end(token)
            return known[0], proven_by
        if len(token) > _LONGEST or not token.isascii() or token.count(".") != 2:
            raise Untrusted("malformed_token")
        found: list[tuple[str, _Key]] = []

        def key_of(guest: Any) -> OKPKey:
            key_id = guest.headers().get("kid")
            key = self._key(key_id) if isinstance(key_id, str) else None
            if key is None:
                raise Untrusted("forged_token", _claimed(token))
            found.append((key_id, key))
            return key.jwk

        try:
            said = jwt.decode(token, key_of, algorithms=[_ALGORITHM]).claims
        except (JoseError, ValueError):
            # A signature that does not hold, another algorithm, none at all, no JSON: what we did not sign is forged.
            raise Untrusted("forged_token", _claimed(token)) from None
        key_id, key = found[0]
        self._proven[token] = said, key_id
        if len(self._proven) > MOST_PROVEN:
            self._proven.popitem(last=False)
        return said, key

    def _key(self, key_id: str) -> _Key | None:
        """Return a public key by its number; one that another process made or replaced is read from the file."""
        key = self._keys.get(key_id)
        if key is None or (key.replaced_at is None and self._now_s() >= key.made_at + self._settings.rotate_s):
            asked = "SELECT public, made_at, replaced_at FROM keys WHERE id = ?"
            row = self._rows.execute(asked, (key_id,)).fetchone()
            key = None if row is None else _Key(jwk=_imported(row[0]), made_at=row[1], replaced_at=row[2])
            if key is not None:
                self._keys[key_id] = key
        return key

    def _signing_key(self) -> tuple[str, OKPKey]:
        """Return the key that signs now; the first use after its time makes the next."""
        now = self._now_s()
        if self._signs is None or not 0 <= now - self._signs[1] < self._settings.rotate_s:
            with transaction(self._rows):
                self._signs = self._newest(now) or self._made(now)
            # What was replaced is read again when it is asked for, and its private half lies in no log.
            self._keys.clear()
            self._rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self._signs[0], self._signs[2]

    def _newest(self, now: int) -> tuple[str, int, OKPKey] | None:
        row = self._rows.execute(
            "SELECT id, made_at, private FROM keys WHERE private IS NOT NULL AND replaced_at IS NULL"
            " AND made_at > ? AND made_at <= ?",
            (now - self._settings.rotate_s, now),
        ).fetchone()
        return None if row is None else (row[0], row[1], _imported(row[2]))

    def _made(self, now: int) -> tuple[str, int, OKPKey]:
        """Make the next key; the private halves of all others go, and what is older than anybody asks for."""
        key_id = secrets.token_hex(8)
        key = OKPKey.generate_key(_ALGORITHM)
        encode = msgspec.json.encode
        self._rows.execute("UPDATE keys SET private = NULL, replaced_at = coalesce(replaced_at, ?)", (now,))
        self._rows.execute("DELETE FROM keys WHERE replaced_at < ?", (now - KEPT_S,))
        self._rows.execute(
            "INSERT INTO keys VALUES (?, ?, ?, ?, NULL)",
            (key_id, encode(key.as_dict(private=False)).decode(), encode(key.as_dict(private=True)).decode(), now),
        )
        return key_id, now, key


def _imported(text: str) -> OKPKey:
    return OKPKey.import_key(msgspec.json.decode(text, type=dict[str, str | list[str]]))


def _claimed(token: str) -> Claims | None:
    """Return what a token says of itself, if its numbers look like ours: they are written into the log."""
    try:
        claims = msgspec.json.decode(jws.extract_compact(token.encode()).payload or b"", type=Claims)
    except (JoseError, ValueError):
        return None
    return claims if _NUMBER.fullmatch(claims.jti) and _NUMBER.fullmatch(claims.sub) else None


def _claims(said: dict[str, Any]) -> Claims:
    try:
        return msgspec.convert({name: said[name] for name in Claims.__struct_fields__}, Claims)
    except (KeyError, msgspec.ValidationError):
        raise Untrusted("malformed_token") from None
