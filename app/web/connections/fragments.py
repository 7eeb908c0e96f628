"""Fragments of pages as events of a stream."""

from collections.abc import Sequence

from app.connections.pending_reconnects import PendingReconnect
from app.web.connections.cards import Descriptor
from app.web.context import Dashboard, titles
from app.web.sse import ServerSentEvent


def partial(target: str, swap: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


async def pending_reconnects_event(app: Dashboard, pending: Sequence[PendingReconnect]) -> bytes:
    template = app.jinja_env.get_template("connections/_pending_reconnects.html")
    html = await template.render_async(pending=pending, titles=titles(app))
    return ServerSentEvent("", partial("#unsettled", "innerHTML", html)).encode()


async def gone_event(app: Dashboard) -> bytes:
    """Replaces the card of a page whose connection was deleted with a sentence about that."""
    html = await app.jinja_env.get_template("connections/_gone.html").render_async()
    return ServerSentEvent("", partial("#cards", "innerHTML", html)).encode()


async def card_html(app: Dashboard, card: Descriptor) -> str:
    template = app.jinja_env.get_template("connections/_card.html")
    return await template.render_async(card=card, own_zone=app.zone_of(card.zone))
