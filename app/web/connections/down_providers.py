"""The provider-wide outages that a person's cards tell of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.i18n.cause_texts import OUTAGE_OF_MANY, REFUSAL_OF_MANY
from app.web.connections.cards import Descriptor


@dataclass(frozen=True)
class DownProvider:
    """A provider-wide outage, with the number of the user's connections that it concerns."""

    name: str
    since: datetime
    count: int
    is_refusing: bool = False  # it works, and refuses everybody's grants

    @property
    def claim(self) -> str:
        """The same words as in the alert."""
        return (REFUSAL_OF_MANY if self.is_refusing else OUTAGE_OF_MANY).format(name=self.name)


def down_providers(cards: Iterable[Descriptor]) -> list[DownProvider]:
    """The provider-wide outages that concern these cards, in their order."""
    down: dict[str, DownProvider] = {}
    for card in cards:
        if card.provider_down_since is not None:
            count = down[card.provider].count if card.provider in down else 0
            down[card.provider] = DownProvider(
                card.name, card.provider_down_since, count + 1, card.provider_refuses_all
            )
    return list(down.values())
