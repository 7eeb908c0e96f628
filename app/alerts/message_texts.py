"""Step 6 of 7 of an alert: its text, for every kind: what happened, since when, whose move it is.

Pure: an alert's facts in, a message out. A new kind gets its text here and nowhere else;
`python -m app alerts preview` shows them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil
from typing import Any

from app.alerts.message import AlertMessage, Button, Line
from app.alerts.text_context import MOST_LINES, Setting, TextContext, blame
from app.alerts.types import Kind
from app.i18n.cause_texts import OUTAGE_OF_MANY, REFUSAL_OF_MANY
from app.i18n.formatting import DAY, counted, span

THEIR_MOVE = (
    "От вас ничего не нужно: это на стороне сервиса, переподключение не поможет. Мы продолжаем "
    "проверять и сообщим, когда заработает."
)
REFUSES_MANY = (
    "От вас ничего не нужно, переподключать не надо: мы следим за сервисом и напишем, когда он "
    "заработает или когда переподключение поможет."
)
HEALED = "Переподключать не нужно: сервис снова принимает доступ."
NOT_YOUR_MOVE = "От вас ничего не нужно."
DIGEST_PERIODS = {"daily": "за день", "weekly": "за неделю", "none": "за последнее время"}


def message_of(
    kind: Kind,
    provider: str | None,
    facts: Mapping[str, Any],
    setting: Setting,
    held: Sequence[str] = (),
) -> AlertMessage:
    """The message of one alert; `held`: titles of waiting alerts that are merged into it."""
    return replace(
        TEXT_OF_KIND[kind](TextContext(kind, provider, facts, setting)), held=tuple(held)
    )


def _revoked(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: нужно переподключить",
        f"«{alert.name}» больше не принимает наш доступ: он отозван. Данные не приходят "
        f"с {alert.since}.",
        alert.your_move("revoked"),
        alert.button("Переподключить", "Переподключить"),
        alert.lines("доступ отозван"),
        "bad",
    )


def _blocked(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: нужны ваши действия",
        f"«{alert.name}» не отдаёт данные с {alert.since}: {alert.cause_phrase()}.",
        alert.your_move(alert.cause, "access_denied"),
        alert.button("Что делать"),
        alert.lines(),
        "warn",
    )


def _offline(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: не в сети",
        f"«{alert.name}» не работает с {alert.since}: {alert.cause_phrase('сбой')}.",
        THEIR_MOVE,
        alert.button("Посмотреть подключение"),
        alert.lines(),
        "bad",
    )


def _outage(alert: TextContext) -> AlertMessage:
    if alert.first.get("refuses"):
        return _refusal_of_many(alert)
    return AlertMessage(
        alert.kind,
        OUTAGE_OF_MANY.format(name=alert.name),
        f"Сбой у самого сервиса с {alert.since}: {alert.cause_phrase('он не отвечает')}. "
        f"Из-за него не в сети {alert.whom}.",
        THEIR_MOVE,
        alert.button("Посмотреть подключение"),
        alert.lines(),
        "bad",
    )


def _refusal_of_many(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        REFUSAL_OF_MANY.format(name=alert.name),
        f"«{alert.name}» с {alert.since} отказывает многим, не только вам. Затронуто: "
        f"{alert.whom}.",
        REFUSES_MANY,
        alert.button("Посмотреть подключение"),
        alert.lines(""),
        "bad",
    )


def _expiring(alert: TextContext) -> AlertMessage:
    end = datetime.fromisoformat(str(alert.first["since"]))
    days = max(1, ceil((end - alert.setting.now).total_seconds() / DAY))
    left = counted(days, "день", "дня", "дней")
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: доступ закончится через {left}",
        f"Доступ закончится {alert.moment(alert.first['since'])}: {alert.whom}. Продлить его без "
        "вас сервис не разрешает.",
        "Ваш ход. Продлите доступ или замените ключ заранее, тогда ничего не прервётся.",
        alert.button("Открыть подключение"),
        alert.lines(""),
        "warn",
    )


def _flapping(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: связь то есть, то нет",
        "Подключение часто меняет состояние, сообщим, когда успокоится.",
        f"{NOT_YOUR_MOVE} О каждом обрыве писать не будем.",
        alert.button("Посмотреть подключение"),
        alert.lines(),
        "warn",
    )


def _calm(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: связь успокоилась",
        "Подключение снова в сети и больше не меняет состояние.",
        NOT_YOUR_MOVE,
        alert.button("Посмотреть подключение"),
        alert.lines(""),
        "ok",
    )


def _recovered(alert: TextContext) -> AlertMessage:
    longest = max((int(each.get("seconds", 0)) for each in alert.items), default=0)
    alike = len({(span(each.get("seconds", 0)), blame(each)) for each in alert.items}) == 1
    lines = tuple(
        Line(
            alert.label(each),
            "" if alike else f"не работало {span(each.get('seconds', 0))}, {blame(each)}",
        )
        for each in alert.items[:MOST_LINES]
    )
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: снова в сети",
        f"Снова в сети, не работало {span(longest)}, {blame(alert.first)}.",
        HEALED if all(each.get("healed") for each in alert.items) else NOT_YOUR_MOVE,
        alert.button("Посмотреть подключение"),
        lines + alert.rest() if len(alert.items) > 1 else (),
        "ok",
    )


def _reminder(alert: TextContext) -> AlertMessage:
    revoked = alert.cause == "revoked"
    return AlertMessage(
        alert.kind,
        f"{alert.subject}: напоминаем, ход за вами",
        f"Не работает с {alert.since}: {alert.cause_phrase()}.",
        alert.your_move(alert.cause, "revoked"),
        alert.button("Переподключить" if revoked else "Что делать"),
        alert.lines(),
        "warn",
    )


def _digest(alert: TextContext) -> AlertMessage:
    alerts = list(alert.facts.get("alerts", []))
    lines = tuple(
        Line(alert.moment(each["at"]), _title(alert, each)) for each in alerts[:MOST_LINES]
    )
    rest = len(alerts) - len(lines)
    period = DIGEST_PERIODS.get(str(alert.facts.get("period")), DIGEST_PERIODS["none"])
    return AlertMessage(
        alert.kind,
        f"Сводка {period}: {counted(len(alerts), 'событие', 'события', 'событий')}",
        f"Что было с подключениями {period}.",
        f"И ещё {counted(rest, 'событие', 'события', 'событий')}." if rest else "",
        Button("Открыть подключения", f"{alert.setting.public_url}/connections"),
        lines,
    )


def _test(alert: TextContext) -> AlertMessage:
    return AlertMessage(
        alert.kind,
        "Проверка оповещений: всё работает",
        "Так будут приходить сообщения о ваших подключениях.",
        NOT_YOUR_MOVE,
        Button("Настроить оповещения", f"{alert.setting.public_url}/alerts"),
        tone="ok",
    )


TEXT_OF_KIND: dict[Kind, Callable[[TextContext], AlertMessage]] = {
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


def _title(alert: TextContext, part: Mapping[str, Any]) -> str:
    return message_of(Kind(part["kind"]), part["provider"], part["facts"], alert.setting).title
