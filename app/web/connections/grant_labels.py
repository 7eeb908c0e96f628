"""Russian texts about scopes, the end of a grant, and whose move it is. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.i18n.formatting import plural
from app.web.connections.labels import Card, is_everybodys, is_unconfirmed

TOLD = 30  # days before the last one from which on a card shows it
SOON = 7  # days before the last one from which on it is amber

MOVE = {"you": "Ваш ход", "provider": "Ход сервиса", "us": "Ход за нами"}

# What a disconnect does, by how the connection lives.
LEAVING = {
    "key": "Ключ у нас удалим сразу и скажем, где удалить его совсем. Историю храним 30 дней: "
    "подключите тот же аккаунт снова, и она вернётся.",
    "grant": "Доступ отзовём сразу или скажем, где его убрать. Историю храним 30 дней: "
    "подключите тот же аккаунт снова, и она вернётся.",
}


@dataclass(frozen=True)
class Expiry:
    text: str
    soon: bool


def expiry(moment: datetime, zone: ZoneInfo, now: datetime) -> Expiry | None:
    """As `end_of`; None if it is more than TOLD days away."""
    return None if days_left(moment, zone, now) > TOLD else end_of(moment, zone, now)


def end_of(moment: datetime, zone: ZoneInfo, now: datetime) -> Expiry:
    """ "истекает сегодня", "истекает через 21 день", "закончился"."""
    if moment <= now:
        return Expiry("закончился", soon=True)
    days = days_left(moment, zone, now)
    near = {0: "сегодня", 1: "завтра"}
    when = near.get(days, f"через {days} {plural(days, 'день', 'дня', 'дней')}")
    return Expiry(f"истекает {when}", soon=days <= SOON)


def leaves(card: Card) -> str:
    """Which text of LEAVING is for this card."""
    return "key" if card.by_key or card.delivered else "grant"


def days_left(moment: datetime, zone: ZoneInfo, now: datetime) -> int:
    """By the reader's calendar."""
    return (moment.astimezone(zone).date() - now.astimezone(zone).date()).days


@dataclass(frozen=True)
class Allowed:
    text: str
    scope: str  # "" if the text is the scope itself


def allowed(scopes: Iterable[str], words: Mapping[str, str]) -> list[Allowed]:
    """The scopes of a grant, each text once; as words where the provider's entry has them."""
    found = {words.get(scope, scope): scope for scope in scopes}
    return [Allowed(text, scope if text != scope else "") for text, scope in found.items()]


def move(card: Card) -> str:
    """Whose move it is, in two words; "" where nothing is wrong."""
    if card.fault is None:
        return ""
    if is_everybodys(card):
        return MOVE["provider"]
    return MOVE["us" if is_unconfirmed(card) else card.fault]
