"""Sealing every stored token anew under the first key, in batches, while the application runs.

Restartable: what is done is recognised by the key id in front of the sealed value. A row that
changes meanwhile was sealed under the first key by whoever changed it.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Sessions
from app.models import Grant, OAuthState, Revocation
from app.sealing import FORMAT, Keys

BATCH = 200  # rows in one transaction


async def rotate(sessions: Sessions, keys: Keys) -> AsyncIterator[tuple[int, int]]:
    """Yields (rows done, rows to do). Raises UnknownKey when a needed key is missing."""
    async with sessions() as session:
        total = await _count(session, keys)
    done = 0
    yield done, total
    while True:
        async with sessions.begin() as session:
            rows = await _next(session, keys)
            for row in rows:
                _seal_anew(keys, row)
        if not rows:
            return
        done += len(rows)
        yield done, max(done, total)


def _old(keys: Keys, column: Any) -> Any:
    """Is this column sealed under another key than the first?"""
    head = bytes([FORMAT, len(keys.first)]) + keys.first.encode()
    return func.substr(column, 1, len(head)) != cast(head, LargeBinary)


async def _count(session: AsyncSession, keys: Keys) -> int:
    grants = select(func.count()).select_from(Grant).where(_old_grant(keys))
    revocations = select(func.count()).select_from(Revocation).where(_old(keys, Revocation.token))
    states = (
        select(func.count()).select_from(OAuthState).where(_old(keys, OAuthState.code_verifier))
    )
    return sum([await session.scalar(each) or 0 for each in (grants, revocations, states)])


def _old_grant(keys: Keys) -> Any:
    return or_(_old(keys, Grant.access_token), _old(keys, Grant.refresh_token))


async def _next(session: AsyncSession, keys: Keys) -> list[Any]:
    queries = (
        select(Grant).where(_old_grant(keys)),
        select(Revocation).where(_old(keys, Revocation.token)),
        select(OAuthState).where(_old(keys, OAuthState.code_verifier)),
    )
    for query in queries:
        rows = list(await session.scalars(query.limit(BATCH).with_for_update()))
        if rows:
            return rows
    return []


def _seal_anew(keys: Keys, row: Grant | Revocation | OAuthState) -> None:
    table = row.__tablename__
    for column, bound_to in _sealed_columns(row):
        sealed = getattr(row, column)
        if sealed is not None:
            token = keys.open(sealed, table, bound_to, column)
            setattr(row, column, keys.seal(token, table, bound_to, column))


def _sealed_columns(row: Grant | Revocation | OAuthState) -> list[tuple[str, UUID | str]]:
    if isinstance(row, Grant):
        return [("access_token", row.connection_id), ("refresh_token", row.connection_id)]
    if isinstance(row, Revocation):
        return [("token", row.id)]
    return [("code_verifier", row.state_hash.hex())]
