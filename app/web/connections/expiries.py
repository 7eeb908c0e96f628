"""The page «Сроки»: every key and grant that ends, and that nothing renews."""

from quart import Blueprint, render_template
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.web.connections.cards import Descriptor, describe
from app.web.context import dashboard, person

blueprint = Blueprint("expiries", __name__)


@blueprint.get("/expiries")
async def index() -> ResponseReturnValue:
    app = dashboard()
    async with app.database.reading() as session:
        rows = await queries.of_user(session, person().user_id)
    cards = [describe(row, app.catalogue, app.settings.interval) for row in rows]
    return await render_template("connections/expiries.html", cards=ending(cards), any=bool(cards))


def ending(cards: list[Descriptor]) -> list[Descriptor]:
    """Those that end, the next one first."""
    ends = [(card.expires_at, card.title, card) for card in cards if card.expires_at is not None]
    return [card for _, _, card in sorted(ends, key=lambda each: each[:2])]
