"""Passwords: the rules for a new one, and hashing with Argon2id off the event loop."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 1_000  # characters; a longer one would only take longer to hash

# Argon2id as OWASP recommends it: 19 MiB, two passes. It fits a server with 512 MB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_at_once = asyncio.Semaphore(2)


def fault_in_password(password: str) -> str | None:
    """ "short", "long", or None for a good password."""
    if len(password) < SHORTEST_PASSWORD:
        return "short"
    return "long" if len(password) > LONGEST_PASSWORD else None


async def hash_password(password: str) -> str:
    async with _at_once:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password_hash: str, password: str) -> bool:
    async with _at_once:
        return await asyncio.to_thread(_verified, password_hash, password[:LONGEST_PASSWORD])


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


_nobody: list[str] = []


async def hash_of_nobody() -> str:
    if not _nobody:
        _nobody.append(await hash_password(secrets.token_urlsafe(16)))
    return _nobody[0]
