"""Webhooks of a provider: a token delivered for an account, our application installed or removed,
paid for or not.

Events come late, twice and out of order, so each counts only if it is newer than what is stored. A
delivered token belongs to an account, not to a user: it is stored, sealed, until somebody proves to
own the account (`account_ownership`).
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.alerts import triggers
from app.audit_log import AuditEvent
from app.connections import account_ownership
from app.database.encryption import Keys
from app.database.secret_hashes import secret_hash
from app.history import outages
from app.history.flapping import FLAPPING_TRANSITIONS
from app.models.connection import Cause, Connection, Grant, PushedToken
from app.providers.builtin.evotor_webhooks import Event, EvotorEvent
from app.providers.provider import PUSHED_TOKEN
from app.providers.webhooks import Pushed
from app.realtime.events import announce_cards

REMOVED_EVIDENCE = "приложение удалено в личном кабинете Эвотор"
UNPAID_EVIDENCE = "подписка на приложение закончилась в личном кабинете Эвотор"
PROVIDER = "evotor"
AUDIT_EVENTS = {
    Cause.ACCESS_DENIED: AuditEvent.UNINSTALLED,
    Cause.PAYMENT_REQUIRED: AuditEvent.UNPAID,
}
REPEATED_WITHIN = timedelta(minutes=1)  # the same event is logged once within it

# One statement for what comes most often. A token proves that the application is installed now, so
# a removal that is older and arrives later is ignored. A token that is stored already changes
# nothing, nor does one of the last twenty that were replaced: somebody repeats an old post.
KEEP_TOKEN = text(
    """
    WITH known AS (
        INSERT INTO pushed_tokens AS old
            (id, provider, account, token, token_hash, token_at, installation_at)
        VALUES (:id, :provider, :account, :token, :hash, now(), now())
        ON CONFLICT (provider, account) DO UPDATE
        SET token = excluded.token, token_hash = excluded.token_hash, token_at = now(),
            installation_at = now(), replaced_hashes =
                (array_remove(ARRAY[old.token_hash], NULL) || old.replaced_hashes)[1:20]
        WHERE old.token_hash IS DISTINCT FROM excluded.token_hash
          AND excluded.token_hash <> ALL (old.replaced_hashes)
        RETURNING id, provider, account, user_id
    ), due AS (
        UPDATE connections c
        SET next_check_at = now(),
            lease_id = CASE WHEN lease_id IS NOT NULL THEN gen_random_uuid() END
        FROM known WHERE c.provider = known.provider AND c.account = known.account
    )
    SELECT id, provider, account, user_id FROM known
    """
)
NOTE_INSTALLATION = text(
    """
    INSERT INTO pushed_tokens AS known (id, provider, account, installation_at)
    VALUES (:id, :provider, :account, least(CAST(:at AS timestamptz), now()))
    ON CONFLICT (provider, account) DO UPDATE SET installation_at = excluded.installation_at
    WHERE known.installation_at IS NULL OR known.installation_at < excluded.installation_at
    RETURNING id
    """
)
NOTE_SUBSCRIPTION = text(
    """
    INSERT INTO pushed_tokens AS known
        (id, provider, account, subscription_at, subscription, sequence)
    VALUES (:id, :provider, :account, least(CAST(:at AS timestamptz), now()),
            :subscription, CAST(:sequence AS bigint))
    ON CONFLICT (provider, account) DO UPDATE
    SET subscription_at = excluded.subscription_at, subscription = excluded.subscription,
        sequence = excluded.sequence
    WHERE known.subscription_at IS NULL
       OR CASE WHEN known.subscription = excluded.subscription
                    AND known.sequence IS NOT NULL AND excluded.sequence IS NOT NULL
               THEN known.sequence < excluded.sequence
               ELSE known.subscription_at < excluded.subscription_at END
    RETURNING id
    """
)
# A check under way is about the time before. Its lease gets an id that nobody has: it cannot write,
# and no other check repeats a refresh that it may have sent. The minute: the provider may need a
# moment until it refuses what it has just told us about.
BLOCK = text(
    f"""
    UPDATE connections
    SET since = CASE WHEN status = 'blocked' THEN since ELSE now() END,
        transitions = CASE WHEN status = 'online'
            THEN (ARRAY[now()] || transitions)[1:{FLAPPING_TRANSITIONS}] ELSE transitions END,
        status = 'blocked', cause = :cause, evidence = :evidence,
        strikes = greatest(strikes, 2), version = version + 1,
        next_check_at = greatest(next_check_at, now() + interval '1 minute'),
        lease_id = CASE WHEN lease_id IS NOT NULL THEN gen_random_uuid() END
    WHERE provider = :provider AND account = :account AND status <> 'revoked'
    RETURNING user_id, id
    """
)
CHECK_NOW = text(
    """
    UPDATE connections
    SET next_check_at = now(), lease_id = CASE WHEN lease_id IS NOT NULL THEN gen_random_uuid() END
    WHERE provider = :provider AND account = :account
    """
)


async def keep_token(session: AsyncSession, pushed: Pushed, provider: str, keys: Keys) -> None:
    """Store the newest token of an account; its owner's connection uses it from now on."""
    await account_ownership.owner(session, provider, pushed.account)
    key = {"provider": provider, "account": pushed.account}
    place = account_ownership.place_of(provider, pushed.account)
    new = {"token": _sealed(keys, place, pushed), "hash": secret_hash(pushed.token)}
    row = (await session.execute(KEEP_TOKEN, key | new | {"id": place})).one_or_none()
    if row is None:
        return  # it is stored already
    if row.id != place:  # the row is older than derived ids
        at = update(PushedToken).where(PushedToken.id == row.id)
        await session.execute(at.values(token=_sealed(keys, row.id, pushed)))
    if row.user_id is not None:
        await account_ownership.adopt(session, keys, row, pushed.token)


