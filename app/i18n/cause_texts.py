"""The texts of every cause, in one place: on a card, in the history and in an alert.

A cause is a value of `models.connection.Cause`; a test compares the two lists. `{name}` stands for
the provider's name, whose gender nobody knows: what it did is said of «Сервис».
"""

from dataclasses import dataclass

CHECK, RECONNECT = "check", "reconnect"  # buttons of a card

# What is claimed of a provider-wide outage, in the strip above the cards and in the alert.
OUTAGE_OF_MANY = "Сбой на стороне «{name}» у многих"
REFUSAL_OF_MANY = "«{name}» отказывает многим"


@dataclass(frozen=True)
class CardText:
    headline: str
    next_step: str  # what to do, or that there is nothing to do
    button: str = ""  # the one that the next step names: CHECK or RECONNECT


@dataclass(frozen=True)
class CauseTexts:
    """One cause; its texts are written for the sentences that the comments show."""

    card: CardText
    was: str  # history, when it is over: "Сервис не отвечал 18 минут"
    still: str  # history, while it lasts: "Сервис не отвечает уже 18 минут"
    noun: str  # a filter's choice and a report's column: "сервис не отвечал"
    alert: str = ""  # "«Эвотор» не работает с 14:02: сервис не отвечает"; "": it makes no outage
    alert_next_step: str = ""  # "Ваш ход. …"; "": it is not the owner's move
    card_when_lasting: CardText | None = None  # where the trouble is hours old
    card_of_key: CardText | None = None  # where the owner typed the key in
    card_of_delivered: CardText | None = None  # where the provider sends the key by itself

    @property
    def makes_outages(self) -> bool:
        return bool(self.alert)

    def card_text(self, *, by_key: bool, delivered: bool, lasting: bool = False) -> CardText:
        if lasting and self.card_when_lasting is not None:
            return self.card_when_lasting
        if delivered and self.card_of_delivered is not None:
            return self.card_of_delivered
        if by_key and self.card_of_key is not None:
            return self.card_of_key
        return self.card


