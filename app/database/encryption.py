"""Encryption at rest: AES-256-GCM, the key's id in front, bound to one row and column.

A sealed value is `1 | length of key id | key id | 12-byte nonce | ciphertext and tag`. Its row and
column are authenticated but not stored: copied to another place, it does not open.
"""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import SealingError, UnknownKey

FORMAT_VERSION = 1
NONCE_BYTES = 12
CHECK = b"svyazka key check "


class Keys:
    """The key ring: the first key seals, every key opens."""

    def __init__(self, keys: tuple[tuple[str, bytes], ...]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        self._check_values = {
            key_id: hmac.digest(key, CHECK + key_id.encode(), "sha256") for key_id, key in keys
        }
        self.first = keys[0][0] if keys else ""

    def has(self, key_id: str) -> bool:
        return key_id in self._ciphers

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._ciphers)

    def check_value(self, key_id: str) -> bytes:
        """Another one for other bytes; it tells nothing of them. For a key of the ring."""
        return self._check_values[key_id]

    def seal(self, text: str, *bound_to: object) -> bytes:
        if not self.first:
            raise SealingError("TOKEN_ENCRYPTION_KEYS is not set")
        head = bytes([FORMAT_VERSION, len(self.first)]) + self.first.encode()
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self.first]
        return head + nonce + cipher.encrypt(nonce, text.encode(), head + _binding(bound_to))

    def open(self, sealed: bytes, *bound_to: object) -> str:
        """Raises UnknownKey, or SealingError for a value that was changed or copied elsewhere."""
        key_id = key_id_of(sealed)
        if key_id not in self._ciphers:
            raise UnknownKey(key_id)
        body = 2 + len(key_id)
        head, nonce, secret = (
            sealed[:body],
            sealed[body : body + NONCE_BYTES],
            sealed[body + NONCE_BYTES :],
        )
        try:
            return self._ciphers[key_id].decrypt(nonce, secret, head + _binding(bound_to)).decode()
        except (InvalidTag, ValueError):  # ValueError: it was cut short
            raise SealingError("a sealed value was changed or moved to another place") from None


def key_id_of(sealed: bytes) -> str:
    if len(sealed) < 2 or sealed[0] != FORMAT_VERSION:
        raise SealingError("not a sealed value of a known format")
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def new_key() -> bytes:
    return os.urandom(32)


def _binding(bound_to: tuple[object, ...]) -> bytes:
    return "|".join(map(str, bound_to)).encode()
