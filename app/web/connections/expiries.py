"""The page «Сроки»: every key and grant that ends, and that nothing renews."""

from quart import Blueprint, render_template
from quart.typing import ResponseReturnValue

from app.accounts import calendar_links
from app.connections import queries
from app.web.connections.cards import Descriptor, describe
from app.web.context import dashboard, person

blueprint = Blueprint("expiries", __name__)


@blueprint.get("/expiries")
async def index() -> ResponseReturnValue:
    return await expiries_page()


async def expiries_page(address: str = "") -> str:
    """`address` is that of the calendar, where it was made just now."""
    app = dashboard()
    async with app.database.sessions() as session:
        rows = await queries.of_user(session, person().user_id)
        made_at = await calendar_links.made_at(session, person().user_id)
    cards = [describe(row, app.catalogue, app.settings.interval) for row in rows]
    return await render_template(
        "connections/expiries.html",
        cards=ending(cards),
        is_watching=bool(cards),
        made_at=made_at,
        address=address,
    )


def ending(cards: list[Descriptor]) -> list[Descriptor]:
    """Those that end, the next one first."""
    ends = [(card.expires_at, card.title, card) for card in cards if card.expires_at is not None]
    return [card for _, _, card in sorted(ends, key=lambda each: each[:2])]
