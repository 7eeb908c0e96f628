"""Russian texts of «Проверить все». Pure."""

from collections.abc import Iterator

from app.i18n.formatting import every, of_connections, plural
from app.monitor.bulk_checks import Progress
from app.providers.provider import Catalogue, Provider

BEGUN = "Проверяем все подключения. Сколько уже проверено, видно на этой странице."
ALREADY_UNDER_WAY = "Проверка всех подключений уже идёт."
NOTHING = "Проверять сейчас нечего."


def too_soon(wait: int) -> str:
    seconds = plural(wait, "секунду", "секунды", "секунд")
    return f"Все подключения проверяли только что. Попробуйте через {wait} {seconds}."


def how_far(progress: Progress) -> str:
    """ "проверено 12 из 40"."""
    return f"проверено {progress.asked} из {progress.whole}"


def outcome(progress: Progress) -> str:
    """ "Проверено 40 подключений: 37 в порядке, 3 с неполадкой"; by the present statuses."""
    if not progress.asked:
        return NOTHING if not progress.held else "Проверка закончена."
    found = [f"{progress.well} в порядке"] if progress.well else []
    found += [f"{progress.ill} с неполадкой"] if progress.ill else []
    return f"Проверено {of_connections(progress.asked)}: {', '.join(found)}."


def postponed(progress: Progress, catalogue: Catalogue) -> Iterator[str]:
    """Which connections are checked later, and why."""
    for name, count in progress.later.items():
        provider = catalogue.get(name)
        title = f"«{provider.title}»" if provider else name
        yield f"{of_connections(count)} проверим позже: {title} {_wish(provider)}."
    if progress.held:
        whole = of_connections(progress.held)
        yield f"{whole} проверим, как только сервис ответит: сейчас у него сбой."


def _wish(provider: Provider | None) -> str:
    if provider and provider.min_interval:
        return f"просит проверять не чаще чем {_once_in(provider.min_interval)}"
    return "просит подождать"


def _once_in(seconds: float) -> str:
    """ "раз в 5 минут", "раз в минуту"."""
    return "раз в " + every(seconds).split(" ", 1)[1]
