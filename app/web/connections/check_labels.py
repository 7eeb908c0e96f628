"""Russian texts about how often a connection is checked, and about checks that are refused."""

from app.i18n.formatting import plural, thousands, time_to_wait
from app.providers.provider import Provider

TOO_SOON = "Это подключение проверяли только что. Подождите десять секунд."
PAUSED = "Подключение приостановлено. Сначала возобновите его: мы сразу проверим."
STILL_UNDER_WAY = "Проверка ещё идёт, результат появится на карточке."
NO_CONNECTIVITY = (
    "Проверить не вышло: у нас самих сейчас нет связи. С вашим подключением это не связано, "
    "делать ничего не нужно: проверим сами, как только связь вернётся."
)


def provider_asks_to_wait(name: str, seconds: int) -> str:
    return (
        f"«{name}» разрешает нам проверять лишь изредка. "
        f"Следующую проверку можно начать через {time_to_wait(seconds)}."
    )


def spending(provider: Provider, interval: float) -> str:
    """How many requests a day one connection costs; "" if the provider names no limit.

    `interval` is the seconds between two checks of a healthy connection.
    """
    if provider.quota is None:
        return ""
    spent = provider.spending(interval)
    requests = plural(spent, "запрос", "запроса", "запросов")
    return f"мы тратим {thousands(spent)} {requests} в сутки из {thousands(provider.quota.daily)}"
