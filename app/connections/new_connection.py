"""Step 5 of 8 of a connect: a new connection with its first grant is stored, or its tokens end."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.connections.oauth_states import ConnectError
from app.database.availability import is_away
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.grants import revocation
from app.grants import store as grants
from app.grants.store import OpenGrant
from app.models.connection import Connection
from app.oauth.token_response import Tokens
from app.outbound.client import HttpClient
from app.providers.provider import Provider
from app.realtime.events import announce_list

# The callback makes the first check; the monitor makes it if that process dies.
CALLBACK_HEAD_START = timedelta(seconds=15)
STORE_TIMEOUT = 10.0  # seconds that an unavailable database is waited for; then they are revoked
STORE_RETRY = 0.25  # seconds between two tries


async def store_or_revoke(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    user_id: int,
    tokens: Tokens,
    replaces_connection_id: UUID | None,
    connection_id: UUID,
) -> ConnectError | None:
    """As `store`; where that fails in any way, the tokens, which nobody else has, are revoked."""
    try:
        error = await store(
            sessions, keys, provider, user_id, tokens, replaces_connection_id, connection_id
        )
    except BaseException:  # a cancelled task too: this is the only copy
        await revoke(sessions, http, keys, provider, tokens)
        raise
    if error is not None:
        await revoke(sessions, http, keys, provider, tokens)
    return error


async def store(
    sessions: Sessions,
    keys: Keys,
    provider: Provider,
    user_id: int,
    tokens: Tokens,
    replaces_connection_id: UUID | None,
    connection_id: UUID,
    first_check: timedelta = CALLBACK_HEAD_START,
) -> ConnectError | None:
    """Store a new connection that is due in `first_check` (account matching: docs/decisions/0008).

    EXPIRED: the person, or the connection that this was to replace, was deleted meanwhile.
    """
    # RFC 6749 section 5.1: an answer without a scope means the scopes that were asked for.
    tokens = replace(tokens, scopes=tokens.scopes or provider.scopes)
    row = {
        "id": connection_id,
        "user_id": user_id,
        "provider": provider.name,
        "replaces_connection_id": replaces_connection_id,
    }
    deadline = time.monotonic() + STORE_TIMEOUT
    while True:
        try:
            async with sessions.begin() as session:
                connection = Connection(**row, next_check_at=func.now() + first_check)
                await _insert(session, keys, provider, connection, tokens)
            return None
        except IntegrityError:
            return None if await _is_stored(sessions, connection_id) else ConnectError.EXPIRED
        except (SQLAlchemyError, OSError) as error:
            if not is_away(error) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(STORE_RETRY)


async def revoke(
    sessions: Sessions, http: HttpClient, keys: Keys, provider: Provider, tokens: Tokens
) -> None:
    """Revoke tokens that belong to no connection."""
    orphan = OpenGrant(uuid4(), 1, tokens.access_token, tokens.refresh_token, kept=tokens.kept)
    await revocation.enqueue_or_send(sessions, http, keys, provider, orphan)


async def _insert(
    session: AsyncSession, keys: Keys, provider: Provider, row: Connection, tokens: Tokens
) -> None:
    connection_id, user_id, is_reconnect = row.id, row.user_id, row.replaces_connection_id
    session.add(row)
    await session.flush()
    await grants.store(session, keys, connection_id, tokens, provider.kind)
    if is_reconnect is None:
        await audit_log.write_of(session, AuditEvent.CONNECTED, [connection_id])
    await announce_list(session, user_id)


async def _is_stored(sessions: Sessions, connection_id: UUID) -> bool:
    """A commit may have succeeded although its answer was lost."""
    async with sessions() as session:
        return await session.get(Connection, connection_id) is not None
