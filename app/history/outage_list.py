"""The list of outages of a person's connections; a provider-wide outage is one entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.history.periods import TimeRange
from app.i18n.connection_titles import title_of
from app.models.connection import UNWATCHED

OUTAGES_PER_PAGE = 500  # entries of a page; an export has them all

# OFFSET 0 keeps PostgreSQL from merging the subquery, so that it looks up each connection by the
# index; else it may read everybody's outages, and the time would grow with the number of people.
FIND_OUTAGES = text(
    f"""
    SELECT c.id AS connection_id, c.provider, c.label, c.name, c.tags, o.status, o.cause, o.fault,
           o.opened_at, o.closed_at, o.evidence, o.last_evidence, o.checks,
           wide.id AS wide_id, wide.opened_at AS wide_opened_at, wide.closed_at AS wide_closed_at,
           wide.cause AS wide_cause, wide.evidence AS wide_evidence, now() AS read_at
    FROM connections c CROSS JOIN LATERAL (
        SELECT * FROM outages
        WHERE connection_id = c.id AND status <> '{UNWATCHED}'
          AND coalesce(closed_at, 'infinity'::timestamptz)
              > coalesce(CAST(:since AS timestamptz), now() - CAST(:period AS interval))
          AND (CAST(:until AS timestamptz) IS NULL OR opened_at < :until)
          AND (CAST(:cause AS text) IS NULL OR cause = :cause)
        OFFSET 0
    ) o
    LEFT JOIN LATERAL (
        SELECT * FROM provider_outages p
        WHERE p.provider = c.provider AND o.fault = 'provider'
          AND p.opened_at < coalesce(o.closed_at, 'infinity'::timestamptz)
          AND coalesce(p.closed_at, 'infinity'::timestamptz) > o.opened_at
        ORDER BY p.opened_at LIMIT 1
    ) wide ON true
    WHERE c.user_id = :user_id AND c.replaces_connection_id IS NULL
      AND (CAST(:connections AS uuid[]) IS NULL OR c.id = ANY(CAST(:connections AS uuid[])))
    ORDER BY coalesce(wide.closed_at, o.closed_at, 'infinity'::timestamptz) DESC, o.id DESC
    LIMIT :most
    """
)


@dataclass(frozen=True)
class OutageFilter:
    """Which outages are wanted; None: all."""

    period: timedelta  # until now
    connections: Sequence[UUID] | None = None
    cause: str | None = None
    window: TimeRange | None = None  # instead of `period`


@dataclass(frozen=True)
class OutageEntry:
    """An outage of one connection, or of a provider and so of several `connections`."""

    provider: str
    connections: tuple[tuple[UUID, str | None], ...]  # id and title, if it has one
    status: str
    cause: str
    fault: str
    began: datetime
    ended: datetime | None  # None: it goes on
    lasted: timedelta
    evidence: str
    last_evidence: str
    checks: int
    wide: bool = False  # the provider failed for everybody


async def find(
    session: AsyncSession, user_id: int, wanted: OutageFilter, most: int | None = OUTAGES_PER_PAGE
) -> list[Row[*tuple[Any, ...]]]:
    """The person's outages one by one, the newest end first; `most` None: all of them."""
    given = {
        "user_id": user_id,
        "period": wanted.period,
        "since": wanted.window and wanted.window.began,
        "until": wanted.window and wanted.window.ended,
        "connections": None if wanted.connections is None else list(wanted.connections),
        "cause": wanted.cause,
        "most": most,
    }
    return list((await session.execute(FIND_OUTAGES, given)).all())


def entries(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[OutageEntry]:
    """Rows of `find`; those of one provider-wide outage become one entry."""
    found: dict[object, OutageEntry] = {}
    for place, row in enumerate(rows):
        key = ("wide", row.wide_id) if row.wide_id else place
        known = found.get(key)
        found[key] = _joined(known, row) if known else _entry(row)
    return list(found.values())


def records(
    rows: Sequence[Row[*tuple[Any, ...]]], zone: ZoneInfo, services: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    """For an export: every outage of every connection, times in `zone`, durations in seconds.

    `services` are titles of providers, for connections that nothing else names.
    """
    for row in rows:
        yield {
            "connection": str(row.connection_id),
            "provider": row.provider,
            "title": title_of(row.name, row.label, services.get(row.provider, row.provider)),
            "details": row.label,
            "tags": list(row.tags),
            "status": row.status,
            "cause": row.cause,
            "fault": row.fault,
            "opened_at": row.opened_at.astimezone(zone),
            "closed_at": row.closed_at.astimezone(zone) if row.closed_at else None,
            "seconds": _lasted(row.opened_at, row.closed_at, row.read_at).total_seconds(),
            "checks": row.checks,
            "evidence": row.evidence,
            "last_evidence": row.last_evidence,
            "provider_wide": row.wide_id is not None,
        }


def _entry(row: Row[*tuple[Any, ...]]) -> OutageEntry:
    wide = row.wide_id is not None
    began = row.wide_opened_at if wide else row.opened_at
    ended = row.wide_closed_at if wide else row.closed_at
    return OutageEntry(
        row.provider,
        ((row.connection_id, _title(row)),),
        row.status,
        row.wide_cause if wide else row.cause,
        row.fault,
        began,
        ended,
        _lasted(began, ended, row.read_at),
        row.wide_evidence if wide else row.evidence,
        "" if wide else row.last_evidence,
        1 if wide else row.checks,
        wide,
    )


def _title(row: Row[*tuple[Any, ...]]) -> str | None:
    return title_of(row.name, row.label, "") or None


def _joined(known: OutageEntry, row: Row[*tuple[Any, ...]]) -> OutageEntry:
    one = (row.connection_id, _title(row))
    others = known.connections
    return known if one in others else replace(known, connections=(*others, one))


def _lasted(began: datetime, ended: datetime | None, now: datetime) -> timedelta:
    return max((ended or now) - began, timedelta(0))
