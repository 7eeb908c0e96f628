"""The Russian words of the journal; pure."""

from typing import Any

from app.audit_log import Deed, Who
from app.web.alerts.labels import CHANNELS

DEEDS = {
    Deed.CONNECTED: "Подключено",
    Deed.RECONNECTED: "Доступ обновлён: переподключено",
    Deed.DISCONNECTED: "Отключено",
    Deed.REFRESHED: "Связка продлила доступ",
    Deed.REVOKED: "Сервис перестал принимать доступ",
    Deed.CHECKED: "Проверено вручную",
    Deed.CHECKED_ALL: "Проверены вручную все подключения",
    Deed.SIGNED_UP: "Учётная запись создана",
    Deed.LOGGED_IN: "Вход",
    Deed.LOGIN_REFUSED: "Неудачная попытка входа: пароль не подошёл",
    Deed.CODE_REFUSED: "Неудачная попытка входа: код не подошёл",
    Deed.RECOVERY_CODE_USED: "Использован запасной код",
    Deed.LOGGED_OUT: "Выход",
    Deed.RESET_ASKED: "Создана ссылка для нового пароля",
    Deed.EMAIL_ASKED: "Начата смена почты",
    Deed.PASSWORD_CHANGED: "Пароль изменён",
    Deed.EMAIL_CHANGED: "Почта изменена",
    Deed.SECOND_FACTOR_ON: "Включён вход с кодом из телефона",
    Deed.SECOND_FACTOR_OFF: "Выключен вход с кодом из телефона",
    Deed.RECOVERY_CODES_MADE: "Созданы новые запасные коды",
    Deed.PASSKEY_ADDED: "Добавлен ключ доступа",
    Deed.PASSKEY_REMOVED: "Удалён ключ доступа",
    Deed.SESSIONS_ENDED: "Завершены другие сеансы",
    Deed.ZONE_CHANGED: "Изменён часовой пояс",
    Deed.DATA_TAKEN: "Скачаны все данные",
    Deed.UNLOCKED: "Снято ограничение на попытки входа",
    Deed.DISABLED: "Учётная запись отключена",
    Deed.ENABLED: "Учётная запись снова включена",
    Deed.KEPT_APART: "Другой аккаунт оставлен отдельным подключением",
    Deed.UNINSTALLED: "Приложение удалено в личном кабинете сервиса",
    Deed.UNPAID: "Подписка на приложение закончилась",
    Deed.CHANNEL_ADDED: "Оповещения: добавлен способ",
    Deed.CHANNEL_ON: "Оповещения: способ включён",
    Deed.CHANNEL_OFF: "Оповещения: способ выключен",
    Deed.CHANNEL_REMOVED: "Оповещения: способ убран",
    Deed.ALERTS_CHANGED: "Оповещения: изменены настройки",
}
WHO = {  # a person's own deeds say their device instead
    Who.SERVICE: "Связка, сама",
    Who.PROVIDER: "сообщил сервис",
    Who.OPERATOR: "администратор",
}
OF_CONNECTIONS = (
    *(Deed.CONNECTED, Deed.RECONNECTED, Deed.DISCONNECTED, Deed.KEPT_APART),
    *(Deed.REFRESHED, Deed.REVOKED, Deed.CHECKED, Deed.CHECKED_ALL),
    *(Deed.UNINSTALLED, Deed.UNPAID),
)
OF_ALERTS = (
    *(Deed.CHANNEL_ADDED, Deed.CHANNEL_ON, Deed.CHANNEL_OFF, Deed.CHANNEL_REMOVED),
    Deed.ALERTS_CHANGED,
)
BAD = (Deed.REVOKED, Deed.UNINSTALLED, Deed.UNPAID, Deed.LOGIN_REFUSED, Deed.CODE_REFUSED)
KINDS = {  # what the filter may be set to: its name, and the deeds it leaves
    "connections": ("подключения", OF_CONNECTIONS),
    "alerts": ("оповещения", OF_ALERTS),
    "account": (
        "учётная запись",
        tuple(deed for deed in Deed if deed not in (*OF_CONNECTIONS, *OF_ALERTS)),
    ),
}


def deed_text(deed: str) -> str:
    return DEEDS[Deed(deed)]


def deed_is_bad(deed: str) -> bool:
    return deed in BAD


def doer_text(entry: Any) -> str:
    """Who it was, where it was not the person; "" else."""
    return WHO.get(Who(entry.who), "")


def part_text(entry: Any) -> str:
    """What of an account it was done to."""
    if entry.deed in OF_ALERTS and entry.label in CHANNELS:
        return CHANNELS[entry.label].name
    return str(entry.label or "")
