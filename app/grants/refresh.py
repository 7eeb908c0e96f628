"""Refresh of a grant (RFC 6749 section 6): one process at a time, and no new token is ever lost."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.database.availability import is_away, name_of
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.grants import revocation
from app.grants.store import (
    GRANT_COLUMNS,
    OpenGrant,
    kept,
    open_grant,
    sealed,
)
from app.models.connection import Connection, Grant
from app.oauth import client
from app.oauth.token_response import Refusal, Tokens
from app.outbound.client import HttpClient
from app.providers.provider import AHEAD, NEVER, Provider

log = logging.getLogger(__name__)

STORE_PAUSE = 0.25  # seconds between tries to store a new pair
MOST_REFUSALS = 100  # counted in a row
NOTED_ONCE_IN = timedelta(days=1)  # a refresh is noted in the audit log once in this time
CHECK_LEASE = timedelta(seconds=90)  # at least twice a check's longest (probe + refresh + probe)


class NotRefreshed(Enum):
    """Why a refresh yields neither a grant nor a refusal: somebody else decides now."""

    NO_REFRESH_TOKEN = auto()
    LEASE_LOST = auto()
    REPLACED = auto()  # while the provider was asked, another grant took this one's place
    CONNECTION_GONE = auto()


# Of the tables, not of their classes: an update of objects takes twice as long. Built once.
_CONNECTIONS, _GRANTS = cast(Table, Connection.__table__), cast(Table, Grant.__table__)
HOLD = (
    update(_CONNECTIONS)
    .where(Connection.id == bindparam("connection"), Connection.lease_id == bindparam("lease"))
    .values(lease_until=func.now() + CHECK_LEASE)
    .returning(Connection.id)
)
# The stored grant, as long as it is still the one that was read.
OF_GRANT = update(_GRANTS).where(
    Grant.connection_id == bindparam("whose"), Grant.version == bindparam("known")
)
NOTE_SENT = OF_GRANT.values(refresh_sent_at=func.now()).returning(Grant.connection_id)

# The grant to ask with: the new one, or one that another process has stored meanwhile. Or why not.
RefreshOutcome = OpenGrant | Refusal | NotRefreshed


def wants_refresh(provider: Provider, grant: OpenGrant) -> bool:
    """Is the token to be refreshed before it is used?

    A refresh in doubt is not repeated where a second use may end the grant, for as long as the
    access token still works.
    """
    if not may_refresh(provider, grant):
        return False
    if grant.expired:
        return provider.refresh == AHEAD
    in_time = grant.refresh_in is not None and grant.refresh_in <= 0
    return provider.refresh == AHEAD and in_time and not (grant.in_doubt and provider.rotates)


def may_refresh(provider: Provider, grant: OpenGrant) -> bool:
    return grant.refresh_token is not None and provider.refresh != NEVER


async def refresh(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    grant: OpenGrant,
    lease_id: UUID,
) -> RefreshOutcome:
    """Trade the refresh token for a new pair, under the connection's lease.

    That a refresh was sent is committed before it is sent, so that one whose answer is lost is
    known to be in doubt whatever happens to this process (docs/decisions/0010).
    """
    if grant.refresh_token is None:
        return NotRefreshed.NO_REFRESH_TOKEN
    async with sessions.begin() as session:
        if not await _hold(session, grant, lease_id):
            return NotRefreshed.LEASE_LOST
        is_current = await _note_sent(session, grant)
    if not is_current:  # rotated away since it was read: to send it would end the new one as well
        return await _newer(sessions, keys, grant) or NotRefreshed.CONNECTION_GONE
    answer = await client.refresh_tokens(http, provider, grant.refresh_token, grant.kept)
    if isinstance(answer, Refusal):
        return await _after_refusal(sessions, keys, grant, answer)
    return await _after_answer(sessions, http, keys, provider, grant, answer)


async def _hold(session: AsyncSession, grant: OpenGrant, lease_id: UUID) -> bool:
    """Extend the lease by comparison."""
    mine = {"connection": grant.connection_id, "lease": lease_id}
    return await session.scalar(HOLD, mine) is not None


async def _note_sent(session: AsyncSession, grant: OpenGrant) -> bool:
    """Note that the token is about to be spent. False: the stored one is another by now."""
    return await session.scalar(NOTE_SENT, _names(grant)) is not None


async def _newer(sessions: Sessions, keys: Keys, spent: OpenGrant) -> OpenGrant | None:
    """The stored grant, where it is another than the spent one by now."""
    async with sessions() as session:
        row = (
            await session.execute(
                select(*GRANT_COLUMNS)
                .join(Connection, Connection.id == Grant.connection_id)
                .where(Grant.connection_id == spent.connection_id, Grant.version != spent.version)
            )
        ).one_or_none()
    return open_grant(keys, row) if row else None


async def _after_refusal(
    sessions: Sessions, keys: Keys, grant: OpenGrant, refusal: Refusal
) -> OpenGrant | Refusal:
    """The refusal counts only while the refused token is still the stored one."""
    if not refusal.is_lost_answer:
        await _note_refusal(sessions, grant, ends=refusal.ends_grant)
    return await _newer(sessions, keys, grant) or refusal


async def _note_refusal(sessions: Sessions, grant: OpenGrant, *, ends: bool) -> None:
    """The provider answered, or never got the request: the token is not spent. `ends`: it says that
    the grant is over.
    """
    refusals = func.least(Grant.refused_refreshes + 1, MOST_REFUSALS) if ends else 0
    async with sessions.begin() as session:
        values = {"refresh_sent_at": None, "refused_refreshes": refusals}
        await session.execute(OF_GRANT.values(values), _names(grant))


async def _after_answer(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    spent: OpenGrant,
    tokens: Tokens,
) -> OpenGrant | NotRefreshed:
    """The new pair is committed before it is used. If the connection vanished meanwhile, or the
    pair cannot be stored, it goes to the outbox of revocations: no live token is left behind.
    """
    fresh = replace(
        spent,
        version=spent.version + 1,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expired=False,
        refresh_in=None,
        in_doubt=False,
        kept=tokens.kept,
    )
    try:
        is_stored = await _replace_at_last(sessions, keys, spent, tokens)
    except BaseException:  # a cancelled task too: this is the only copy
        await revocation.end_unstored(sessions, http, keys, provider, fresh)
        raise
    if is_stored:
        return fresh
    async with sessions.begin() as session:
        if await session.get(Connection, spent.connection_id) is not None:
            return NotRefreshed.REPLACED
        await revocation.enqueue(session, keys, provider, fresh)
    return NotRefreshed.CONNECTION_GONE


async def _replace_at_last(
    sessions: Sessions, keys: Keys, spent: OpenGrant, tokens: Tokens
) -> bool:
    """Try until the database takes it, however long: the spent token is worth nothing, and this is
    the only copy of the new one. Where it refuses what came beside the tokens, they are stored
    without it.
    """
    is_logged, bare = (
        False,
        Tokens(tokens.access_token, tokens.refresh_token, tokens.expires_in, kept=spent.kept),
    )
    while True:
        try:
            return await _replace(sessions, keys, spent, tokens)
        except (SQLAlchemyError, OSError) as error:
            if not is_away(error):
                if tokens == bare:
                    raise
                log.error("a new pair of tokens is stored without the rest: %s", name_of(error))
                tokens = bare
                continue
            if not is_logged:
                log.warning("a new pair of tokens waits for the database: %s", name_of(error))
            is_logged = True
            await asyncio.sleep(STORE_PAUSE)


async def _replace(sessions: Sessions, keys: Keys, spent: OpenGrant, tokens: Tokens) -> bool:
    """Store the new pair where the grant is still the spent one."""
    values = sealed(keys, spent.connection_id, tokens)
    if tokens.scopes:
        values["scopes"] = list(tokens.scopes)
    if tokens.kept != spent.kept:
        columns = kept(keys, spent.connection_id, tokens)
        values |= columns | {"extra": Grant.extra.op("||")(literal(columns["extra"], JSONB))}
    async with sessions.begin() as session:
        replaced = await session.scalar(
            OF_GRANT.values(values | {"version": Grant.version + 1, "refreshed_at": func.now()})
            .values(refused_refreshes=0)
            .returning(Grant.connection_id),
            _names(spent),
        )
        if replaced is not None:
            await audit_log.write_of(session, AuditEvent.REFRESHED, [replaced], rest=NOTED_ONCE_IN)
    return replaced is not None


def _names(grant: OpenGrant) -> dict[str, object]:
    """The parameters of OF_GRANT."""
    return {"whose": grant.connection_id, "known": grant.version}
