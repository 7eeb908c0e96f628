"""The page of the audit log."""

from datetime import timedelta
from urllib.parse import urlencode

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app import audit_log
from app.connections import queries
from app.web.accounts.audit_labels import KINDS
from app.web.context import dashboard, person, titles
from app.web.history.labels import PERIODS
from app.web.url_params import choice_of, uuid_of

blueprint = Blueprint("audit_log", __name__)


@blueprint.get("/journal")
async def index() -> ResponseReturnValue:
    app, given = dashboard(), request.args
    kind, days = choice_of(KINDS, given.get("kind")) or "", choice_of(PERIODS, given.get("days"))
    connection_id, before = uuid_of(given.get("connection")), _number(given.get("before", ""))
    period = timedelta(days=days) if days else audit_log.AUDIT_LOG_KEPT
    _, events = KINDS.get(kind, ("", ()))
    async with app.database.sessions() as session:
        entries = await audit_log.of_user(
            session, person().user_id, before, events, connection_id, period
        )
        own = await queries.of_user(session, person().user_id)
    wanted = {"kind": kind, "connection": connection_id, "days": days}
    return await render_template(
        "accounts/audit_log.html",
        entries=entries,
        kinds={value: text for value, (text, _) in KINDS.items()},
        kind=kind,
        own=own,
        connection_id=connection_id,
        periods=PERIODS,
        days=period.days,
        query=urlencode({name: value for name, value in wanted.items() if value}),
        older=entries[-1].id if len(entries) == audit_log.ENTRIES_ON_A_PAGE else None,
        newest=before is None,
        titles=titles(app),
    )


def _number(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
