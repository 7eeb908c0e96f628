"""The outbox of tokens that a provider must still be told to forget (RFC 7009)."""

import logging
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.availability import name_of
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.grants import receipts
from app.grants.receipts import GrantEnd
from app.grants.store import OpenGrant, account_held
from app.logging import LogEvent
from app.models.connection import Revocation
from app.oauth import client
from app.oauth.revocation_response import RevocationAnswer, RevocationOutcome
from app.outbound.client import HttpClient
from app.providers.provider import PUSHED_TOKEN, Catalogue, Provider
from app.providers.spec_parts import ACCESS_TOKEN, REFRESH_TOKEN

log = logging.getLogger(__name__)

REVOCATION_LIFE = timedelta(days=1)  # after this no more is tried
REVOCATION_PAUSES = (60, 300, 900, 3600)  # seconds between tries; the last one repeats
REVOCATION_CLAIM = timedelta(seconds=90)  # a claim whose process died ends after this
REVOCATION_BATCH = 20  # rows claimed at once

LOCK_ACCOUNT = text("SELECT pg_advisory_xact_lock(hashtextextended(:account, 1))")


async def enqueue(
    session: AsyncSession,
    keys: Keys,
    provider: Provider,
    grant: OpenGrant,
    *,
    sent_by_caller: bool = False,
) -> UUID | None:
    """Put the token that ends the grant into the outbox, in the caller's transaction.

    `sent_by_caller`: the monitor looks at it only if the caller dies before it has sent it.

    None: the provider has no revocation; or another connection holds the same account; or the token
    was delivered, and lives until the application is removed at the provider. The lock is there for
    two that let go of one account at once: the second one sees that it is the last.
    """
    if grant.account is not None:
        await session.execute(LOCK_ACCOUNT, {"account": f"{provider.name} {grant.account}"})
    held = await account_held(session, provider.name, grant.account)
    if held or not provider.can_revoke or grant.kind == PUSHED_TOKEN:
        return None
    revocation_id = uuid4()
    token, token_type_hint = _token_that_ends(provider, grant)
    plain = {name: grant.kept[name] for name in {*grant.kept} - provider.sealed_names}
    session.add(
        Revocation(
            id=revocation_id,
            provider=provider.name,
            account=grant.account,
            connection_id=grant.connection_id,
            token=keys.seal(token, "revocations", revocation_id, "token"),
            token_type_hint=token_type_hint,
            extra=plain,
            next_try_at=func.now() + (REVOCATION_CLAIM if sent_by_caller else timedelta(0)),
        )
    )
    await session.flush()
    return revocation_id


async def enqueue_or_send(
    sessions: Sessions, http: HttpClient, keys: Keys, provider: Provider, grant: OpenGrant
) -> None:
    """End a grant that could not be kept: by the outbox, or at once where that cannot be written
    either. What neither way works for is logged; there is nobody left to try again.
    """
    try:
        async with sessions.begin() as session:
            await enqueue(session, keys, provider, grant)
        return
    except (SQLAlchemyError, OSError, SealingError) as error:
        log.warning("no outbox for a grant at %s: %s", provider.name, name_of(error))
    if not provider.can_revoke:
        return
    token, token_type_hint = _token_that_ends(provider, grant)
    answer = await client.revoke(http, provider, token, token_type_hint, grant.kept)
    if not answer.is_done:
        log.error("a grant at %s is neither kept nor revoked: %s", provider.name, answer.said)


async def end_unstored(
    sessions: Sessions, http: HttpClient, keys: Keys, provider: Provider, fresh: OpenGrant
) -> None:
    """Revoke a refreshed pair that could not be stored, unless that would end the grant of others.

    The connection itself still holds the account, by tokens that are spent: without the account
    nobody takes that for a reason to keep the grant.
    """
    async with sessions() as session:
        own = fresh.connection_id
        shared = await account_held(session, provider.name, fresh.account, besides=own)
    if not shared:
        orphan = replace(fresh, account=None)
        await enqueue_or_send(sessions, http, keys, provider, orphan)


