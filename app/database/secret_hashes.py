"""Secrets that only have to be recognised again are stored as their hash, and looked up by it."""

import hashlib


def secret_hash(secret: str) -> bytes:
    """SHA-256, without salt and fast: only for what a machine drew at random.

    Session ids, links, codes, OAuth states and delivered tokens are too long to be guessed from
    their hash. Passwords are not: see `accounts/passwords.py`. Any text is taken, also one that a
    stranger sent and that no UTF-8 encodes.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
