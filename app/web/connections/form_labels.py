"""Russian texts of the credentials form and of API keys."""

FIELD_FAULTS = {
    "missing": "Заполните это поле.",
    "unfit": "Так не подходит. Проверьте, что здесь всё целиком и нет лишнего.",
}

_NOTHING_KEPT = "Ничего не сохранено."
KEY_REFUSED = {  # by the cause that a probe with the key found
    "revoked": "«{name}» не принял этот ключ. Проверьте, что он скопирован целиком и не удалён.",
    "access_denied": (
        "«{name}» узнал ключ, но не даёт с ним читать данные. Создайте ключ с нужными правами."
    ),
    "payment_required": "«{name}» требует оплаты, прежде чем давать доступ по ключу.",
    "rate_limited": "«{name}» просит подождать. Попробуйте ещё раз через несколько минут.",
    "misconfigured": "Проверить ключ не получилось из-за наших настроек.",
}
NOT_CHECKED = "«{name}» сейчас не отвечает, проверить ключ не получилось. Попробуйте позже."

BY_HAND = "удалите приложение в его личном кабинете"


def field_fault(fault: str) -> str:
    """`fault` is a code, or the text that a provider's entry has for a value it refuses."""
    return FIELD_FAULTS.get(fault, fault)


def key_refused(cause: str, name: str) -> str:
    return f"{KEY_REFUSED.get(cause, NOT_CHECKED).format(name=name)} {_NOTHING_KEPT}"
