"""Russian texts of the page of alerts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ChannelWording:
    name: str
    icon: str


CHANNELS = {
    "email": ChannelWording("Почта", "bi-envelope"),
    "telegram": ChannelWording("Telegram", "bi-chat-dots"),
    "push": ChannelWording("Уведомления браузера", "bi-phone"),
    "webhook": ChannelWording("Вебхук", "bi-plug"),
    "apprise": ChannelWording("Apprise", "bi-megaphone"),
}
DELAYS = {0: "сразу", 5: "5 минут", 10: "10 минут", 30: "30 минут", 60: "час"}
REMINDERS = {1: "каждый день", 3: "раз в три дня", 7: "раз в неделю", 0: "не напоминать"}
DIGESTS = {
    "none": "сразу",
    "daily": "сводкой, каждый день в 9:00",
    "weekly": "сводкой, по понедельникам в 9:00",
}
DELIVERIES = {
    "waiting": "ждёт отправки",
    "sent": "отправлено",
    "logged": "записано в журнал сервера: почта не настроена",
    "carried": "сказано в следующем сообщении",
    "failed": "не доставлено",
}

SAVED = "Сохранили."
REMOVED = "Больше сюда не пишем."
TEST_SENT = "Проверка отправлена: {name}. Если не пришло, загляните в спам и настройки."
TEST_LOGGED = "Почта на этом сервере не настроена: письмо записано в журнал сервера и не придёт."
TEST_REFUSED = "Не отправилось: {why}."
TOO_MANY = "Больше десяти способов не подключить. Уберите лишние."
NO_BOT = "Telegram сейчас не отвечает. Попробуйте через минуту."
BAD_URL = "Нужен адрес, который начинается с https://"
BAD_APPRISE = "Apprise не понимает этот адрес."
BAD_HOURS = "Тихие часы: укажите и начало, и конец, например 22:00 и 8:00."
