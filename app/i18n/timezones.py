"""Time zones: the one with a name, and those that a person may choose."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1_024)
def zone_named(name: str | None) -> ZoneInfo | None:
    """The zone of that IANA name; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


ZONES = {
    "Europe/Kaliningrad": "Калининград (МСК−1)",
    "Europe/Moscow": "Москва, Санкт-Петербург (МСК)",
    "Europe/Samara": "Самара, Ижевск (МСК+1)",
    "Asia/Yekaterinburg": "Екатеринбург, Пермь, Уфа (МСК+2)",
    "Asia/Omsk": "Омск (МСК+3)",
    "Asia/Novosibirsk": "Новосибирск, Томск (МСК+4)",
    "Asia/Krasnoyarsk": "Красноярск (МСК+4)",
    "Asia/Irkutsk": "Иркутск (МСК+5)",
    "Asia/Yakutsk": "Якутск, Чита (МСК+6)",
    "Asia/Vladivostok": "Владивосток, Хабаровск (МСК+7)",
    "Asia/Magadan": "Магадан, Южно-Сахалинск (МСК+8)",
    "Asia/Kamchatka": "Петропавловск-Камчатский (МСК+9)",
    "Europe/Minsk": "Минск",
    "Europe/Chisinau": "Кишинёв",
    "Europe/Berlin": "Берлин",
    "Europe/Istanbul": "Стамбул",
    "Asia/Tbilisi": "Тбилиси",
    "Asia/Yerevan": "Ереван",
    "Asia/Baku": "Баку",
    "Asia/Dubai": "Дубай",
    "Asia/Ashgabat": "Ашхабад",
    "Asia/Tashkent": "Ташкент",
    "Asia/Dushanbe": "Душанбе",
    "Asia/Almaty": "Алматы, Астана",
    "Asia/Bishkek": "Бишкек",
    "UTC": "Всемирное время (UTC)",
}
