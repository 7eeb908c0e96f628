"""A grant finds its place once a probe has named its account, or could not (decision 8)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import users
from app.alerts import triggers
from app.audit_log import AuditEvent
from app.database.encryption import Keys
from app.grants import store
from app.history import outages
from app.history.latency import followed_by, in_order
from app.models.connection import Cause, Connection
from app.realtime.events import announce_list

# The provider knows the grant, or all is well: that it names nobody now, it will do again.
NAMES_NOBODY = (None, Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED)


class AccountFit(StrEnum):
    """Does a new grant belong to the connection that its reconnect was begun for?"""

    TAKES_PLACE = "takes_place"
    ASKS = "asks"  # it is for another account: the person decides
    WAITS = "waits"  # nobody could say whose it is, and the next check may


def fit(account: str | None, expected: str | None, cause: str | None) -> AccountFit:
    """Judge by the accounts, as far as they are known; `cause` is what the last check found."""
    if expected is None or account == expected:
        return AccountFit.TAKES_PLACE
    if account is not None:
        return AccountFit.ASKS
    return AccountFit.TAKES_PLACE if cause in NAMES_NOBODY else AccountFit.WAITS


async def match_account(
    session: AsyncSession, keys: Keys, connection_id: UUID, account: str | None
) -> UUID | None:
    """Put a checked grant where it belongs, once a probe has named its account (or could not).

    A reconnect with the same account takes the place of the connection that it was begun for; with
    another one it stays hidden until the person has chosen (`choosing`), and without a name until a
    check names it. A second connection to the same account becomes one with the first, which keeps
    its id and history and gets the newer grant. Returns the connection that the grant now belongs
    to, or None where it is not ours to settle.
    """
    # One at a time for a person: two tabs may bring the same account at once.
    owner = select(Connection.user_id).where(Connection.id == connection_id)
    await users.lock(session, owner.scalar_subquery())
    own = await session.get(Connection, connection_id, with_for_update=True)
    if own is None or own.lease_id is not None:
        return None  # gone, or being checked again: whoever does that settles it
    account = account or own.account  # a check that fails later names nobody
    begun_for = await _begun_for(session, own)
    target = await _same_account(session, own, account)
    if target is not None and own.account is not None and begun_for is None:
        return own.id  # it has its place: an API that mixes two accounts up must not end either
    place = fit(account, begun_for.account, own.cause) if begun_for is not None else None
    if target is None and place is AccountFit.TAKES_PLACE:
        target = begun_for
    if target is not None:
        await _take_place(session, keys, own, target, account)
        return target.id
    await _stay(session, own, account, place)
    return own.id


async def _begun_for(session: AsyncSession, own: Connection) -> Connection | None:
    if own.replaces_connection_id is None:
        return None
    return await session.get(Connection, own.replaces_connection_id, with_for_update=True)


async def _same_account(
    session: AsyncSession, own: Connection, account: str | None
) -> Connection | None:
    if account is None:
        return None
    return await session.scalar(
        select(Connection)
        .where(
            Connection.user_id == own.user_id,
            Connection.provider == own.provider,
            Connection.account == account,
            Connection.id != own.id,
        )
        .with_for_update()
    )


async def _stay(
    session: AsyncSession, own: Connection, account: str | None, place: AccountFit | None
) -> None:
    """It is a connection of its own, or stays hidden for now."""
    was_hidden = own.replaces_connection_id is not None
    own.account = account
    if place is None:
        own.replaces_connection_id = None
    if place is AccountFit.ASKS and own.decision_requested_at is None:
        own.decision_requested_at = func.now()
    await session.flush()
    if was_hidden:
        await triggers.schedule_evaluation(session, [own.id])
        await announce_list(session, own.user_id)


async def _take_place(
    session: AsyncSession, keys: Keys, own: Connection, target: Connection, account: str | None
) -> None:
    """Move the grant and the fresh verdict; a check of the old grant on its way is fenced off."""
    user_id = own.user_id
    newer = await store.move(session, keys, own.id, target.id, own.replaces_connection_id)
    looked_at = target.last_checked_at or target.connected_at
    was_unwatched = own.last_checked_at is not None and own.last_checked_at > target.watched_until
    verdict = {
        "account": account or target.account,
        "label": own.label or target.label,
        "status": own.status,
        "cause": own.cause,
        "evidence": own.evidence,
        "since": own.since if own.status != target.status else target.since,
        "strikes": own.strikes,
        "latency_ms": own.latency_ms,
        "last_checked_at": own.last_checked_at,
        "next_check_at": own.next_check_at,
        "watched_until": own.watched_until,
        **_last_look(own, target, looked_at),
        "lease_id": None,
        "lease_until": None,
        "version": Connection.version + 1,
    }
    # Two reconnects with one other account are one question; whoever connects it has answered.
    still_asks = (
        own.replaces_connection_id is not None and target.replaces_connection_id is not None
    )
    standing = {
        "replaces_connection_id": own.replaces_connection_id if still_asks else None,
        "decision_requested_at": func.now() if still_asks else None,
    }
    heirs = update(Connection).where(
        Connection.replaces_connection_id == own.id, Connection.id != target.id
    )
    await session.execute(heirs.values(replaces_connection_id=target.id))
    await session.execute(delete(Connection).where(Connection.id == own.id))
    values = standing | verdict if newer else standing
    await session.execute(update(Connection).where(Connection.id == target.id).values(values))
    if newer:
        if was_unwatched:
            await outages.unwatch(session, {target.id: looked_at})
        await outages.follow(session, [target.id])
        await triggers.schedule_evaluation(session, [target.id])
        await audit_log.write_of(session, AuditEvent.RECONNECTED, [target.id])
    await announce_list(session, user_id)


def _last_look(own: Connection, target: Connection, looked_at: datetime) -> dict[str, object]:
    """The look that named the account is the target's newest; what was not folded is let go."""
    if own.last_checked_at is None or not own.check_count:
        return {}
    pause = own.last_checked_at.timestamp() // 1 - looked_at.timestamp() // 1
    newest = in_order(own.recent_latencies, own.check_count)[-1]
    recent_latencies = followed_by(target.recent_latencies, target.check_count, newest, pause)
    return {
        "recent_latencies": recent_latencies,
        "check_count": target.check_count + 1,
        "unaggregated_count": 1,
    }
