"""A grant finds its place once a probe has named its account, or could not (decision 8)."""

from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import grants, outages, people
from app.announce import announce_list
from app.models import Connection
from app.sealing import Keys


async def settle(
    session: AsyncSession, keys: Keys, connection_id: UUID, account: str | None
) -> UUID | None:
    """Put a checked grant where it belongs, once a probe has named its account (or could not).

    A reconnect takes the place of the connection that it was begun for; a second connection to the
    same account becomes one with the first, which keeps its id and history and gets the newer
    grant. Returns the connection that the grant now belongs to, or None where it is not ours to
    settle.
    """
    # One at a time for a person: two tabs may bring the same account at once.
    owner = select(Connection.user_id).where(Connection.id == connection_id)
    await people.lock(session, owner.scalar_subquery())
    own = await session.get(Connection, connection_id, with_for_update=True)
    if own is None or own.lease_id is not None:
        return None  # gone, or being checked again: whoever does that settles it
    target = await _place_of(session, own, account)
    if target is not None:
        await _take_place(session, keys, own, target, account)
        return target.id
    was_hidden = own.replaces is not None
    own.account, own.replaces = account or own.account, None
    await session.flush()
    if was_hidden:
        await announce_list(session, own.user_id)
    return own.id


async def _place_of(
    session: AsyncSession, own: Connection, account: str | None
) -> Connection | None:
    """The connection that this grant belongs to, if that is another one."""
    if account is not None:
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
        if same is not None:
            return same
    if own.replaces is None:
        return None
    begun_for = await session.get(Connection, own.replaces, with_for_update=True)
    fits = begun_for is not None and None in (account, begun_for.account)
    return begun_for if fits else None


async def _take_place(
    session: AsyncSession, keys: Keys, own: Connection, target: Connection, account: str | None
) -> None:
    """Move the grant and the fresh verdict; a check of the old grant on its way is fenced off."""
    user_id = own.user_id
    newer = await grants.move(session, keys, own.id, target.id)
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
        "lease_id": None,
        "lease_until": None,
        "version": Connection.version + 1,
    }
    await session.execute(delete(Connection).where(Connection.id == own.id))
    if newer:
        await session.execute(update(Connection).where(Connection.id == target.id).values(verdict))
        await outages.follow(session, [target.id])
    await announce_list(session, user_id)
