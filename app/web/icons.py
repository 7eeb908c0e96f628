"""Icons of the sprite. Made by hand: a macro escapes every part of them anew, a thousand times a
page.
"""

from collections.abc import Callable
from functools import lru_cache

from markupsafe import Markup

ICONS = 1_000  # that are kept; there are about sixty


def icon_of(sprite: str) -> Callable[[str], Markup]:
    """`sprite` is its address."""

    @lru_cache(ICONS)
    def icon(name: str) -> Markup:
        return Markup('<svg class="bi {0}" aria-hidden="true"><use href="{1}#{0}"/></svg>').format(
            name, sprite
        )

    return icon
