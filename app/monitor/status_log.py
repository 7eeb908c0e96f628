"""A line of the log for each change of a status, after it was committed."""

import logging
from collections.abc import Collection, Iterable
from uuid import UUID

from app.logging import LogEvent
from app.monitor.checked import Checked

log = logging.getLogger(__name__)


def log_transitions(batch: Iterable[Checked], written: Collection[UUID]) -> None:
    """`written`: the connections that were still ours to write."""
    for each in batch:
        if each.is_transition and each.lease.connection_id in written:
            log.info(_event(each))


def _event(checked: Checked) -> LogEvent:
    before, verdict, answer = checked.lease.row, checked.verdict, checked.answer
    return LogEvent(
        "status",
        connection=checked.lease.connection_id,
        provider=checked.lease.provider,
        before=before.status,
        after=verdict.status,
        cause=verdict.cause,
        http=answer.status or None,
        failure=answer.failure or None,
        ms=answer.latency_ms,
    )
