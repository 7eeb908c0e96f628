"""The Russian words of the journal; pure."""

from app.journal import Deed

DEEDS = {
    Deed.CONNECTED: "Подключено",
    Deed.RECONNECTED: "Доступ обновлён: переподключено",
    Deed.DISCONNECTED: "Отключено",
    Deed.REFRESHED: "Связка продлила доступ",
    Deed.REVOKED: "Сервис перестал принимать доступ",
    Deed.CHECKED: "Проверено вручную",
    Deed.SIGNED_UP: "Учётная запись создана",
    Deed.LOGGED_IN: "Вход",
    Deed.LOGGED_OUT: "Выход",
    Deed.PASSWORD_CHANGED: "Пароль изменён",
    Deed.EMAIL_CHANGED: "Почта изменена",
    Deed.SECOND_FACTOR_ON: "Включён вход с кодом из телефона",
    Deed.SECOND_FACTOR_OFF: "Выключен вход с кодом из телефона",
    Deed.RECOVERY_CODES_MADE: "Созданы новые запасные коды",
    Deed.PASSKEY_ADDED: "Добавлен ключ доступа",
    Deed.PASSKEY_REMOVED: "Удалён ключ доступа",
    Deed.SESSIONS_ENDED: "Завершены другие сеансы",
    Deed.DATA_TAKEN: "Скачаны все данные",
}
OF_CONNECTIONS = (
    *(Deed.CONNECTED, Deed.RECONNECTED, Deed.DISCONNECTED),
    *(Deed.REFRESHED, Deed.REVOKED, Deed.CHECKED),
)
KINDS = {  # what the filter may be set to: its name, and the deeds it leaves
    "connections": ("подключения", OF_CONNECTIONS),
    "account": ("учётная запись", tuple(deed for deed in Deed if deed not in OF_CONNECTIONS)),
}


def deed_text(deed: str) -> str:
    return DEEDS[Deed(deed)]
