"""The addresses of streams: of all connections of a person, and of one."""

from uuid import UUID

from quart import Blueprint, abort
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.web.context import dashboard, person
from app.web.stream.handover import streaming

blueprint = Blueprint("stream", __name__)


@blueprint.get("/connections/stream")
async def stream() -> ResponseReturnValue:
    return streaming(person())


@blueprint.get("/connections/<uuid:connection_id>/stream")
async def stream_of_one(connection_id: UUID) -> ResponseReturnValue:
    app = dashboard()
    async with app.database.sessions() as session:
        if await queries.owned(session, person().user_id, connection_id) is None:
            abort(404)
    return streaming(person(), connection_id)
