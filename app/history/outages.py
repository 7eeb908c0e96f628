"""Outages: the intervals when a connection was not online, or when nobody checked it.

A connection that stays online and is checked in time has none, and nothing is written for it. All
times are of the database's clock. When that steps back, no interval is written into time that one
covers already: what was written first stays.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.commit_log import log_when_committed
from app.logging import LogEvent
from app.models.connection import UNWATCHED, Cause

log = logging.getLogger(__name__)

CHECK_GRACE = timedelta(seconds=60)  # the longest that a check with a refresh may take
OUTAGES_KEPT = timedelta(days=400)
ASKED_AGAIN = timedelta(minutes=5)  # after a provider-wide outage, all are by then
OUTAGES_PRUNED = 500  # rows deleted in one statement

_FAULT = " ".join(f"WHEN '{cause.value}' THEN '{cause.fault}'" for cause in Cause)
_LAST_END = """
    (SELECT o.closed_at FROM outages o WHERE o.connection_id = {id}
     ORDER BY coalesce(o.closed_at, 'infinity'::timestamptz) DESC LIMIT 1)
"""

CLOSE_OUTAGES = text(
    """
    UPDATE outages o SET closed_at = greatest(o.opened_at, now())
    FROM connections c
    WHERE c.id = ANY(CAST(:ids AS uuid[])) AND o.connection_id = c.id AND o.closed_at IS NULL
      AND (o.status, o.cause) IS DISTINCT FROM (c.status, c.cause)
    RETURNING c.id, c.provider, o.status, o.cause, o.fault, o.closed_at - o.opened_at AS length
    """
)
OPEN_OUTAGES = text(
    f"""
    INSERT INTO outages
        (connection_id, status, cause, fault, opened_at, evidence, last_evidence, checks)
    SELECT c.id, c.status, c.cause, CASE c.cause {_FAULT} END,
           greatest(c.since, {_LAST_END.format(id="c.id")}),
           coalesce(c.evidence, ''), coalesce(c.evidence, ''), greatest(c.strikes, 1)
    FROM connections c
    WHERE c.id = ANY(CAST(:ids AS uuid[]))
      AND c.status IN ('offline', 'blocked', 'revoked') AND c.cause IS NOT NULL
      AND NOT EXISTS (SELECT FROM outages WHERE connection_id = c.id AND closed_at IS NULL)
    RETURNING connection_id AS id, (SELECT provider FROM connections WHERE id = connection_id),
        status, cause, fault, NULL AS length
    """
)
COUNT_CHECK = text(
    """
    UPDATE outages o SET checks = o.checks + 1, last_evidence = coalesce(c.evidence, '')
    FROM connections c
    WHERE c.id = ANY(CAST(:ids AS uuid[])) AND o.connection_id = c.id AND o.closed_at IS NULL
    """
)
# During a provider-wide outage only a sample is checked: connections that the provider had failed
# for count as watched all the same.
SPOKEN_FOR = f"""
    SELECT FROM outages o JOIN provider_outages p ON p.provider = c.provider
    WHERE o.connection_id = c.id AND o.closed_at IS NULL AND o.fault = 'provider'
      AND p.opened_at <= {{since}}
      AND coalesce(p.closed_at, 'infinity'::timestamptz)
          > {{now}} - interval '{ASKED_AGAIN.total_seconds():.0f} seconds'
