"""The list of connections by the tags of their owner. Pure."""

from collections.abc import Iterable, Sequence

from app.i18n.connection_titles import distinct_tags
from app.web.connections.cards import Descriptor
from app.web.connections.fragments import Fragment


def tags_on(cards: Iterable[Descriptor]) -> list[str]:
    """All their tags, each once, in the order of groups."""
    return sorted(distinct_tags(tag for card in cards for tag in card.tags), key=str.lower)


def by_first_tag(cards: Sequence[Fragment]) -> list[tuple[str, list[Fragment]]]:
    """The cards under their first tag; those without one are the last, under "".

    static/card_filter.js does the same whenever the stream has replaced the cards.
    """
    found: dict[str, list[Fragment]] = {}
    for card in cards:
        found.setdefault(_key(card), []).append(card)
    keys = sorted(found, key=lambda key: (not key, key))
    return [(found[key][0].tags[0] if key else "", found[key]) for key in keys]


def _key(card: Fragment) -> str:
    return card.tags[0].lower() if card.tags else ""
