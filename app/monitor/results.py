"""Step 4 of 6 of a check, step 1 of 7 of an alert: write a batch of verdicts, the outages they
open and close, the announcement, and whose alerts are due.

One statement and one transaction for the batch. A late write is fenced: a row whose lease was lost,
or that was disconnected while it was probed, is not touched.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.alerts import triggers
from app.config import MOSCOW
from app.database.row_arrays import unnest
from app.history import latency, outages, refusal_waves, slow_periods
from app.history.baseline import refresh_baselines
from app.history.flapping import FLAPPING_TRANSITIONS
from app.history.latency import LatencyBatch
from app.history.latency_ring import NEXT_SLOT, RING_SIZE, LatencyRing, entry_of, with_pause
from app.models.connection import Status
from app.monitor.checked import Checked
from app.monitor.verdict import Verdict
from app.realtime.events import announce_cards

JITTER = 0.1  # of the delay, either way: checks must not march in step
LONGEST_STRIKES = 1_000  # fits a smallint
# With one more, the oldest would be written over before it is in a histogram.
MOST_UNFOLDED = RING_SIZE - 1


def _jittered(verdict: Verdict) -> timedelta:
    earliest = max(verdict.delay * (1 - JITTER), verdict.at_least)
    latest = max(verdict.delay * (1 + JITTER), earliest)
    return timedelta(seconds=earliest + (latest - earliest) * random.random())  # noqa: S311


def _look(checked: Checked) -> int:
    return entry_of(checked.verdict.status is Status.ONLINE, checked.latency_ms)


class _Column(NamedTuple):
    """A column of `new`, the rows that WRITE takes: its type, and its value for one check."""

    sql_type: str
    value: Callable[[Checked], object]


RESULT_COLUMNS = {
    "id": _Column("uuid", lambda each: each.lease.connection_id),
    "lease_id": _Column("uuid", lambda each: each.lease.lease_id),
    "status": _Column("text", lambda each: each.verdict.status.value),
    "cause": _Column("text", lambda each: each.verdict.cause),
    "strikes": _Column("int", lambda each: min(each.verdict.strikes, LONGEST_STRIKES)),
    "began": _Column("bool", lambda each: each.verdict.began),
    "flipped": _Column("bool", lambda each: each.is_flip),
    "news": _Column("bool", lambda each: each.verdict.news),
    "delay": _Column("interval", lambda each: _jittered(each.verdict)),
    "evidence": _Column("text", lambda each: each.answer.evidence),
    "label": _Column("text", lambda each: each.answer.label),
    "latency_ms": _Column("int", lambda each: each.latency_ms),
    "is_slow": _Column("bool", lambda each: each.pace.is_slow),
    "slow_streak": _Column("int", lambda each: each.pace.streak),
    "looked": _Column("bool", lambda each: each.looked),
    "look": _Column("int", _look),
    "looked_at": _Column("timestamptz", lambda each: each.lease.row.looked_at),  # the time before
    "watched_until": _Column("timestamptz", lambda each: each.lease.row.watched_until),
}

_PAUSE = "floor(extract(epoch FROM now())) - floor(extract(epoch FROM new.looked_at))"
WRITE = text(
    f"""
    UPDATE connections c
    SET status = new.status, cause = new.cause, strikes = new.strikes,
        evidence = CASE WHEN new.news THEN new.evidence ELSE c.evidence END,
        since = CASE WHEN new.began THEN now() ELSE c.since END,
        version = c.version + 1,
        latency_ms = coalesce(new.latency_ms, c.latency_ms),
        slow_since = CASE WHEN new.is_slow THEN coalesce(c.slow_since, now()) END,
        slow_streak = new.slow_streak,
        label = coalesce(new.label, c.label),
        transitions = CASE WHEN new.flipped
            THEN (ARRAY[now()] || c.transitions)[1:{FLAPPING_TRANSITIONS}] ELSE c.transitions END,
        last_checked_at = CASE WHEN new.looked THEN now() ELSE c.last_checked_at END,
        next_check_at = now() + new.delay,
        watched_until = CASE WHEN new.looked
            THEN now() + new.delay + greatest(new.delay, CAST(:grace AS interval))
            ELSE c.watched_until END,
        recent_latencies[c.{NEXT_SLOT}] = CASE WHEN new.looked
            THEN {with_pause("new.look", _PAUSE)} ELSE c.recent_latencies[c.{NEXT_SLOT}] END,
        check_count = c.check_count + new.looked::int,
        unaggregated_count = CASE WHEN NOT new.looked THEN c.unaggregated_count
            WHEN c.unaggregated_count >= {MOST_UNFOLDED} OR date_trunc('hour', new.looked_at, 'UTC')
                <> date_trunc('hour', now(), 'UTC') THEN 1
            ELSE c.unaggregated_count + 1 END,
        lease_id = NULL, lease_until = NULL, lease_monitor_id = NULL
    FROM {unnest("new", {name: column.sql_type for name, column in RESULT_COLUMNS.items()})}
    WHERE c.id = new.id AND c.lease_id = new.lease_id
    RETURNING c.id, c.user_id, c.check_count,
              CASE WHEN new.looked AND c.unaggregated_count = 1
                  THEN c.recent_latencies END AS recent_latencies,
              CASE WHEN new.looked AND c.unaggregated_count = 1
                  THEN (SELECT zone FROM users WHERE id = c.user_id) END AS zone,
              new.looked AND new.watched_until < now() AS was_unwatched,
              date_trunc('day', new.looked_at, 'UTC') <> date_trunc('day', now(), 'UTC') AS new_day
    """
)

# When a provider fails for everybody, tables grow a thousandfold in a minute. A plan that was made
# when they were empty would read them from end to end until the next ANALYZE.
PLAN_ANEW = text("SET LOCAL plan_cache_mode = force_custom_plan")

Written = tuple[Row[*tuple[Any, ...]], Checked]  # what WRITE returned, and for what


async def record(
    session: AsyncSession, batch: Sequence[Checked], zone: ZoneInfo = MOSCOW
) -> set[UUID]:
    """Write the batch in the caller's transaction; returns the ids that were still ours.

    `zone`: whose days the latencies are counted by where a person has not chosen.
    """
    arrays = {name: list(map(column.value, batch)) for name, column in RESULT_COLUMNS.items()}
    rows = (await session.execute(WRITE, arrays | {"grace": outages.CHECK_GRACE})).all()
    ours = {each.lease.connection_id: each for each in batch}
    written = [(row, ours[row.id]) for row in rows]
    await _keep_history(session, written)
    await latency.fold(session, _full(written), zone)
    await refresh_baselines(session, [row.id for row in rows if row.new_day])
    await announce_cards(session, sorted((row.user_id, row.id) for row in rows))
    return {row.id for row in rows}


async def _keep_history(session: AsyncSession, written: Sequence[Written]) -> None:
    """Writes nothing for what was online before and is now, and was checked in time."""
    over = {row.id: each.lease.row.slow_since for row, each in written if each.is_fast_again}
    if over:
        await slow_periods.keep_periods(session, over)
    unwatched = {row.id: each.lease.row.looked_at for row, each in written if row.was_unwatched}
    transitions = {row.id for row, each in written if each.is_transition}
    going_on = [row.id for row, each in written if each.is_still_failing]
    if not (unwatched or transitions or going_on):
        return
    await session.execute(PLAN_ANEW)
    silent = await outages.unwatch(session, unwatched) if unwatched else set()
    changed = transitions | _not_online(written, silent)
    if changed:
        await _follow(session, written, changed)
    if same := [each for each in going_on if each not in changed]:
        await outages.count_check(session, same)


def _not_online(written: Iterable[Written], silent: Set[UUID]) -> set[UUID]:
    """Of connections that nobody watched for a while: whose outage is to be opened anew.

    The others were and are well, and nothing is to be told: after a day's stop that is everybody.
    """
    return {
        row.id
        for row, each in written
        if row.id in silent and each.verdict.status is not Status.ONLINE
    }


async def _follow(session: AsyncSession, written: Sequence[Written], changed: Set[UUID]) -> None:
    ids = [row.id for row, _ in written if row.id in changed]
    await outages.follow(session, ids)
    await triggers.schedule_evaluation(session, ids)
    if revoked := _newly(Status.REVOKED, written):
        await audit_log.write_of(session, audit_log.AuditEvent.REVOKED, revoked)
    await refusal_waves.note_refusals(session, _refusals(written))


def _newly(status: Status, written: Iterable[Written]) -> list[UUID]:
    return [
        row.id
        for row, each in written
        if each.verdict.status is status and each.lease.row.status != status
    ]


def _refusals(written: Sequence[Written]) -> Counter[str]:
    """How many grants were refused for good just now, by provider."""
    ids = {*_newly(Status.REVOKED, written), *_newly(Status.BLOCKED, written)}
    return Counter(each.lease.provider for row, each in written if row.id in ids)


def _full(written: Iterable[Written]) -> Iterator[LatencyBatch]:
    """Latencies whose hour is over, or that will soon be written over: all but the newest."""
    for row, each in written:
        if row.recent_latencies and (count := each.lease.row.unaggregated_count):
            ring = LatencyRing(row.recent_latencies, row.check_count)
            latencies = ring.last_latencies(count + 1)[:count]
            yield LatencyBatch(row.id, each.lease.row.looked_at, latencies, row.zone)