"""
SILENT = text(
    f"""
    SELECT c.id FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[])) AS s(id, since)
    JOIN connections c ON c.id = s.id
    WHERE NOT EXISTS ({SPOKEN_FOR.format(since="s.since", now="now()")})
    """
)
BREAK_OFF = text(
    """
    UPDATE outages o SET closed_at = greatest(o.opened_at, silent.since)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[])) AS silent(id, since)
    WHERE o.connection_id = silent.id AND o.closed_at IS NULL
    """
)
UNWATCH = text(
    f"""
    INSERT INTO outages (connection_id, status, fault, opened_at, closed_at, evidence)
    SELECT silent.id, '{UNWATCHED}', 'us', began, now(), ''
    FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[])) AS silent(id, since),
         LATERAL (SELECT greatest(silent.since, {_LAST_END.format(id="silent.id")})) AS b(began)
    WHERE began < now()
    """
)
END_OUTAGE = text(
    """
    UPDATE outages SET closed_at = greatest(opened_at, now())
    WHERE connection_id = :id AND closed_at IS NULL
    """
)
DELETE_SOME = text(
    """
    DELETE FROM outages WHERE id = ANY(ARRAY(
        SELECT id FROM outages WHERE connection_id = ANY(CAST(:ids AS uuid[])) LIMIT :most))
    RETURNING id
    """
)
PRUNE_OUTAGES = text(
    """
    DELETE FROM outages WHERE id = ANY(ARRAY(
        SELECT id FROM outages WHERE closed_at < now() - CAST(:kept AS interval) LIMIT :most))
    RETURNING id
    """
)


async def follow(session: AsyncSession, connection_ids: Sequence[UUID]) -> None:
    """Close and open intervals so that they agree with what these connections are now.

    An outage is dated from its first strike, and never overlaps what came before it.
    """
    ids = {"ids": list(connection_ids)}
    closed = await session.execute(CLOSE_OUTAGES, ids)
    log_when_committed(session, log, [_event("outage_closed", row) for row in closed])
    opened = await session.execute(OPEN_OUTAGES, ids)
    log_when_committed(session, log, [_event("outage_opened", row) for row in opened])


async def count_check(session: AsyncSession, connection_ids: Sequence[UUID]) -> None:
    """Another check said the same: count it, and keep its evidence as the last."""
    await session.execute(COUNT_CHECK, {"ids": list(connection_ids)})


async def unwatch(session: AsyncSession, silent_since: Mapping[UUID, datetime]) -> set[UUID]:
    """Record that nobody checked these connections from these times until now.

    Nothing is known of that time, so an outage that was open ends where it began; `follow` opens
    a new one if the connection still fails. Returns those that were unwatched in fact: during a
    provider-wide outage its sample stands for the others.
    """
    ids = list(await session.scalars(SILENT, _columns(silent_since, silent_since)))
    if ids:
        await session.execute(BREAK_OFF, _columns(ids, silent_since))
        await session.execute(UNWATCH, _columns(ids, silent_since))
        log_when_committed(session, log, [LogEvent("unwatched", rows=len(ids))])
    return set(ids)


async def end(session: AsyncSession, connection_id: UUID) -> None:
    """The connection is paused or disconnected: what was open is not looked at any more."""
    await session.execute(END_OUTAGE, {"id": connection_id})


async def delete_some(session: AsyncSession, connection_ids: Sequence[UUID]) -> bool:
    """Delete some of these connections' intervals; True when there may be more."""
    given = {"ids": list(connection_ids), "most": OUTAGES_PRUNED}
    return len((await session.scalars(DELETE_SOME, given)).all()) == OUTAGES_PRUNED


async def prune(session: AsyncSession) -> bool:
    """Delete some of what ended too long ago; True when there may be more."""
    gone = await session.scalars(PRUNE_OUTAGES, {"kept": OUTAGES_KEPT, "most": OUTAGES_PRUNED})
    return len(gone.all()) == OUTAGES_PRUNED


def _event(name: str, row: Row[Any]) -> LogEvent:
    return LogEvent(
        name,
        connection=row.id,
        provider=row.provider,
        status=row.status,
        cause=row.cause,
        fault=row.fault,
        seconds=row.length and row.length.total_seconds(),
    )


def _columns(ids: Iterable[UUID], since: Mapping[UUID, datetime]) -> dict[str, object]:
    kept = list(ids)
    return {"ids": kept, "since": [since[each] for each in kept]}
