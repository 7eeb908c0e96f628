"""Lines of the log about what was written: only once it is committed, never about a rollback."""

import logging
from collections.abc import Iterable

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from app.logging import LogEvent


def log_when_committed(
    session: AsyncSession,
    log: logging.Logger,
    events: Iterable[LogEvent],
    level: int = logging.INFO,
) -> None:
    lines = [*events] if log.isEnabledFor(level) else []

    def tell(_: object) -> None:
        for line in lines:
            log.log(level, line)

    if lines:
        event.listen(session.sync_session, "after_commit", tell, once=True)
