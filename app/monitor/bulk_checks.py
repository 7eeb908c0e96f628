"""«Проверить все»: a check of all connections of a person, on request, made by the monitors.

A request makes the connections due at once, and stores which they are and when that was. Progress
is computed from the connections themselves, so that no restart and no second tab can falsify it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Update, delete, func, not_, select, text, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import rate_limits, users
from app.accounts.rate_limits import RateLimit
from app.audit_log import AuditEvent
from app.database.engine import Reader
from app.models.connection import Cause, Connection
from app.models.monitor import BulkCheck
from app.models.pause import IS_PAUSED
from app.providers.provider import Catalogue, Provider
from app.realtime.events import announce_list

BULK_CHECK_LIMIT = RateLimit(1, timedelta(seconds=30))  # bulk checks of one person
ANSWER_FRESH = timedelta(seconds=2)  # a check this recent counts as one of the bulk check's
BULK_CHECK_PATIENCE = timedelta(minutes=10)  # then a new one may begin, and this is shown no more
BULK_CHECK_FORGOTTEN = timedelta(hours=1)
BULK_CHECK_AHEAD = timedelta(seconds=60)  # so far ahead of what fell due by itself, at most

# A check that a mistake of ours prevented leaves `last_checked_at` alone, but counts as made.
PROGRESS = text(
    f"""
    SELECT r.user_id, r.started_at, r.later, now() AS read_at,
           count(c.id) AS whole, count(c.id) FILTER (WHERE c.asked) AS asked,
           count(c.id) FILTER (WHERE NOT c.asked AND p.id IS NOT NULL) AS held,
           count(c.id) FILTER (WHERE c.asked AND c.is_online) AS well
    FROM bulk_checks r
    LEFT JOIN LATERAL (
        SELECT id, provider, is_online AND cause IS NULL AS is_online,
               coalesce(last_checked_at >= r.started_at - CAST(:fresh AS interval), false)
               OR coalesce(cause = '{Cause.MISCONFIGURED.value}', false)
                  AND next_check_at > r.started_at AS asked
        FROM connections WHERE id = ANY(r.connection_ids)
    ) c ON true
    LEFT JOIN provider_outages p ON p.provider = c.provider AND p.closed_at IS NULL
    WHERE r.user_id = ANY(CAST(:user_ids AS bigint[]))
      AND r.started_at > now() - CAST(:forgotten AS interval)
    GROUP BY r.user_id
    """
)


@dataclass(frozen=True)
class Progress:
    """How far a bulk check is."""

    whole: int  # connections that it is about and that still exist
    asked: int  # of these, checked since it began
    held: int  # their provider has an outage: they are checked when that ends
    well: int  # of those asked
    later: Mapping[str, int]  # by provider: how many connections it does not let us ask yet
    age: timedelta

    @property
    def is_over(self) -> bool:
        return self.asked + self.held >= self.whole

    @property
    def ill(self) -> int:
        return self.asked - self.well

    @property
    def is_news(self) -> bool:
        return not self.is_over or self.age < BULK_CHECK_PATIENCE


@dataclass(frozen=True)
class Begun:
    """What a request did: it must `wait` so many seconds, or joined a bulk check, or began one."""

    wait: int = 0
    joined: bool = False


async def start(
    session: AsyncSession, catalogue: Catalogue, user_id: int, interval: float
) -> Begun:
    """Have all of the person's connections checked; `interval` is the seconds between checks."""
    await users.lock(session, user_id)  # two tabs at once begin one bulk check
    if _is_under_way((await of_users(session, [user_id])).get(user_id)):
        return Begun(joined=True)
    if wait := await rate_limits.attempt(session, f"round:{user_id}", BULK_CHECK_LIMIT):
        return Begun(wait)
    rows = (await session.execute(_own(catalogue, user_id))).all()
    now = [row.id for row in rows if may_ask(catalogue[row.provider], row)]
    later = Counter(row.provider for row in rows if row.id not in set(now))
    await session.execute(_bring_forward(now, interval))
    await session.execute(_written(user_id, now, later))
    await audit_log.write(session, user_id, AuditEvent.CHECKED_ALL)
    await announce_list(session, user_id)
    return Begun()


async def dismiss(session: AsyncSession, user_id: int) -> None:
    """Forget a bulk check that is over: its outcome was read."""
    await users.lock(session, user_id)
    progress = (await of_users(session, [user_id])).get(user_id)
    if not _is_under_way(progress):
        await session.execute(delete(BulkCheck).where(BulkCheck.user_id == user_id))


async def of_users(session: Reader, user_ids: Iterable[int]) -> dict[int, Progress]:
    """Bulk checks that began less than BULK_CHECK_FORGOTTEN ago; one query for all people."""
    given = {"user_ids": list(user_ids), "fresh": ANSWER_FRESH, "forgotten": BULK_CHECK_FORGOTTEN}
    return {
        row.user_id: Progress(
            row.whole, row.asked, row.held, row.well, row.later, row.read_at - row.started_at
        )
        for row in await session.execute(PROGRESS, given)
    }


def may_ask(provider: Provider, row: Row[*tuple[Any, ...]]) -> bool:
    """Does the provider let us ask with this grant already?"""
    if row.cause == Cause.RATE_LIMITED and row.next_check_at > row.read_at:
        return False  # it said when it wants to be asked again
    if row.last_checked_at is None or not provider.min_interval:
        return True
    rest = timedelta(seconds=provider.min_interval)
    return bool(row.read_at - row.last_checked_at >= rest)


def _is_under_way(progress: Progress | None) -> bool:
    return progress is not None and not progress.is_over and progress.age < BULK_CHECK_PATIENCE


def _own(catalogue: Catalogue, user_id: int) -> Select[*tuple[Any, ...]]:
    asked = (Connection.id, Connection.provider, Connection.cause)
    times = (Connection.last_checked_at, Connection.next_check_at, func.now().label("read_at"))
    return select(*asked, *times).where(
        Connection.user_id == user_id,
        Connection.replaces_connection_id.is_(None),
        not_(IS_PAUSED),
        Connection.provider.in_([each.name for each in catalogue.values() if each.configured]),
    )


def _bring_forward(ids: Sequence[UUID], interval: float) -> Update:
    """Rows that are locked are being checked or written now, and are left out: to wait for them
    might deadlock.
    """
    ahead = min(BULK_CHECK_AHEAD, timedelta(seconds=interval / 2))
    free = select(Connection.id).where(Connection.id.in_(ids))
    locked = free.with_for_update(skip_locked=True, key_share=True).cte("locked")
    return (
        update(Connection)
        .where(Connection.id == locked.prefix_with("MATERIALIZED").c.id)
        .values(next_check_at=func.least(Connection.next_check_at, func.now() - ahead))
        .execution_options(synchronize_session=False)
    )


def _written(user_id: int, ids: Sequence[UUID], later: Mapping[str, int]) -> Insert:
    values = {"connection_ids": ids, "later": later, "started_at": func.now()}
    row = insert(BulkCheck).values(user_id=user_id, **values)
    return row.on_conflict_do_update(index_elements=["user_id"], set_=values)
