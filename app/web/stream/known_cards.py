"""What a page has already when its stream begins, so that it is sent only what differs.

The page says it in a header: of each card the first characters of its element's name, and the sum
of its HTML (`Fragment.sum`). Whoever says nothing gets the whole list.
"""

from collections.abc import Mapping, Sequence

from app.web.connections.fragments import Fragment

HEADER = "Known-Cards"
LONGEST = 6 * 1024  # bytes: nginx takes a line of 8 KB; a page with more cards says nothing
SHORT = 8  # characters of a name: of a connection's id, or of a provider's name

Known = Mapping[str, str]  # by short name


def read_known(header: str) -> Known | None:
    """None: nothing that can be relied on was said."""
    if not header or len(header) > LONGEST:
        return None
    pairs = [each.partition(":") for each in header.split(",")]
    known = {name: known for name, _, known in pairs}
    return known if len(known) == len(pairs) else None


def what_differs(known: Known | None, cards: Sequence[Fragment]) -> list[Fragment] | None:
    """None: the page needs the whole list, as it has other cards than these."""
    names = [short_name(each.key) for each in cards]
    if known is None or len(set(names)) < len(names) or set(names) != known.keys():
        return None
    return [card for name, card in zip(names, cards, strict=True) if known[name] != card.sum]


def short_name(key: str) -> str:
    return key.partition("-")[2][:SHORT]
