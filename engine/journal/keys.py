"""Keys that seal and open: AES-256-GCM, each ciphertext bound to a context without which it does not open.

The master key, which wraps all others, is read from the environment or from a file of its own.
"""

import os
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.journal.files import PRIVATE, create_private
from engine.model.errors import Refusal

MASTER_KEY_VARIABLE = "ALLPOINTS_MASTER_KEY"
KEY_BYTES = 32
NAME_BYTES = 16
_NONCE_BYTES = 12


def load_master_key(path: Path, *, create: bool = False) -> bytes:
    """Return the key that wraps all others: from ``ALLPOINTS_MASTER_KEY`` if set, else from a file; 64 hex digits.

    Parameters
    ----------
    path
        The file; only its owner may be able to read it.
    create
        Whether to make a new key where there is no file yet.

    Raises
    ------
    Refusal
        When there is none, others can read it, or it is not 64 hex digits. The value is never in the message.
    """
    text = os.environ.get(MASTER_KEY_VARIABLE)
    where = MASTER_KEY_VARIABLE
    if text is None:
        where = str(path)
        if create and not path.exists():
            create_private(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
        try:
            mode = path.stat().st_mode & 0o777
            text = path.read_text("ascii")
        except (OSError, UnicodeError) as error:
            raise Refusal("no_master_key", "master key", where, type(error).__name__) from error
        if os.name == "posix" and mode & ~PRIVATE:
            raise Refusal("readable_by_others", "master key", f"{where}: mode {mode:o}", f"mode {PRIVATE:o}")
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise Refusal("bad_master_key", "master key", where, "64 hex digits") from error
    if len(key) != KEY_BYTES:
        raise Refusal("bad_master_key", "master key", f"{where}: {len(key)} bytes", f"{KEY_BYTES} bytes, in hex")
    return key


def encrypt(cipher: AESGCM, plain: bytes, context: bytes) -> bytes:
    """Return a fresh nonce (12 bytes), the ciphertext and its tag (16)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, context)


def decrypt(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """Return what `encrypt` was given.

    Raises
    ------
    InvalidTag, ValueError
        When it was another key or context, or a byte has changed.
    """
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)


class Key(NamedTuple):
    """One subject's key, lent to whoever may seal and open for that subject and for nobody else."""

    name: bytes
    secret: bytes

    @classmethod
    def fresh(cls, count: int) -> "list[Key]":
        """Return so many new keys, of chance alone."""
        width = NAME_BYTES + KEY_BYTES
        chance = os.urandom(width * count)
        begins = range(0, width * count, width)
        return [cls(chance[at : at + NAME_BYTES], chance[at + NAME_BYTES : at + width]) for at in begins]

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; the key's name stands first, so that whoever opens it can find the key."""
        return self.name + encrypt(AESGCM(self.secret), plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes | None:
        """Decrypt what this key has sealed; None for anything else."""
        if sealed[:NAME_BYTES] != self.name:
            return None
        try:
            return decrypt(AESGCM(self.secret), sealed[NAME_BYTES:], context)
        except (InvalidTag, ValueError):
            return None
