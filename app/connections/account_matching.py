"""Step 7 of 8 of a connect: a new grant is given to the connection that it belongs to, once a probe
has named its account or could not.

The rules are those of docs/decisions/0008.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import users
from app.alerts import triggers
from app.audit_log import AuditEvent
from app.connections import kept_history
from app.connections.account_fit import AccountFit, fit
from app.connections.key_replacement import is_another_key
from app.database.encryption import Keys
from app.grants import receipts, store
from app.history import outages
from app.history.latency_ring import LatencyRing
from app.models.connection import Connection
from app.realtime.events import announce_list

# What the check of a new grant found goes to the connection whose place it takes, as it is.
VERDICT_COLUMNS = (
    "status",
    "cause",
    "evidence",
    "strikes",
    "latency_ms",
    "last_checked_at",
    "next_check_at",
    "watched_until",
)


async def match_account(
    session: AsyncSession, keys: Keys, connection_id: UUID, account: str | None
) -> UUID | None:
    """Give a checked grant to its connection; `account` is the one that the probe named, if any.

    - A reconnect with the same account takes the place of the connection it was started for.
    - A reconnect with another account stays hidden until the user has chosen
      (`pending_reconnects`); without a name it stays hidden until a check names one.
    - A second connection to the same account becomes one with the first, which keeps its id and
      history and gets the newer grant; also where the first one is disconnected, and kept.

    Returns the connection that the grant now belongs to, or None where another check decides.
    """
    # One at a time for each user: two tabs may bring the same account at once.
    owner = select(Connection.user_id).where(Connection.id == connection_id)
    await users.lock(session, owner.scalar_subquery())
    own = await session.get(Connection, connection_id, with_for_update=True)
    if own is None or own.lease_id is not None:
        return None  # gone, or being checked again: the end of that check decides
    account = account or own.account  # a later check that fails names no account
    begun_for = await _begun_for(session, own)
    target = await _same_account(session, keys, own, account)
    if target is not None and own.account is not None and begun_for is None:
        return own.id  # settled before: an API that confuses two accounts must not merge them
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
    session: AsyncSession, keys: Keys, own: Connection, account: str | None
) -> Connection | None:
    """Another connection to it; or the one that its new grant brings back with its history."""
    if account is None:
        return None
    same = await session.scalar(
        select(Connection)
        .where(
            Connection.user_id == own.user_id,
            Connection.provider == own.provider,
            Connection.account == account,
            Connection.id != own.id,
        )
        .with_for_update()
    )
    is_new = own.account is None and own.replaces_connection_id is None
    if same is None and is_new:
        same = await kept_history.revive(session, keys, own, account)
    return same


async def _stay(
    session: AsyncSession, own: Connection, account: str | None, place: AccountFit | None
) -> None:
    """Keep it as a connection of its own, or hidden for now."""
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
    """Move the grant and the fresh verdict to `target`, and delete `own`. The order matters:

    1. The grant moves before its connection is deleted, which would delete it too. Whether it is
       the newer one decides if the verdict moves with it.
    2. The new values are computed from both rows before either is written.
    3. Reconnects that were started for `own` are handed over before it is deleted, which would
       clear their reference (ON DELETE SET NULL).
    4. `own` is deleted before `target` gets the account: (user, provider, account) is unique.
    5. Outages, alerts and the audit log read what `target` has become.
    """
    user_id = own.user_id
    replaces_key = await is_another_key(session, keys, own.id, target.id)
    is_newer = await store.move(
        session,
        keys,
        own.id,
        target.id,
        own.replaces_connection_id,
        same_account=account is not None and account == target.account,
    )
    values = _open_question(own, target)
    values |= {"name": target.name or own.name, "tags": target.tags or own.tags}
    if is_newer:
        values |= _verdict(own, target, account)
    unwatched_since = _unwatched_since(own, target)
    await _hand_over_reconnects(session, own, target)
    await session.execute(delete(Connection).where(Connection.id == own.id))
    await session.execute(update(Connection).where(Connection.id == target.id).values(values))
    if is_newer:
        await _follow_verdict(session, target.id, unwatched_since)
        if replaces_key:
            await receipts.write_old_key(session, target.id)
    await announce_list(session, user_id)


def _open_question(own: Connection, target: Connection) -> dict[str, Any]:
    """Two reconnects that brought the same other account become one question, asked anew.

    Where only one of them was a reconnect, the user has answered by connecting the account.
    """
    still_asks = (
        own.replaces_connection_id is not None and target.replaces_connection_id is not None
    )
    return {
        "replaces_connection_id": own.replaces_connection_id if still_asks else None,
        "decision_requested_at": func.now() if still_asks else None,
    }


def _verdict(own: Connection, target: Connection, account: str | None) -> dict[str, Any]:
    """What the check of the new grant found, as the target's columns.

    Clearing the lease keeps a check of the old grant, if one is under way, from writing.
    """
    return {
        **{column: getattr(own, column) for column in VERDICT_COLUMNS},
        **_last_look(own, target),
        "account": account or target.account,
        "label": own.label or target.label,
        "since": own.since if own.status != target.status else target.since,
        "lease_id": None,
        "lease_until": None,
        "lease_monitor_id": None,
        "version": Connection.version + 1,
    }


def _last_look(own: Connection, target: Connection) -> dict[str, Any]:
    """Add the latency of that check to the target's; what was not aggregated before is dropped."""
    if own.last_checked_at is None or not own.check_count:
        return {}
    pause = own.last_checked_at.timestamp() // 1 - _looked_at(target).timestamp() // 1
    newest = LatencyRing(own.recent_latencies, own.check_count).entries()[-1]
    before = LatencyRing(target.recent_latencies, target.check_count)
    ring = before.followed_by(newest, pause)
    return {
        "recent_latencies": ring.recent_latencies,
        "check_count": ring.check_count,
        "unaggregated_count": 1,
    }


def _unwatched_since(own: Connection, target: Connection) -> datetime | None:
    """Since when nobody has checked the target, if it was unwatched when the new grant was."""
    if own.last_checked_at is None or own.last_checked_at <= target.watched_until:
        return None
    return _looked_at(target)


def _looked_at(connection: Connection) -> datetime:
    return connection.last_checked_at or connection.connected_at


async def _hand_over_reconnects(session: AsyncSession, own: Connection, target: Connection) -> None:
    """Reconnects that were started for `own` are for `target` from now on."""
    begun_for_own = update(Connection).where(
        Connection.replaces_connection_id == own.id, Connection.id != target.id
    )
    await session.execute(begun_for_own.values(replaces_connection_id=target.id))


async def _follow_verdict(
    session: AsyncSession, connection_id: UUID, unwatched_since: datetime | None
) -> None:
    """Bring outages, alerts and the audit log up to date with the connection.

    Time without checks ends an open outage, so it is recorded before a new one is opened.
    """
    if unwatched_since is not None:
        await outages.unwatch(session, {connection_id: unwatched_since})
    await outages.follow(session, [connection_id])
    await triggers.schedule_evaluation(session, [connection_id])
    await audit_log.write_of(session, AuditEvent.RECONNECTED, [connection_id])
