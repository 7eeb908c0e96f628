"""The small things that pages are full of, an icon and a moment. Made by hand: a macro escapes
every part of them anew, a thousand times a page.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

ICONS = 1_000  # that are kept; there are about sixty


def icon_of(sprite: str) -> Callable[[str], Markup]:
    """`sprite` is its address."""

    @lru_cache(ICONS)
    def icon(name: str) -> Markup:
        return Markup('<svg class="bi {0}" aria-hidden="true"><use href="{1}#{0}"/></svg>').format(
            name, sprite
        )

    return icon


def moment_of(clock: Callable[..., str]) -> Callable[..., Markup]:
    """`clock` is the filter: it knows whose clock the reader looks at, and says the moment where
    there is no other text.
    """

    @pass_context
    def moment(
        context: Context,
        at: datetime,
        text: str = "",
        span: bool = False,
        zone: ZoneInfo | None = None,
    ) -> Markup:
        iso, lasting = at.isoformat(), " span" if span else ""
        told = clock(context, at, zone)
        return Markup(  # noqa: S704 - times alone, and a text that is escaped
            f'<rel-time datetime="{iso}" title="{told}"{lasting}>'
            f'<time datetime="{iso}">{escape(text or told)}</time></rel-time>'
        )

    return moment
