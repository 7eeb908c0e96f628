"""Step 4 of 6: write a batch of verdicts, the outages they open and close, and the announcement.

One statement and one transaction for the batch. A late write is fenced: a row whose lease was lost,
or that was disconnected while it was probed, is not touched.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import outages
from app.announce import announce_cards
from app.cards import FLAPS
from app.models import Cause, Status
from app.monitor.leases import Lease
from app.monitor.probe import Answer
from app.monitor.verdict import Verdict

JITTER = 0.1  # of the delay, either way: checks must not march in step
LONGEST_STRIKES = 1_000  # fits a smallint

WRITE = text(
    f"""
    UPDATE connections c
    SET status = new.status, cause = new.cause, strikes = new.strikes,
        evidence = CASE WHEN new.news THEN new.evidence ELSE c.evidence END,
        since = CASE WHEN new.began THEN now() ELSE c.since END,
        version = c.version + 1,
        latency_ms = coalesce(new.latency_ms, c.latency_ms),
        label = coalesce(new.label, c.label),
        flips = CASE WHEN new.flipped THEN (ARRAY[now()] || c.flips)[1:{FLAPS}] ELSE c.flips END,
        last_checked_at = CASE WHEN new.looked THEN now() ELSE c.last_checked_at END,
        next_check_at = now() + new.delay,
        lease_id = NULL, lease_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:lease_ids AS uuid[]), CAST(:statuses AS text[]),
                CAST(:causes AS text[]), CAST(:evidence AS text[]), CAST(:strikes AS int[]),
                CAST(:began AS bool[]), CAST(:latencies AS int[]), CAST(:labels AS text[]),
                CAST(:looked AS bool[]), CAST(:delays AS interval[]), CAST(:news AS bool[]),
                CAST(:flipped AS bool[]))
         AS new(id, lease_id, status, cause, evidence, strikes,
                began, latency_ms, label, looked, delay, news, flipped)
    WHERE c.id = new.id AND c.lease_id = new.lease_id
    RETURNING c.id, c.user_id
    """
)


@dataclass(frozen=True)
class Checked:
    """A lease with what was found out about it."""

    lease: Lease
    answer: Answer
    verdict: Verdict

    @property
    def is_transition(self) -> bool:
        if self.verdict.cause is Cause.MISCONFIGURED:
            return False  # our mistake, which changes nobody's status
        return (self.verdict.status, self.verdict.cause) != (
            self.lease.row.status,
            self.lease.row.cause,
        )

    @property
    def is_flip(self) -> bool:
        """It went up or down; the first verdict of all is neither."""
        before, now = Status(self.lease.row.status), self.verdict.status
        up = Status.ONLINE
        return before is not Status.CHECKING and (before is up) is not (now is up)

    @property
    def wants_settling(self) -> bool:
        """Its grant has not found its place: a reconnect, or the account was not known."""
        return self.lease.hidden or self.answer.account not in (None, self.lease.account)


async def record(session: AsyncSession, batch: Sequence[Checked]) -> set[UUID]:
    """Write the batch in the caller's transaction; returns the ids that were still ours."""
    rows = (await session.execute(WRITE, _columns(batch))).all()
    written = {row.id for row in rows}
    changed = [
        each.lease.connection_id
        for each in batch
        if each.is_transition and each.lease.connection_id in written
    ]
    if changed:
        await outages.follow(session, changed)
    await announce_cards(session, sorted((row.user_id, row.id) for row in rows))
    return written


def _columns(batch: Sequence[Checked]) -> dict[str, list[object]]:
    return {
        "ids": [each.lease.connection_id for each in batch],
        "lease_ids": [each.lease.lease_id for each in batch],
        "statuses": [each.verdict.status.value for each in batch],
        "causes": [each.verdict.cause.value if each.verdict.cause else None for each in batch],
        "evidence": [each.answer.evidence for each in batch],
        "flipped": [each.is_flip for each in batch],
        "news": [each.verdict.news for each in batch],
        "strikes": [min(each.verdict.strikes, LONGEST_STRIKES) for each in batch],
        "began": [each.verdict.began for each in batch],
        "latencies": [_latency(each) for each in batch],
        "labels": [each.answer.label for each in batch],
        "looked": [each.verdict.cause is not Cause.MISCONFIGURED for each in batch],
        "delays": [_jittered(each.verdict) for each in batch],
    }


def _latency(checked: Checked) -> int | None:
    """Only a whole answer of the API has a latency worth showing."""
    answered = checked.answer.status is not None and not checked.answer.refused
    return checked.answer.latency_ms if answered else None


def _jittered(verdict: Verdict) -> timedelta:
    earliest = max(verdict.delay * (1 - JITTER), verdict.at_least)
    latest = max(verdict.delay * (1 + JITTER), earliest)
    return timedelta(seconds=random.uniform(earliest, latest))  # noqa: S311
