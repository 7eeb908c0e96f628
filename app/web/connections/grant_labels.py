"""The Russian words for how long a grant lasts and whose move it is; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.i18n.formatting import plural
from app.web.connections.labels import Card

TOLD = 30  # days before its last day that a card begins to say so
SOON = 7  # days before it that it says so in amber

MOVE = {
    None: "Ничей: всё работает.",
    "you": "Ваш.",
    "provider": "Сервиса «{name}». От вас ничего не нужно.",
    "us": "Наш. От вас ничего не нужно.",
}
MOVE_WHILE_CHECKING = "Наш: проверяем доступ в первый раз."
MOVE_AFTER_ONE_STRIKE = "Наш: скоро проверим ещё раз. От вас пока ничего не нужно."


@dataclass(frozen=True)
class Expiry:
    text: str
    soon: bool


def expiry(moment: datetime, zone: ZoneInfo, now: datetime) -> Expiry | None:
    """ "истекает сегодня", "истекает через 21 день"; None while that is far away."""
    days = (moment.astimezone(zone).date() - now.astimezone(zone).date()).days
    if moment <= now:
        return Expiry("закончился", soon=True)
    if days > TOLD:
        return None
    near = {0: "сегодня", 1: "завтра"}
    when = near.get(days, f"через {days} {plural(days, 'день', 'дня', 'дней')}")
    return Expiry(f"истекает {when}", soon=days <= SOON)


@dataclass(frozen=True)
class Allowed:
    text: str
    scope: str  # empty: the text is the scope itself, which nobody has put into words


def allowed(scopes: Iterable[str], words: Mapping[str, str]) -> list[Allowed]:
    """What a grant lets us do, in plain words where its provider's entry has them; each once."""
    found = {words.get(scope, scope): scope for scope in scopes}
    return [Allowed(text, scope if text != scope else "") for text, scope in found.items()]


def move(card: Card) -> str:
    """Whose move it is."""
    if card.status == "checking":
        return MOVE_WHILE_CHECKING
    outage = card.fault == "provider" and card.provider_down_since is not None
    if card.status == "degraded" and card.fault != "us" and not outage:
        return MOVE_AFTER_ONE_STRIKE
    return MOVE[card.fault].format(name=card.name)