async def take_installation(session: AsyncSession, event: Event, keys: Keys) -> None:
    """Our application was installed at an account, or removed from it."""
    await account_ownership.owner(session, PROVIDER, event.account)
    row_id = await session.scalar(NOTE_INSTALLATION, _key(event))
    if row_id is None:
        return
    if event.news is EvotorEvent.UNINSTALLED:
        at = update(PushedToken).where(PushedToken.id == row_id)
        await session.execute(at.values(token=None, token_hash=None, token_at=None))
        await account_ownership.take_back(session, keys, PROVIDER, event.account)
        await _block(session, event, Cause.ACCESS_DENIED, REMOVED_EVIDENCE)
    elif event.news is EvotorEvent.INSTALLED:
        await session.execute(CHECK_NOW, _key(event))


async def take_subscription(session: AsyncSession, event: Event) -> None:
    """An account began or stopped paying for our application."""
    extra = {"subscription": event.subscription, "sequence": event.sequence}
    if await session.scalar(NOTE_SUBSCRIPTION, _key(event) | extra) is None:
        return
    if event.news is EvotorEvent.UNPAID:
        await _block(session, event, Cause.PAYMENT_REQUIRED, UNPAID_EVIDENCE)
    elif event.news is EvotorEvent.PAID:
        await session.execute(CHECK_NOW, _key(event))


async def pushed_to(session: AsyncSession, user_id: int, provider: str) -> set[UUID]:
    """The user's connections to accounts that have a delivered token, which do not use it."""
    same_account = and_(
        PushedToken.provider == Connection.provider, PushedToken.account == Connection.account
    )
    found = await session.scalars(
        select(Connection.id)
        .join(PushedToken, same_account)
        .join(Grant, Grant.connection_id == Connection.id)
        .where(
            Connection.user_id == user_id,
            Connection.provider == provider,
            PushedToken.token.is_not(None),
            Grant.kind != PUSHED_TOKEN,
        )
    )
    return set(found)


def _sealed(keys: Keys, place: UUID, pushed: Pushed) -> bytes:
    return keys.seal(pushed.token, "pushed_tokens", place, "token")


def _key(event: Event) -> dict[str, Any]:
    place = account_ownership.place_of(PROVIDER, event.account)
    return {"id": place, "provider": PROVIDER, "account": event.account, "at": event.at}


async def _block(session: AsyncSession, event: Event, cause: Cause, evidence: str) -> None:
    """Block the connections at once: what the provider says itself needs no second check."""
    shown = {"cause": cause.value, "evidence": evidence}
    rows = (await session.execute(BLOCK, _key(event) | shown)).all()
    await audit_log.write_of(
        session, AUDIT_EVENTS[cause], [row.id for row in rows], rest=REPEATED_WITHIN
    )
    await outages.follow(session, [row.id for row in rows])
    await triggers.schedule_evaluation(session, [row.id for row in rows])
    await announce_cards(session, sorted((row.user_id, row.id) for row in rows))
