"""Cards as HTML, rendered without async: a page may hold hundreds of cards in thousands of pieces,
and to await each piece costs as much as all the rest.
"""

from collections.abc import Callable, Sequence

from jinja2 import Environment
from markupsafe import Markup

from app.cards import Descriptor
from app.web.zones import zone_of

CardsHtml = Callable[[Sequence[Descriptor]], Markup]


def cards_html_of(environment: Environment) -> CardsHtml:
    """The filter `cards_html`: cards of one person, for pages, answers and streams alike."""
    plain = environment.overlay(enable_async=False)

    def cards_html(cards: Sequence[Descriptor]) -> Markup:
        zone = next((card.zone for card in cards if card.zone), None)
        template = plain.get_template("connections/_cards.html")
        html = template.render(cards=cards, own_zone=zone_of(zone))
        return Markup(html)  # noqa: S704 - the template escapes

    return cards_html
