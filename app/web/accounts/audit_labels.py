"""Russian texts of the audit log. Pure."""

from typing import Any

from app.audit_log import ActorKind, AuditEvent
from app.web.alerts.labels import CHANNELS

EVENTS = {
    AuditEvent.CONNECTED: "Подключено",
    AuditEvent.RECONNECTED: "Доступ обновлён: переподключено",
    AuditEvent.DISCONNECTED: "Отключено",
    AuditEvent.REFRESHED: "Связка продлила доступ",
    AuditEvent.GRANT_REVOKED: "Доступ отозван у сервиса",
    AuditEvent.GRANT_NOT_REVOKED: "Доступ у сервиса не отозван",
    AuditEvent.REVOKED: "Сервис перестал принимать доступ",
    AuditEvent.CHECKED: "Проверено вручную",
    AuditEvent.CHECKED_ALL: "Проверены вручную все подключения",
    AuditEvent.SIGNED_UP: "Учётная запись создана",
    AuditEvent.LOGGED_IN: "Вход",
    AuditEvent.LOGIN_REFUSED: "Неудачная попытка входа: пароль не подошёл",
    AuditEvent.CODE_REFUSED: "Неудачная попытка входа: код не подошёл",
    AuditEvent.RECOVERY_CODE_USED: "Использован запасной код",
    AuditEvent.LOGGED_OUT: "Выход",
    AuditEvent.RESET_ASKED: "Создана ссылка для нового пароля",
    AuditEvent.EMAIL_ASKED: "Начата смена почты",
    AuditEvent.PASSWORD_CHANGED: "Пароль изменён",
    AuditEvent.EMAIL_CHANGED: "Почта изменена",
    AuditEvent.SECOND_FACTOR_ON: "Включён вход с кодом из телефона",
    AuditEvent.SECOND_FACTOR_OFF: "Выключен вход с кодом из телефона",
    AuditEvent.RECOVERY_CODES_MADE: "Созданы новые запасные коды",
    AuditEvent.PASSKEY_ADDED: "Добавлен ключ доступа",
    AuditEvent.PASSKEY_REMOVED: "Удалён ключ доступа",
    AuditEvent.SESSIONS_ENDED: "Завершены другие сеансы",
    AuditEvent.ZONE_CHANGED: "Изменён часовой пояс",
    AuditEvent.DATA_TAKEN: "Скачаны все данные",
    AuditEvent.UNLOCKED: "Снято ограничение на попытки входа",
    AuditEvent.DISABLED: "Учётная запись отключена",
    AuditEvent.ENABLED: "Учётная запись снова включена",
    AuditEvent.RENAMED: "Переименовано",
    AuditEvent.TAGGED: "Изменены метки",
    AuditEvent.PAUSED: "Приостановлено",
    AuditEvent.RESUMED: "Возобновлено",
    AuditEvent.HISTORY_DELETED: "История отключённого удалена",
    AuditEvent.KEPT_APART: "Другой аккаунт оставлен отдельным подключением",
    AuditEvent.UNINSTALLED: "Приложение удалено в личном кабинете сервиса",
    AuditEvent.UNPAID: "Подписка на приложение закончилась",
    AuditEvent.CHANNEL_ADDED: "Оповещения: добавлен способ",
    AuditEvent.CHANNEL_ON: "Оповещения: способ включён",
    AuditEvent.CHANNEL_OFF: "Оповещения: способ выключен",
    AuditEvent.CHANNEL_REMOVED: "Оповещения: способ убран",
    AuditEvent.ALERTS_CHANGED: "Оповещения: изменены настройки",
    AuditEvent.CALENDAR_MADE: "Создан адрес календаря сроков",
    AuditEvent.CALENDAR_REVOKED: "Адрес календаря сроков выключен",
}
WHO = {  # for a user's own actions the device is shown instead
    ActorKind.SERVICE: "Связка, сама",
    ActorKind.PROVIDER: "сообщил сервис",
    ActorKind.OPERATOR: "администратор",
}
OF_CONNECTIONS = (
    *(AuditEvent.CONNECTED, AuditEvent.RECONNECTED, AuditEvent.DISCONNECTED, AuditEvent.KEPT_APART),
    *(AuditEvent.GRANT_REVOKED, AuditEvent.GRANT_NOT_REVOKED),
    *(AuditEvent.REFRESHED, AuditEvent.REVOKED, AuditEvent.CHECKED, AuditEvent.CHECKED_ALL),
    *(AuditEvent.UNINSTALLED, AuditEvent.UNPAID, AuditEvent.RENAMED, AuditEvent.TAGGED),
    *(AuditEvent.PAUSED, AuditEvent.RESUMED, AuditEvent.HISTORY_DELETED),
)
OF_ALERTS = (
    *(
        AuditEvent.CHANNEL_ADDED,
        AuditEvent.CHANNEL_ON,
        AuditEvent.CHANNEL_OFF,
        AuditEvent.CHANNEL_REMOVED,
    ),
    AuditEvent.ALERTS_CHANGED,
)
BAD = (
    AuditEvent.REVOKED,
    AuditEvent.UNINSTALLED,
    AuditEvent.UNPAID,
    AuditEvent.LOGIN_REFUSED,
    AuditEvent.CODE_REFUSED,
)
KINDS = {  # choices of the filter: their text, and the events they show
    "connections": ("подключения", OF_CONNECTIONS),
    "alerts": ("оповещения", OF_ALERTS),
    "account": (
        "учётная запись",
        tuple(event for event in AuditEvent if event not in (*OF_CONNECTIONS, *OF_ALERTS)),
    ),
}


def event_text(event: str) -> str:
    return EVENTS[AuditEvent(event)]


def event_is_bad(event: str) -> bool:
    return event in BAD


def actor_text(entry: Any) -> str:
    """Who it was; "" if it was the user."""
    return WHO.get(ActorKind(entry.who), "")


def subject_text(entry: Any) -> str:
    """The part of an account that it was done to."""
    if entry.deed in OF_ALERTS and entry.label in CHANNELS:
        return CHANNELS[entry.label].name
    return str(entry.label or "")
