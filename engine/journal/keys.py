"""Keys that seal and open: AES-256-GCM, each ciphertext bound to a context without which it does not open."""

import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NAME_BYTES = 16
_NONCE_BYTES = 12


def encrypt(key: bytes, plain: bytes, context: bytes) -> bytes:
    """Return a fresh nonce (12 bytes), the ciphertext and its tag (16)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Return what `encrypt` was given.

    Raises
    ------
    InvalidTag, ValueError
        When it was another key or context, or a byte has changed.
    """
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)


class Key(NamedTuple):
    """One subject's key, lent to whoever may seal and open for that subject and for nobody else."""

    name: bytes
    secret: bytes

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt; the key's name stands first, so that whoever opens it can find the key."""
        return self.name + encrypt(self.secret, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes | None:
        """Decrypt what this key has sealed; None for anything else."""
        if sealed[:NAME_BYTES] != self.name:
            return None
        try:
            return decrypt(self.secret, sealed[NAME_BYTES:], context)
        except (InvalidTag, ValueError):
            return None
