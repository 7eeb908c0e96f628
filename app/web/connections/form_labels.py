"""Russian texts of the credentials form and of API keys."""

FIELD_FAULTS = {
    "missing": "Заполните это поле.",
    "unfit": "Так не подходит. Проверьте, что здесь всё целиком и нет лишнего.",
}

_NOTHING_KEPT = "Ничего не сохранено."
_OLD_KEPT = "Прежний ключ остался на месте."
KEY_REFUSED = {  # by the cause that a probe with the key found
    "revoked": (
        "Сервис «{name}» не принял этот ключ. Проверьте, что он скопирован целиком и не удалён."
    ),
    "access_denied": (
        "Сервис «{name}» узнал ключ, но не даёт с ним читать данные. Создайте ключ с нужными "
        "правами."
    ),
    "payment_required": "«{name}» требует оплаты, прежде чем давать доступ по ключу.",
    "rate_limited": "«{name}» просит подождать. Попробуйте ещё раз через несколько минут.",
    "misconfigured": "Проверить ключ не получилось из-за наших настроек.",
}
NOT_CHECKED = "«{name}» сейчас не отвечает, проверить ключ не получилось. Попробуйте позже."

SAME_KEY = (
    "Этот ключ у нас уже есть, и «{name}» его принимает: менять нечего. Чтобы сменить срок, "
    "создайте у сервиса новый ключ."
)
OTHER_ACCOUNT = (
    "Этот ключ от другого аккаунта: «{came}», а здесь подключён «{expected}». Прежний ключ остался "
    "на месте. За другим аккаунтом можно следить отдельно: подключите его этим же ключом на "
    "странице «{name}»."
)
BY_HAND = "удалите приложение в его личном кабинете"


def field_fault(fault: str) -> str:
    """`fault` is a code, or the text that a provider's entry has for a value it refuses."""
    return FIELD_FAULTS.get(fault, fault)


def key_refused(cause: str, name: str, replaces: bool) -> str:
    """`replaces`: there is a key that works on."""
    kept = _OLD_KEPT if replaces else _NOTHING_KEPT
    return f"{KEY_REFUSED.get(cause, NOT_CHECKED).format(name=name)} {kept}"
