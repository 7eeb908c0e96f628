"""Russian texts of statuses and causes, and of the messages after a redirect. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.i18n.cause_texts import CAUSE_TEXTS, CardText
from app.i18n.formatting import plural


class Card(Protocol):
    """The part of a descriptor that the texts depend on."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def fault(self) -> str | None: ...
    @property
    def by_key(self) -> bool: ...
    @property
    def delivered(self) -> bool: ...
    @property
    def provider_down_since(self) -> datetime | None: ...
    @property
    def provider_refuses_all(self) -> bool: ...
    @property
    def is_lasting(self) -> bool: ...
    @property
    def paused(self) -> bool: ...


@dataclass(frozen=True)
class StatusWording:
    text: str
    tone: str  # the CSS class that carries the colour
    icon: str
    lasts: str  # the label of the time since when the status lasts


@dataclass(frozen=True)
class Explanation:
    title: str
    text: str


DOT, MARK = "bi-circle-fill", "bi-exclamation-circle-fill"

# In the order of the summary.
STATUS = {
    "online": StatusWording("В сети", "ok", DOT, "В сети"),
    "degraded": StatusWording("Нестабильно", "warn", DOT, "Нестабильно"),
    "blocked": StatusWording("Нужны ваши действия", "warn", MARK, "Ждёт вас"),
    "offline": StatusWording("Не в сети", "bad", DOT, "Не работает"),
    "revoked": StatusWording("Нужно переподключить", "bad", MARK, "Не работает"),
    "checking": StatusWording("Проверяется", "idle", DOT, "Подключено"),
    "disconnected": StatusWording("Не подключено", "idle", "bi-circle", "Не подключено"),
}

DOWN_FOR_MANY = (
    "Сейчас «{name}» не работает у многих сразу, а не только у вас. От вас ничего не нужно: "
    "проверим, как только сервис ответит."
)
REFUSES_ALL = (
    "Сейчас «{name}» отказывает многим сразу, а не только вам. От вас ничего не нужно, "
    "переподключать не надо: следим за сервисом и напишем, если понадобится ваше действие."
)
FIRST_STRIKE = "Возможно, это временный сбой. Скоро проверим ещё раз, от вас пока ничего не нужно."

# Messages that the next page shows, after a redirect.
FLASH = {
    "connected": "«{name}»: подключено, первая проверка прошла.",
    "connected_waiting": "«{name}»: подключено. Первая проверка ещё идёт, смотрите на карточку.",
    "connected_failing": (
        "«{name}»: подключено, но первая проверка не прошла. Что случилось, видно на карточке."
    ),
    "key_replaced": (
        "«{name}»: ключ заменён, новый уже работает. Прежний у нас стёрт, а у сервиса действует, "
        "пока вы его не уберёте: {by_hand}."
    ),
    "disconnected_proven": (
        "«{name}»: отключено, доступ отозван и проверен: больше он не действует."
    ),
    "disconnected_revoked": (
        "«{name}»: отключено, доступ отозван. Проверить это не вышло: сервис не дал ясного ответа."
    ),
    "disconnected_already": (
        "«{name}»: отключено. Сервис ответил, что этого доступа у него уже нет: отзывать было "
        "нечего."
    ),
    "disconnected_still_works": (
        "«{name}»: отключено, и доступ отозван, но сервис его пока принимает. Если это важно, "
        "удалите приложение в его личном кабинете."
    ),
    "disconnected_later": (
        "«{name}»: отключено. Отозвать доступ сразу не вышло: будем пробовать ещё сутки."
    ),
    "disconnected_by_hand": (
        "«{name}»: отключено. Отозвать доступ по нашей просьбе сервис не умеет: {by_hand}."
    ),
    "disconnected_key": (
        "«{name}»: отключено, ключ у нас удалён. Чтобы он перестал действовать совсем, {by_hand}."
    ),
    "disconnected_shared": (
        "«{name}»: отключено. Доступ не отозван: тем же аккаунтом пользуется другое подключение, "
        "и отзыв отключил бы и его."
    ),
}


PAUSED = StatusWording("Приостановлено", "idle", "bi-pause-circle", "Приостановлено")


def status_wording(card: Card) -> StatusWording:
    return PAUSED if card.paused else STATUS[card.status]


AMBER = ("account_changed",)  # causes that are never more than amber, and confirmed at once


def cause_text(card: Card) -> str:
    return _text(card, card.cause).headline if card.cause else ""


def advice(card: Card) -> str:
    """What to do, or that there is nothing to do."""
    if card.cause is None:
        return ""
    if card.provider_refuses_all:
        return REFUSES_ALL.format(name=card.name)
    if card.provider_down_since is not None and card.fault == "provider":
        return DOWN_FOR_MANY.format(name=card.name)
    if is_unconfirmed(card):
        return FIRST_STRIKE
    return _text(card, card.cause).next_step.format(name=card.name)


def advised_button(card: Card) -> str:
    """The button of the card that the advice names, which is then the strong one; "" for none."""
    if card.cause is None or is_unconfirmed(card) or is_everybodys(card):
        return ""
    return _text(card, card.cause).button


def is_everybodys(card: Card) -> bool:
    """Its trouble is an outage of the provider, and not its own."""
    down = card.provider_down_since is not None and card.fault == "provider"
    return down or card.provider_refuses_all


def is_unconfirmed(card: Card) -> bool:
    """Only a strike, which the next look will confirm or not."""
    return card.status == "degraded" and card.fault != "us" and card.cause not in AMBER


def _text(card: Card, cause: str) -> CardText:
    return CAUSE_TEXTS[cause].card_text(
        by_key=card.by_key, delivered=card.delivered, lasting=card.is_lasting
    )


def summary(cards: Iterable[Card]) -> list[tuple[str, StatusWording, int]]:
    """Every status with its number, also 0: static/card_counts.js recounts them."""
    found = [card.status for card in cards if not card.paused]
    return [(status, wording, found.count(status)) for status, wording in STATUS.items()]


def waiting_text(count: int) -> str:
    """After «Подключения»: how many wait for their owner. static/waiting.js says it, too."""
    return f", {count} {plural(count, 'ждёт', 'ждут', 'ждут')} вас"
