"""https://dev.wildberries.ru/knowledge-base (April 2026)"""

from app.providers.provider import API_KEY, JWT, Provider
from app.providers.quota import Quota
from app.providers.spec_parts import Field, Probe, Texts

# A personal token must not be given to third parties, says Wildberries, so it is not taken (the
# claim `acc` is a third party's knowledge). Never ask `/ping`: programs that do are blocked. About
# one request a minute is allowed; revoking is only possible in the seller's cabinet.
WILDBERRIES = Provider(
    name="wildberries",
    title="Wildberries",
    kind=API_KEY,
    group="sales",
    icon="bi-basket2",
    about="Кабинет продавца Wildberries.",
    needs="В кабинете продавца откройте «Профиль» → «Интеграции по API» и создайте базовый токен "
    "с отметкой «Только на чтение». Персональный не подойдёт: передавать его сервисам запрещено.",
    key_url="https://seller.wildberries.ru/api-integrations",
    by_hand="удалите токен в кабинете продавца: «Профиль» → «Интеграции по API»",
    english=Texts(
        title="Wildberries",
        about="Your Wildberries seller account.",
        needs="In the seller account open Profile → API integrations and create a base token "
        "marked read only. A personal one is not taken: giving it to services is forbidden.",
        by_hand="delete the token in the seller account: Profile → API integrations",
    ),
    docs="https://dev.wildberries.ru/knowledge-base",
    fields=(
        Field(
            "token",
            "Базовый токен",
            "Действует 180 дней, потом понадобится новый.",
            secret=True,
            pattern=r"[\w-]+\.[\w-]+\.[\w-]+",
            refuse={
                "acc == `3`": "Это персональный токен: Wildberries запрещает передавать его "
                "сервисам. Создайте базовый.",
                "acc == `2`": "Это тестовый токен, он работает только в песочнице. Создайте "
                "базовый.",
            },
        ),
    ),
    expiry=JWT,
    min_interval=60,
    quota=Quota(1, "minute"),
    probe=Probe(
        url="https://common-api.wildberries.ru/api/v1/seller-info",
        label="tradeMark || name",
        account="sid",
    ),
)
