"""A receipt of the audit log in Russian: how the grant of a disconnected connection ended, or what
a renamed one was called before. Pure.
"""

from collections.abc import Mapping

from app.grants.receipts import GrantEnd, OldToken

ENDS = {
    GrantEnd.DONE: "",
    GrantEnd.ALREADY: "Этого доступа у сервиса уже не было: отзывать было нечего.",
    GrantEnd.LATER: "Сразу не вышло, попробуем ещё: до суток.",
    GrantEnd.UNSUPPORTED: (
        "Такой доступ сервис по просьбе не отзывает: удалите приложение в его личном кабинете."
    ),
    GrantEnd.GIVEN_UP: (
        "Просили сутки, сервис не согласился: удалите приложение в его личном кабинете."
    ),
    GrantEnd.BY_HAND: (
        "Сервис не умеет отзывать доступ по просьбе: удалите приложение в его личном кабинете."
    ),
    GrantEnd.KEY: "Ключ стёрт в Связке. У сервиса он действует, пока вы не удалите его там.",
    GrantEnd.OLD_KEY: (
        "Прежний ключ стёрт в Связке. У сервиса он действует, пока вы не удалите его там."
    ),
    GrantEnd.SHARED: (
        "Не просили: тем же аккаунтом пользуется другое подключение, отзыв отключил бы и его."
    ),
}
OLD_TOKENS = {
    OldToken.REFUSED: "больше не действует",
    OldToken.WORKS: "сервис его пока принимает",
    OldToken.UNCLEAR: "ясного ответа нет",
}
NO_ANSWER = {
    "timeout": "ответа не дождались",
    "unreachable": "соединиться не вышло",
    "tls": "сервис не дал защищённого соединения",
    "unconfigured": "не спросили: на сервере нет настроек этого сервиса",
}


def receipt_lines(receipt: Mapping[str, str] | None) -> list[str]:
    """What was asked, what was answered, what the old token got; [] where nothing is known."""
    if not receipt:
        return []
    if "end" not in receipt:
        return _of_naming(receipt)
    lines = [_asked(receipt), ENDS.get(GrantEnd(receipt["end"]), ""), _old_token(receipt)]
    return [line for line in lines if line]


def _of_naming(receipt: Mapping[str, str]) -> list[str]:
    if "tags" in receipt:
        return [f"Теперь: {receipt['tags']}." if receipt["tags"] else "Теперь ни одной."]
    return [f"Раньше: {receipt['before']}."] if receipt.get("before") else []


def _asked(receipt: Mapping[str, str]) -> str:
    if "asked" not in receipt:
        return ""
    answered = receipt["answered"]
    return f"Просили забыть доступ: {receipt['asked']} → {NO_ANSWER.get(answered, answered)}."


def _old_token(receipt: Mapping[str, str]) -> str:
    if "old_token" not in receipt:
        return ""
    verdict = OLD_TOKENS[OldToken(receipt["old_token"])]
    shown = receipt.get("evidence", "")
    return (
        f"Показали старый доступ: {shown} — {verdict}." if shown else f"Старый доступ: {verdict}."
    )
