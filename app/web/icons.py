"""Icons of the sprite. Not a macro: it would escape every part anew, a thousand times a page."""

from collections.abc import Callable
from functools import lru_cache

from markupsafe import Markup

ICONS = 1_000  # in the cache; there are about sixty


def icon_of(sprite: str) -> Callable[[str], Markup]:
    """`sprite` is the URL of the file with all icons."""

    @lru_cache(ICONS)
    def icon(name: str) -> Markup:
        return Markup('<svg class="bi {0}" aria-hidden="true"><use href="{1}#{0}"/></svg>').format(
            name, sprite
        )

    return icon
