"""The Russian words of every alert: cause, evidence, since when, whose move, the one button.

Pure: an alert's facts in, a letter out. A new kind of alert gets its words here and nowhere else;
`python -m app alerts preview` shows them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from app.alerts.message import AlertMessage, Button, Line
from app.alerts.types import Kind
from app.i18n.cause_texts import CAUSE_TEXTS
from app.i18n.formatting import DAY, counted, day_and_time, span

MOST_LINES = 12  # connections named one by one; the rest are counted
LONGEST_EVIDENCE = 300  # characters

THEIR_MOVE = (
    "От вас ничего не нужно: это на стороне сервиса, переподключение не поможет. Мы продолжаем "
    "проверять и сообщим, когда заработает."
)
NOT_YOURS = "От вас ничего не нужно."
CONNECTIONS = ("подключение", "подключения", "подключений")
PERIODS = {"daily": "за день", "weekly": "за неделю", "none": "за последнее время"}


@dataclass(frozen=True)
class Setting:
    """What a letter takes from its surroundings."""

    titles: Mapping[str, str]  # provider's name → what people call it
    zone: ZoneInfo
    public_url: str
    now: datetime


@dataclass(frozen=True)
class TextContext:
    """An alert as its words need it."""

    kind: Kind
    provider: str | None
    facts: Mapping[str, Any]
    setting: Setting

    @property
    def name(self) -> str:
        return self.setting.titles.get(self.provider or "", self.provider or "")

    @property
    def items(self) -> list[Mapping[str, Any]]:
        return list(self.facts.get("items", []))

    @property
    def first(self) -> Mapping[str, Any]:
        return self.items[0] if self.items else {}

    @property
    def cause(self) -> str:
        return str(self.first.get("cause", ""))

    @property
    def whom(self) -> str:
        """ "«Магазин на Ленина»", or "3 подключения"."""
        if len(self.items) == 1:
            return f"«{self.first.get('label') or self.name}»"
        return counted(len(self.items), *CONNECTIONS)

    def moment(self, text: object) -> str:
        return day_and_time(datetime.fromisoformat(str(text)), self.setting.zone)

    @property
    def since(self) -> str:
        begun = [str(each["since"]) for each in self.items if each.get("since")]
        return self.moment(min(begun)) if begun else ""

    def button(self, text: str, many: str = "Открыть подключения") -> Button:
        """Straight to the connection, when it is one."""
        url = f"{self.setting.public_url}/connections"
        if len(self.items) == 1:
            return Button(text, f"{url}/{self.first['connection_id']}")
        return Button(many, url)


def letter_of(
    kind: Kind,
    provider: str | None,
    facts: Mapping[str, Any],
    setting: Setting,
    held: Sequence[str] = (),
) -> AlertMessage:
    """The letter of one alert; `held`: titles of the others that it speaks for."""
    letter = WORDS[kind](TextContext(kind, provider, facts, setting))
    return AlertMessage(**(letter.__dict__ | {"held": tuple(held)})) if held else letter


def _revoked(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}»: нужно переподключить {told.whom}",
        f"«{told.name}» больше не принимает наш доступ: он отозван. Данные не приходят "
        f"с {told.since}.",
        _your_move(told, "revoked"),
        told.button("Переподключить", "Переподключить"),
        _lines(told, "доступ отозван"),
        "bad",
    )


def _blocked(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}»: нужны ваши действия, {told.whom}",
        f"«{told.name}» не отдаёт данные с {told.since}: {_cause(told.cause)}.",
        _your_move(told, told.cause, "access_denied"),
        told.button("Что делать"),
        _lines(told),
        "warn",
    )


def _offline(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}» не в сети: {told.whom}",
        f"«{told.name}» не работает с {told.since}: {_cause(told.cause, 'сбой')}.",
        THEIR_MOVE,
        told.button("Посмотреть подключение"),
        _lines(told),
        "bad",
    )


def _outage(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}» не работает у всех",
        f"Сбой у самого сервиса с {told.since}: {_cause(told.cause, 'он не отвечает')}. "
        f"Из-за него не в сети {told.whom}.",
        THEIR_MOVE,
        told.button("Посмотреть подключение"),
        _lines(told),
        "bad",
    )


def _expiring(told: TextContext) -> AlertMessage:
    end = datetime.fromisoformat(str(told.first["since"]))
    days = max(1, ceil((end - told.setting.now).total_seconds() / DAY))
    left = counted(days, "день", "дня", "дней")
    return AlertMessage(
        told.kind,
        f"«{told.name}»: доступ закончится через {left}",
        f"Доступ закончится {told.moment(told.first['since'])}: {told.whom}. Продлить его без вас "
        "сервис не разрешает.",
        "Ваш ход. Переподключите заранее, тогда ничего не прервётся.",
        told.button("Переподключить", "Переподключить"),
        _lines(told, ""),
        "warn",
    )


def _flapping(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}»: связь то есть, то нет, {told.whom}",
        "Подключение часто меняет состояние, сообщим, когда успокоится.",
        f"{NOT_YOURS} О каждом обрыве писать не будем.",
        told.button("Посмотреть подключение"),
        _lines(told),
        "warn",
    )


def _calm(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        f"«{told.name}»: связь успокоилась, {told.whom}",
        "Подключение снова в сети и больше не меняет состояние.",
        NOT_YOURS,
        told.button("Посмотреть подключение"),
        _lines(told, ""),
        "ok",
    )


def _recovered(told: TextContext) -> AlertMessage:
    longest = max((int(each.get("seconds", 0)) for each in told.items), default=0)
    alike = len({(span(each.get("seconds", 0)), _blame(each)) for each in told.items}) == 1
    lines = tuple(
        Line(
            _label(told, each),
            "" if alike else f"не работало {span(each.get('seconds', 0))}, {_blame(each)}",
        )
        for each in told.items[:MOST_LINES]
    )
    return AlertMessage(
        told.kind,
        f"«{told.name}» снова в сети: {told.whom}",
        f"Снова в сети, не работало {span(longest)}, {_blame(told.first)}.",
        NOT_YOURS,
        told.button("Посмотреть подключение"),
        lines + _more(told) if len(told.items) > 1 else (),
        "ok",
    )


def _reminder(told: TextContext) -> AlertMessage:
    revoked = told.cause == "revoked"
    return AlertMessage(
        told.kind,
        f"Напоминаем: «{told.name}» ждёт вас, {told.whom}",
        f"Не работает с {told.since}: {_cause(told.cause)}.",
        _your_move(told, told.cause, "revoked"),
        told.button("Переподключить" if revoked else "Что делать"),
        _lines(told),
        "warn",
    )


def _digest(told: TextContext) -> AlertMessage:
    alerts = list(told.facts.get("alerts", []))
    lines = tuple(Line(told.moment(each["at"]), _title(told, each)) for each in alerts[:MOST_LINES])
    rest = len(alerts) - len(lines)
    period = PERIODS.get(str(told.facts.get("period")), PERIODS["none"])
    return AlertMessage(
        told.kind,
        f"Сводка {period}: {counted(len(alerts), 'событие', 'события', 'событий')}",
        f"Что было с подключениями {period}.",
        f"И ещё {counted(rest, 'событие', 'события', 'событий')}." if rest else "",
        Button("Открыть подключения", f"{told.setting.public_url}/connections"),
        lines,
    )


def _test(told: TextContext) -> AlertMessage:
    return AlertMessage(
        told.kind,
        "Проверка оповещений: всё работает",
        "Так будут приходить сообщения о ваших подключениях.",
        NOT_YOURS,
        Button("Настроить оповещения", f"{told.setting.public_url}/alerts"),
        tone="ok",
    )


WORDS: dict[Kind, Callable[[TextContext], AlertMessage]] = {
    Kind.REVOKED: _revoked,
    Kind.BLOCKED: _blocked,
    Kind.OFFLINE: _offline,
    Kind.OUTAGE: _outage,
    Kind.EXPIRING: _expiring,
    Kind.FLAPPING: _flapping,
    Kind.CALM: _calm,
    Kind.RECOVERED: _recovered,
    Kind.REMINDER: _reminder,
    Kind.DIGEST: _digest,
    Kind.TEST: _test,
}


def _lines(told: TextContext, text: str | None = None) -> tuple[Line, ...]:
    """Each connection with its cause and proof; what all have in common is said once."""
    causes = {each.get("cause") for each in told.items}
    if text is None and len(told.items) > 1 and len(causes) == 1:
        text = ""
    lines: list[Line] = []
    proof = ""
    for each in told.items[:MOST_LINES]:
        said = _cause(str(each.get("cause"))) if text is None else text
        own = str(each.get("evidence", ""))[:LONGEST_EVIDENCE]
        lines.append(Line(_label(told, each), said, own if own != proof else ""))
        proof = own
    return (*lines, *_more(told))


def _cause(cause: str, unknown: str = "") -> str:
    texts = CAUSE_TEXTS.get(cause)
    return texts.alert if texts is not None and texts.alert else unknown


def _your_move(told: TextContext, *causes: str) -> str:
    """What the owner has to do about the first of these causes that is their move."""
    step = next(filter(None, map(_your_step, causes)))
    return f"Ваш ход. {step.format(name=told.name)}"


def _your_step(cause: object) -> str:
    texts = CAUSE_TEXTS.get(str(cause))
    return texts.alert_next_step if texts is not None else ""


def _more(told: TextContext) -> tuple[Line, ...]:
    rest = len(told.items) - MOST_LINES
    return (Line(f"и ещё {counted(rest, *CONNECTIONS)}", ""),) if rest > 0 else ()


def _label(told: TextContext, item: Mapping[str, Any]) -> str:
    return str(item.get("label") or told.name)


def _blame(item: Mapping[str, Any]) -> str:
    cause = item.get("cause")
    if cause == "revoked":
        return "доступ был отозван"
    return "ждало ваших действий" if _your_step(cause) else "по вине провайдера"


def _title(told: TextContext, part: Mapping[str, Any]) -> str:
    return letter_of(Kind(part["kind"]), part["provider"], part["facts"], told.setting).title