async def send(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    revocation_id: UUID,
    *,
    in_background: bool = False,
) -> RevocationAnswer | None:
    """Try one revocation now. None: nobody has to be asked (any more).

    Never fails because of the provider. `in_background`: nobody waits for the answer, so the end is
    written down here.
    """
    async with sessions() as session:
        row = await session.get(Revocation, revocation_id)
        held = row is not None and await account_held(session, row.provider, row.account)
    if row is None:
        return None
    answer = None  # stays so where it was connected anew: to revoke could end the new grant
    if not held:
        token = keys.open(row.token, "revocations", row.id, "token")
        answer = await client.revoke(http, provider, token, row.token_type_hint, row.extra)
    async with sessions.begin() as session:
        await _settle(session, row, answer)
        if in_background:
            await _write_receipt(session, provider, row, answer)
    return answer


async def send_due(sessions: Sessions, http: HttpClient, keys: Keys, catalogue: Catalogue) -> None:
    """Try what is due, one by one; what is older than a day is dropped in any case."""
    await _drop_old(sessions, catalogue)
    for revocation_id, name in await _claim_due(sessions):
        provider = catalogue.get(name)
        if provider is None:
            continue
        try:
            await send(sessions, http, keys, provider, revocation_id, in_background=True)
        except SealingError as error:
            log.error(LogEvent("revocation_unreadable", provider=name, error=error))


def _token_that_ends(provider: Provider, grant: OpenGrant) -> tuple[str, str]:
    """(token, its kind): RFC 7009 wants the refresh token, since that ends the whole grant."""
    own = provider.revocation
    wants_refresh_token = own is None or own.token == REFRESH_TOKEN
    if grant.refresh_token and wants_refresh_token:
        return grant.refresh_token, REFRESH_TOKEN
    return grant.access_token, ACCESS_TOKEN


async def _claim_due(sessions: Sessions) -> list[tuple[UUID, str]]:
    """(id, provider) of what is due; its next try is moved ahead, so that nobody else takes it."""
    due = (
        select(Revocation.id)
        .where(Revocation.next_try_at <= func.now())
        .order_by(Revocation.next_try_at)
        .limit(REVOCATION_BATCH)
        .with_for_update(skip_locked=True)
    )
    async with sessions.begin() as session:
        claimed = await session.execute(
            update(Revocation)
            .where(Revocation.id.in_(due.scalar_subquery()))
            .values(next_try_at=func.now() + REVOCATION_CLAIM)
            .returning(Revocation.id, Revocation.provider)
        )
        return [(row.id, row.provider) for row in claimed]


async def _drop_old(sessions: Sessions, catalogue: Catalogue) -> None:
    too_old = delete(Revocation).where(Revocation.created_at < func.now() - REVOCATION_LIFE)
    async with sessions.begin() as session:
        gone = await session.execute(
            too_old.returning(Revocation.provider, Revocation.connection_id)
        )
        for name, connection_id in gone.all():
            log.warning("gave up revoking a grant at %s after a day", name)
            if connection_id is not None and (provider := catalogue.get(name)):
                await receipts.write(session, provider, connection_id, GrantEnd.GIVEN_UP)


async def _settle(session: AsyncSession, row: Revocation, answer: RevocationAnswer | None) -> None:
    own = Revocation.id == row.id
    if answer is None or answer.outcome is not RevocationOutcome.LATER:
        await session.execute(delete(Revocation).where(own))
        return
    pause = timedelta(seconds=REVOCATION_PAUSES[min(row.tries, len(REVOCATION_PAUSES) - 1)])
    later = {"tries": row.tries + 1, "next_try_at": func.now() + pause}
    await session.execute(update(Revocation).where(own).values(later))


async def _write_receipt(
    session: AsyncSession, provider: Provider, row: Revocation, answer: RevocationAnswer | None
) -> None:
    if row.connection_id is None or (answer and answer.outcome is RevocationOutcome.LATER):
        return
    end = GrantEnd(answer.outcome) if answer else GrantEnd.SHARED
    await receipts.write(session, provider, row.connection_id, end, answer)
