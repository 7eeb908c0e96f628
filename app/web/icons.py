"""Icons of the sprite. Not a macro: it would escape every part anew, a thousand times a page."""

from collections.abc import Callable
from functools import lru_cache

from markupsafe import Markup

ICONS = 1_000  # in the cache; there are about sixty


def icon_of(sprite: str) -> Callable[..., Markup]:
    """`sprite` is the URL of the file with all icons."""

    @lru_cache(ICONS)
    def icon(name: str, more: str = "") -> Markup:
        """`more`: a class of the style sheet."""
        drawn = '<svg class="bi {0}{1}" aria-hidden="true"><use href="{2}#{0}"/></svg>'
        return Markup(drawn).format(name, f" {more}" if more else "", sprite)  # noqa: S704 - ours

    return icon
