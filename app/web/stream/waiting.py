"""How many connections wait for their owner, on open pages: in the title, on the icon, at the tab.

Pages get it on their stream. Hidden ones have none and ask for it (docs/decisions/0025).
"""

from collections.abc import Collection, Iterable

from quart import Blueprint, jsonify
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.connections.queries import CardRow
from app.models.waiting import AWAITED
from app.web.context import Dashboard, person
from app.web.sse import ServerSentEvent

blueprint = Blueprint("waiting", __name__)


@blueprint.get("/connections/waiting")
async def waiting() -> ResponseReturnValue:
    """What a hidden page asks for once a minute: it costs the query that every page costs. No ETag:
    it would be longer than the answer.
    """
    return jsonify(waiting=person().waiting)


async def tell_waiting(app: Dashboard, user_ids: Collection[int]) -> None:
    """Sends the number to the pages of these users that were last told another one."""
    if not user_ids:
        return
    async with app.database.sessions() as session:
        found = await queries.waiting_of_users(session, user_ids)
    for user_id in user_ids:
        number = found.get(user_id, 0)
        app.hub.tell_waiting(user_id, number, waiting_event(number))


def count_waiting(rows: Iterable[CardRow]) -> int:
    return sum(row.status in AWAITED for row in rows)


def waiting_event(number: int) -> bytes:
    return ServerSentEvent("waiting", str(number)).encode()
