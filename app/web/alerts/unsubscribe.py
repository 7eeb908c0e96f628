"""The unsubscribe link of alert e-mails; it works without signing in."""

from uuid import UUID

from quart import Blueprint, abort, render_template
from quart.typing import ResponseReturnValue

from app.alerts import channel_settings
from app.web.context import dashboard
from app.web.middleware.authentication import public

blueprint = Blueprint("unsubscribe", __name__)


@blueprint.get("/alerts/unsubscribe/<uuid:id>")
@public
async def ask(id: UUID) -> ResponseReturnValue:
    """GET changes nothing, because mail programs open links by themselves."""
    async with dashboard().database.sessions() as session:
        if not await channel_settings.is_letter_link(session, id):
            abort(404)
    return await render_template("alerts/unsubscribe.html", key=id, done=False)


@blueprint.post("/alerts/unsubscribe/<uuid:id>")
@public
async def stop(id: UUID) -> ResponseReturnValue:
    """Also the one-click request of a mail program (RFC 8058)."""
    async with dashboard().database.sessions.begin() as session:
        if not await channel_settings.unsubscribe(session, id):
            abort(404)
    return await render_template("alerts/unsubscribe.html", key=id, done=True)
