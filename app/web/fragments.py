"""Pieces of pages that are not cards, and how any piece travels over a stream."""

from collections.abc import Sequence

from app.connections.pending_reconnects import Unsettled
from app.web.dashboard import Dashboard
from app.web.sse import ServerSentEvent


def partial(target: str, swap: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


def titles(app: Dashboard) -> dict[str, str]:
    """What people call the providers."""
    return {name: provider.title for name, provider in app.catalogue.items()}


async def unsettled_event(app: Dashboard, unsettled: Sequence[Unsettled]) -> bytes:
    template = app.jinja_env.get_template("connections/_unsettled.html")
    html = await template.render_async(unsettled=unsettled, titles=titles(app))
    return ServerSentEvent("", partial("#unsettled", "innerHTML", html)).encode()


async def gone_event(app: Dashboard) -> bytes:
    """The page's connection is not there any more; its card gives way to a sentence about that."""
    html = await app.jinja_env.get_template("connections/_gone.html").render_async()
    return ServerSentEvent("", partial("#cards", "innerHTML", html)).encode()
