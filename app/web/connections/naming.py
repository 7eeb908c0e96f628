"""What an owner writes on a connection: a name of their own, and tags."""

from uuid import UUID

from quart import Blueprint, abort, flash, redirect, request
from quart.typing import ResponseReturnValue

from app.connections import naming
from app.i18n.connection_titles import MOST_TAGS, read_name, read_tags
from app.web.context import dashboard, person

blueprint = Blueprint("naming", __name__)

TOO_MANY_TAGS = f"Меток может быть не больше {MOST_TAGS}: лишние не сохранены."


@blueprint.post("/connections/<uuid:connection_id>/name")
async def rename(connection_id: UUID) -> ResponseReturnValue:
    """An empty name: back to what the service calls the account."""
    name = read_name((await request.form).get("name", ""))
    async with dashboard().database.sessions.begin() as session:
        if not await naming.rename(session, person().user_id, connection_id, name):
            abort(404)
    return redirect(f"/connections/{connection_id}", 303)


@blueprint.post("/connections/<uuid:connection_id>/tags")
async def retag(connection_id: UUID) -> ResponseReturnValue:
    tags = read_tags((await request.form).get("tags", ""))
    async with dashboard().database.sessions.begin() as session:
        if not await naming.retag(session, person().user_id, connection_id, tags):
            abort(404)
    if len(tags) > MOST_TAGS:
        await flash(TOO_MANY_TAGS, "warn")
    return redirect(f"/connections/{connection_id}", 303)
