"""Fragments of pages as events of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from markupsafe import Markup

from app.connections.pending_reconnects import PendingReconnect
from app.web.connections.board_order import order_of
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


@dataclass(frozen=True)
class Fragment:
    """A card as pages get it, whichever way."""

    key: str  # the element's id
    tags: Sequence[str]
    order: str
    sum: str  # of the HTML: a page says it of each card that it has
    markup: Markup


async def card_fragment(app: Dashboard, card: Descriptor) -> Fragment:
    template = app.jinja_env.get_template("connections/_card.html")
    key = f"connection-{card.id}" if card.connected else f"provider-{card.provider}"
    order = order_of(card, app.catalogue)
    zone = app.zone_of(card.zone)
    html = await template.render_async(card=card, key=key, order=order, own_zone=zone)
    known = f"{crc32(html.encode()):08x}"
    html = html.replace(f'id="{key}"', f'id="{key}" data-sum="{known}"', 1)
    return Fragment(key, card.tags, order, known, Markup(html))  # noqa: S704 - a template's output


async def card_html(app: Dashboard, card: Descriptor) -> str:
    return (await card_fragment(app, card)).markup


async def card_fragments(app: Dashboard, cards: Sequence[Descriptor]) -> list[Fragment]:
    """In the order of the page."""
    fragments = [await card_fragment(app, card) for card in cards]
    return sorted(fragments, key=lambda each: each.order)
