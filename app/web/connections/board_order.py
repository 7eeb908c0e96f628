"""The order of the cards: what needs attention first, then what works, then what may be connected.

The order of a card is text that sorts, so that static/card_order.js can put a card that was
replaced in its place on a page that has no other way to know.
"""

from app.models.connection import Status
from app.providers.provider import Catalogue
from app.web.connections.cards import Descriptor
from app.web.connections.labels import is_unconfirmed

ATTENTION, FINE, PAUSED, MORE = "0", "1", "1p", "2"  # groups; a heading has its own as its order
GRAVITY = {Status.REVOKED: 0, Status.OFFLINE: 1, Status.BLOCKED: 2, Status.DEGRADED: 3}


def group_of(card: Descriptor) -> str:
    """A first strike stays where it is: the next look decides, half a minute later."""
    if not card.connected:
        return MORE
    if card.paused:
        return PAUSED
    in_trouble = card.status in GRAVITY and not is_unconfirmed(card)
    return ATTENTION if in_trouble else FINE


def order_of(card: Descriptor, catalogue: Catalogue) -> str:
    """The worst and longest first; what works in the order of the catalogue and of connecting."""
    group = group_of(card)
    if group == ATTENTION:
        since = int(card.since.timestamp()) if card.since else 0
        return f"{group}{GRAVITY[Status(card.status)]}{since:012}{card.id}"
    names = list(catalogue)
    place = names.index(card.provider) if card.provider in catalogue else len(names)
    if group == MORE:
        return f"{group}{place:04}"
    connected = int(card.connected_at.timestamp() * 1_000_000) if card.connected_at else 0
    return f"{group}{place:04}{connected:018}{card.id}"
