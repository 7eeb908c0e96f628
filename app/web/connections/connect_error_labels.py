"""Russian texts about a connect that failed. Pure."""

from app.web.connections.labels import Explanation

# Beside the cards of other accounts, "nothing is connected" would be said above a green card.
NOTHING_KEPT = "Ничего не подключено и не сохранено."
OTHERS_STAY = "Нового ничего не добавлено, прежние подключения остались как были."
CONNECT_ERRORS = {
    "denied": Explanation(
        "Доступ не разрешён",
        "Вы отказали в доступе на сайте «{name}». {kept} Передумаете — нажмите «Подключить» ещё "
        "раз.",
    ),
    "expired": Explanation(
        "Ссылка устарела",
        "Подключение нужно закончить за 10 минут и только один раз. {kept} Нажмите «Подключить» "
        "и пройдите шаги заново.",
    ),
    "other_browser": Explanation(
        "Подключение начато не здесь",
        "Его начали в другом браузере или до нового входа. {kept} Нажмите «Подключить» и "
        "закончите в этом же окне.",
    ),
    "signed_out": Explanation(
        "Подключение не закончено",
        "Пока вы были на сайте «{name}», вход в Связку закончился. {kept} Теперь вы вошли: нажмите "
        "«Подключить» и пройдите шаги заново.",
    ),
    "provider_error": Explanation(
        "Сервис «{name}» не завершил подключение",
        "Сайт сервиса вернул ошибку вместо доступа. {kept} Попробуйте ещё раз через несколько "
        "минут.",
    ),
    "unreachable": Explanation(
        "«{name}» сейчас не отвечает",
        "Вы всё сделали верно, но сервис не выдал доступ: он недоступен. {kept} Попробуйте ещё "
        "раз через несколько минут.",
    ),
    "bad_response": Explanation(
        "Сервис «{name}» ответил непонятно",
        "Сервис прислал не то, что обещает. {kept} Попробуйте ещё раз через несколько минут.",
    ),
    "misconfigured": Explanation(
        "Сбой на нашей стороне",
        "Сервис «{name}» не узнал наше приложение: у нас неверные настройки. {kept} Повторять не "
        "нужно, сообщите тому, кто установил Связку.",
    ),
    "bad_issuer": Explanation(
        "Ответ пришёл не от «{name}»",
        "Мы остановили подключение, чтобы не отдать доступ чужому сайту. {kept} Начните заново "
        "с этой страницы.",
    ),
    "exchange_refused": Explanation(
        "Сервис «{name}» не выдал доступ",
        "Разрешение получено, но сервис его не принял: возможно, оно уже использовано. {kept} "
        "Нажмите «Подключить» ещё раз.",
    ),
    "not_allowed": Explanation(
        "Адрес аккаунта не похож на «{name}»",
        "Нас отправили на сервер, который этому сервису не принадлежит, и мы туда не пошли. "
        "{kept} Начните заново с этой страницы. Если повторится, сообщите тому, кто установил "
        "Связку.",
    ),
}


def connect_error(code: str, name: str, others: bool = False) -> Explanation | None:
    """None for an unknown code: anybody can type a URL. `others`: the user has connections to this
    provider.
    """
    found = CONNECT_ERRORS.get(code)
    kept = OTHERS_STAY if others else NOTHING_KEPT
    return found and Explanation(
        found.title.format(name=name), found.text.format(name=name, kept=kept)
    )
