"""Russian texts about reconnects that came back with another account, or with none yet. Pure."""

from collections.abc import Iterable

from app.connections.pending_reconnects import PendingReconnect
from app.i18n.cause_texts import CAUSE_TEXTS
from app.i18n.connection_titles import INNER_QUOTES
from app.models.connection import Status
from app.providers.provider import Provider
from app.web.connections.labels import Explanation

WAITS = (
    "Новый доступ к «{name}» получен, но сервис пока не назвал его аккаунт. Как только назовёт, "
    "доступ займёт своё место. От вас ничего не нужно."
)
ELSEWHERE = (
    "Вернулся другой аккаунт: «{label}». Он у вас уже подключён, поэтому новый доступ получил он. "
    "Подключение, которое вы восстанавливали, осталось как было."
)
KEPT = "«{name}»: новое подключение добавлено, прежнее осталось как было."
OVER = "Выбор уже сделан или больше не нужен. Что подключено сейчас, видно на странице подключений."

_NOT_KEPT = "Отменено, прежнее подключение к «{name}» осталось как было. "
CANCELLED = {
    "proven": _NOT_KEPT + "Новый доступ отозван и проверен: больше он не действует.",
    "revoked": _NOT_KEPT
    + "Новый доступ отозван. Проверить это не вышло: сервис не дал ясного ответа.",
    "already": _NOT_KEPT
    + "Сервис ответил, что нового доступа у него уже нет: отзывать было нечего.",
    "still_works": _NOT_KEPT
    + "Новый доступ отозван, но сервис его пока принимает. Если это важно, удалите приложение "
    "в личном кабинете того аккаунта.",
    "later": _NOT_KEPT + "Отозвать новый доступ сразу не вышло: будем пробовать ещё сутки.",
    "by_hand": _NOT_KEPT
    + "Отозвать новый доступ по нашей просьбе сервис не умеет: удалите приложение в личном "
    "кабинете того аккаунта.",
    "key": _NOT_KEPT + "Чтобы новый ключ перестал действовать, удалите его в кабинете сервиса.",
    "shared": _NOT_KEPT
    + "Новый доступ не отозван: тем же аккаунтом пользуется другое подключение, и отзыв отключил "
    "бы и его.",
}


def scope_news(provider: Provider, lost: Iterable[str], gained: Iterable[str]) -> str:
    """Which scopes the new grant lost and gained; "" if none."""
    parts = []
    if gone := _in_words(provider, lost):
        parts.append(f"больше не разрешено: {gone}")
    if come := _in_words(provider, gained):
        parts.append(f"теперь разрешено ещё: {come}")
    return f"Доступ к «{provider.title}» изменился: {'; '.join(parts)}." if parts else ""


def _in_words(provider: Provider, scopes: Iterable[str]) -> str:
    return ", ".join(provider.scope_words.get(scope, scope) for scope in scopes)


def pending_text(pending: PendingReconnect, name: str) -> Explanation:
    """The strip about a pending reconnect on the page of connections."""
    expected = called(pending.expected_label, pending.expected_account)
    if pending.asks:
        came = called(pending.label, pending.account)
        return Explanation(
            "Вернулся другой аккаунт.", f"«{name}»: ждали «{expected}», а пришёл «{came}»."
        )
    if pending.status == Status.REVOKED:
        return Explanation(
            f"Сервис «{name}» не принял новый доступ.",
            f"Подключение «{expected}» осталось как было. Попробуйте переподключить ещё раз.",
        )
    why = CAUSE_TEXTS[pending.cause].card.headline if pending.cause else "Проверка ещё идёт"
    return Explanation(
        f"Новый доступ к «{name}» ждёт проверки.",
        f"{why}, и пока неизвестно, аккаунт ли это «{expected}». Как только узнаем, доступ займёт "
        "своё место. От вас ничего не нужно.",
    )


def called(label: str | None, account: str | None) -> str:
    """An account's label or id, for use inside «…»."""
    return (label or account or "без названия").translate(INNER_QUOTES)
