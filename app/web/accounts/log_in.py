"""The end of every way to log in: a new session and its cookie."""

from quart_auth import AuthUser, login_user
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import sessions as user_sessions
from app.audit_log import AuditEvent
from app.web.accounts.known_browser import remember_browser
from app.web.context import person_or_none, user_agent


async def enter(
    session: AsyncSession, user_id: int, event: AuditEvent | None = AuditEvent.LOGGED_IN
) -> None:
    """Always a new session id, against session fixation."""
    if (before := person_or_none()) is not None:
        await user_sessions.end_session(session, before.session_hash)
    token = await user_sessions.open_session(session, user_id, user_agent())
    if event is not None:
        await audit_log.write(session, user_id, event)
    login_user(AuthUser(token), remember=True)
    remember_browser(user_id)