CAUSE_TEXTS = {
    "provider_error": CauseTexts(
        card=CardText(
            "Сервис отвечает ошибкой",
            "Сбой на стороне «{name}». От вас ничего не нужно, переподключение не поможет: "
            "мы продолжаем проверять.",
        ),
        was="отвечал ошибкой",
        still="отвечает ошибкой",
        noun="сервис отвечал ошибкой",
        alert="сервис отвечает ошибкой",
    ),
    "unreachable": CauseTexts(
        card=CardText(
            "Сервис недоступен",
            "С «{name}» не удаётся соединиться. От вас ничего не нужно, переподключение не "
            "поможет: мы продолжаем проверять.",
        ),
        was="был недоступен",
        still="недоступен",
        noun="сервис недоступен",
        alert="сервис недоступен",
    ),
    "timeout": CauseTexts(
        card=CardText(
            "Сервис не отвечает",
            "Сервис «{name}» не ответил вовремя. От вас ничего не нужно, переподключение не "
            "поможет: мы продолжаем проверять.",
        ),
        was="не отвечал",
        still="не отвечает",
        noun="сервис не отвечал",
        alert="сервис не отвечает",
    ),
    "tls": CauseTexts(
        card=CardText(
            "Соединение не защищено",
            "«{name}» не даёт защищённого соединения, поэтому мы ничего ему не отправляем. От вас "
            "ничего не нужно, переподключение не поможет: мы продолжаем проверять.",
        ),
        was="не давал защищённого соединения",
        still="не даёт защищённого соединения",
        noun="сервис не давал защищённого соединения",
        alert="сервис не даёт защищённого соединения",
    ),
    "bad_response": CauseTexts(
        card=CardText(
            "Сервис отвечает непонятно",
            "Сервис «{name}» прислал не то, что обещает. От вас ничего не нужно, переподключение "
            "не поможет: мы продолжаем проверять.",
        ),
        was="отвечал непонятно",
        still="отвечает непонятно",
        noun="непонятный ответ",
        alert="сервис отвечает непонятно",
    ),
    "rate_limited": CauseTexts(
        card=CardText(
            "Сервис просит проверять реже",
            "Сервис «{name}» ограничил число наших запросов. От вас ничего не нужно: подождём и "
            "проверим.",
        ),
        was="просил проверять реже",
        still="просит проверять реже",
        noun="сервис просил проверять реже",
    ),
    "access_denied": CauseTexts(
        card=CardText(
            "Нет доступа к данным",
            "Откройте личный кабинет «{name}»: он должен открываться, приложение — быть "
            "установлено, а доступ ему — разрешён. Потом нажмите «Проверить».",
            CHECK,
        ),
        card_of_key=CardText(
            "Нет доступа к данным",
            "«{name}» знает ваш ключ, но данных по нему не даёт. Откройте личный кабинет: он "
            "должен работать, а у ключа — быть права. Потом нажмите «Проверить».",
            CHECK,
        ),
        card_of_delivered=CardText(
            "Нет доступа к данным",
            "Установите приложение в личном кабинете «{name}» снова или разрешите ему доступ. Ключ "
            "придёт к нам сам, история сохранится.",
        ),
        was="не давал доступа к данным",
        still="не даёт доступа к данным",
        noun="нет доступа к данным",
        alert="нет доступа к данным",
        alert_next_step=(
            "Откройте личный кабинет «{name}»: он должен открываться, приложение — быть "
            "установлено, а доступ ему — разрешён. Потом нажмите «Проверить» на странице "
            "подключения."
        ),
    ),
    "payment_required": CauseTexts(
        card=CardText(
            "Доступ не оплачен или приложение не установлено",
            "Откройте личный кабинет «{name}»: установите приложение на устройство и проверьте "
            "оплату. Потом нажмите «Проверить».",
            CHECK,
        ),
        card_of_key=CardText(
            "Доступ не оплачен",
            "Откройте личный кабинет «{name}» и проверьте оплату. Потом нажмите «Проверить».",
            CHECK,
        ),
        was="ждал оплаты или установки",
        still="ждёт оплаты или установки",
        noun="не оплачено или не установлено",
        alert="доступ не оплачен или приложение не установлено",
        alert_next_step=(
            "Откройте личный кабинет «{name}»: установите приложение на устройство и проверьте "
            "оплату. Потом нажмите «Проверить» на странице подключения."
        ),
    ),
    "revoked": CauseTexts(
        card=CardText(
            "Доступ отозван",
            "«{name}» больше не принимает наш доступ. Нажмите «Переподключить» и разрешите его "
            "снова: история сохранится.",
            RECONNECT,
        ),
        card_of_key=CardText(
            "Ключ больше не действует",
            "«{name}» не принимает ваш ключ: его удалили или его срок прошёл. Создайте новый, "
            "нажмите «Переподключить» и вставьте его: история сохранится.",
            RECONNECT,
        ),
        card_of_delivered=CardText(
            "Ключ приложения больше не действует",
            "Удалите приложение в личном кабинете «{name}» и установите снова: новый ключ придёт к "
            "нам сам, история сохранится.",
            RECONNECT,
        ),
        was="не принимал наш доступ",
        still="не принимает наш доступ",
        noun="доступ отозван",
        alert="доступ отозван",
        alert_next_step="Нажмите «Переподключить» и дайте доступ снова: история сохранится.",
    ),
    "inconsistent": CauseTexts(
        card=CardText(
            "Сервис противоречит себе",
            "Сервис «{name}» сам выдал доступ и сам его не принимает. От вас ничего не нужно, "
            "переподключение не поможет: мы продолжаем проверять.",
        ),
        card_when_lasting=CardText(
            "Сервис противоречит себе",
            "Сервис «{name}» сам выдал доступ и уже несколько часов его не принимает. Это его "
            "сбой, но можно попробовать «Переподключить»: история сохранится.",
            RECONNECT,
        ),
        was="противоречил себе",
        still="противоречит себе",
        noun="сервис противоречил себе",
        alert="сервис сам выдал доступ и сам его не принимает",
    ),
    "account_changed": CauseTexts(
        card=CardText(
            "Отвечает другой аккаунт",
            "Доступ, который вы дали, теперь отвечает за другой аккаунт «{name}». Если вы этого не "
            "меняли, нажмите «Переподключить» и войдите в нужный аккаунт: история сохранится.",
            RECONNECT,
        ),
        was="отвечал за другой аккаунт",
        still="отвечает за другой аккаунт",
        noun="отвечал другой аккаунт",
    ),
    "misconfigured": CauseTexts(
        card=CardText(
            "Сбой на нашей стороне",
            "Из-за наших настроек проверить «{name}» не получилось. От вас ничего не нужно, "
            "переподключать не надо.",
        ),
        was="не узнавал нас",
        still="не узнаёт нас",
        noun="наша настройка",
    ),
}
