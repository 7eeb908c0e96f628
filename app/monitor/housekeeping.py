"""Beside the checks: rows that nobody needs any more are deleted, a few at a time."""

from app import audit_log
from app.accounts import email_change, one_time_tokens, rate_limits
from app.accounts import sessions as user_sessions
from app.connections import kept_history, oauth_states, pairing_codes, pending_reconnects
from app.database import live_processes
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.history import latency, outages, refusal_waves, slow_periods
from app.monitor import heartbeats
from app.providers.provider import Catalogue

HOUSEKEEPING_PAUSE = 600.0  # seconds between two rounds


async def tidy(sessions: Sessions, keys: Keys, catalogue: Catalogue) -> None:
    async with sessions.begin() as session:
        await heartbeats.forget_dead_monitors(session)
        await live_processes.forget_dead_processes(session)
        await oauth_states.forget_old(session)
        await user_sessions.forget_old_sessions(session)
        await one_time_tokens.forget_expired(session)
        await pairing_codes.forget_expired(session)
        await email_change.forget_expired(session)
        await rate_limits.forget_old_attempts(session)
    await pending_reconnects.forget_unanswered(sessions, keys, catalogue)
    await _prune(sessions)


async def _prune(sessions: Sessions) -> None:
    """In batches, so that no transaction is long."""
    more = True
    while more:
        async with sessions.begin() as session:
            own = (outages.prune, latency.prune, refusal_waves.prune, slow_periods.prune)
            others = (kept_history.prune, audit_log.prune)
            more = any([await prune(session) for prune in (*own, *others)])
