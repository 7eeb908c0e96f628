"""Queries for cards and pages: the connections of users, with all that is shown of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Row,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.engine import Reader
from app.history.flapping import FLAPPING_TRANSITIONS, FLAPPING_WINDOW
from app.models.account import User
from app.models.connection import RENEWABLE, UNWATCHED, Connection, Grant, Status
from app.models.history import REFUSING, Outage, ProviderOutage
from app.models.waiting import WAITING_FOR_OWNER

CardRow = Row[*tuple[Any, ...]]  # has the columns of CARD_COLUMNS
CARD_COLUMNS = (
    Connection.id,
    Connection.user_id,
    Connection.provider,
    Connection.status,
    Connection.cause,
    Connection.evidence,
    Connection.since,
    Connection.is_online,
    Connection.last_checked_at,
    Connection.next_check_at,
    Connection.latency_ms,
    Connection.baseline_ms,
    Connection.slow_since,
    Connection.label,
    Connection.name,
    Connection.tags,
    Connection.connected_at,
    Connection.paused_until,
    Connection.version,
    Grant.expires_at,
    RENEWABLE.label("refreshable"),
    Grant.kind.label("grant_kind"),
    Connection.recent_latencies,
    Connection.check_count,
    func.now().label("read_at"),
    func.coalesce(
        Connection.transitions[FLAPPING_TRANSITIONS] > func.now() - FLAPPING_WINDOW, False
    ).label("flapping"),
    # What was refused before the provider's outage is no part of it.
    case(
        (
            or_(
                Connection.status.not_in([Status.BLOCKED, Status.REVOKED]),
                and_(ProviderOutage.kind == REFUSING, Connection.since >= ProviderOutage.opened_at),
            ),
            ProviderOutage.opened_at,
        )
    ).label("provider_down_since"),
    ProviderOutage.kind.label("provider_outage_kind"),
    select(User.zone).where(User.id == Connection.user_id).scalar_subquery().label("zone"),
)


def card_rows() -> Select[*tuple[Any, ...]]:
    """Connections with all that their cards show."""
    return (
        select(*CARD_COLUMNS)
        .outerjoin(Grant, Grant.connection_id == Connection.id)
        .outerjoin(
            ProviderOutage,
            and_(
                ProviderOutage.provider == Connection.provider, ProviderOutage.closed_at.is_(None)
            ),
        )
    )


# Built once: to build a statement takes SQLAlchemy longer than to run it.
IN_PLACE = card_rows().where(Connection.replaces_connection_id.is_(None))
CARDS_OF_USERS = IN_PLACE.where(
    Connection.user_id == any_(bindparam("users", type_=ARRAY(BigInteger)))
).order_by(Connection.connected_at, Connection.id)
BY_ID = IN_PLACE.where(Connection.id == any_(bindparam("ids", type_=ARRAY(Uuid))))

WAITING = (
    select(Connection.user_id, func.count().label("waiting"))
    .where(Connection.user_id == any_(bindparam("users", type_=ARRAY(BigInteger))))
    .where(WAITING_FOR_OWNER)
    .group_by(Connection.user_id)
)


async def of_users(session: Reader, user_ids: Iterable[int]) -> dict[int, list[CardRow]]:
    """By user, in one query, in the order of connecting."""
    rows = await session.execute(CARDS_OF_USERS, {"users": list(user_ids)})
    found: dict[int, list[CardRow]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found


async def of_user(session: Reader, user_id: int) -> list[CardRow]:
    return (await of_users(session, [user_id])).get(user_id, [])


async def by_id(session: AsyncSession, ids: Iterable[UUID]) -> Sequence[CardRow]:
    return (await session.execute(BY_ID, {"ids": list(ids)})).all()


async def users_at(
    session: AsyncSession, providers: Iterable[str], among: Iterable[int]
) -> Sequence[int]:
    """Those of these users who have a connection to one of the providers."""
    query = select(Connection.user_id).distinct()
    there = Connection.provider.in_(list(providers)), Connection.user_id.in_(list(among))
    return (await session.scalars(query.where(*there))).all()


async def waiting_of_users(session: AsyncSession, user_ids: Iterable[int]) -> dict[int, int]:
    """How many connections of each user wait for their owner; nobody here who has none."""
    rows = await session.execute(WAITING, {"users": list(user_ids)})
    return {row.user_id: row.waiting for row in rows}


async def owned(session: AsyncSession, user_id: int, connection_id: UUID) -> CardRow | None:
    """The user's own connection; None for another user's."""
    rows = await by_id(session, [connection_id])
    return rows[0] if rows and rows[0].user_id == user_id else None


async def granted_at(session: Reader, connection_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """When each connection got the grant that it has."""
    query = select(Grant.connection_id, Grant.granted_at)
    rows = await session.execute(query.where(Grant.connection_id.in_(list(connection_ids))))
    return {row.connection_id: row.granted_at for row in rows}


async def locked(session: AsyncSession, user_id: int, connection_id: UUID) -> Connection | None:
    """The user's own connection, locked until the end of the transaction; None for another
    user's, and for a pending reconnect.
    """
    own = (Connection.id == connection_id, Connection.user_id == user_id)
    in_place = Connection.replaces_connection_id.is_(None)
    return await session.scalar(select(Connection).where(*own, in_place).with_for_update())


LAST_OUTAGES = 10


@dataclass(frozen=True)
class Details:
    connected_at: datetime
    scopes: list[str]  # empty: not known
    refreshed_at: datetime | None
    refreshable: bool
    in_doubt_since: datetime | None  # a refresh was sent whose answer never came
    outages: Sequence[Outage]  # the newest first


async def details(session: AsyncSession, connection_id: UUID) -> Details | None:
    """None: the connection was deleted."""
    query = (
        select(
            Connection.connected_at,
            Grant.scopes,
            Grant.refreshed_at,
            Grant.refresh_token.is_not(None),
            Grant.refresh_sent_at,
        )
        .join(Grant, Grant.connection_id == Connection.id)
        .where(Connection.id == connection_id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    outages = (
        select(Outage)
        .where(Outage.connection_id == connection_id, Outage.status != UNWATCHED)
        .order_by(Outage.opened_at.desc())
        .limit(LAST_OUTAGES)
    )
    return Details(*row, (await session.scalars(outages)).all())
