"""https://dev.moysklad.ru/doc/api/remap/1.2/ (autumn 2026)"""

from app.providers.provider import API_KEY, NO_END, Provider
from app.providers.spec_parts import Field, Probe, Texts

# Not OAuth. A token that we made from a password would end all others of that employee, so we ask
# for a ready one. Its lifetime is not documented. 45 requests in 3 s at most, and who sends over
# 200 failing ones a minute is switched off.
MOYSKLAD = Provider(
    name="moysklad",
    title="МойСклад",
    kind=API_KEY,
    group="stock",
    icon="bi-boxes",
    about="Товары, остатки и заказы из МоегоСклада.",
    needs="В МоемСкладе откройте «Настройки» → «Безопасность» → «Токены» и создайте токен. Лучше "
    "от имени сотрудника, которому разрешён только просмотр.",
    key_url="https://online.moysklad.ru/app/#token",
    by_hand="удалите токен в МоемСкладе: «Настройки» → «Безопасность» → «Токены»",
    english=Texts(
        title="MoySklad",
        about="Goods, stock and orders from MoySklad.",
        needs="In MoySklad open Settings → Security → Tokens and create a token. Best "
        "for an employee who may only look.",
        by_hand="delete the token in MoySklad: Settings → Security → Tokens",
    ),
    docs="https://dev.moysklad.ru/doc/api/remap/1.2/",
    fields=(
        Field("token", "Токен доступа", "Длинная строка из МоегоСклада, целиком.", secret=True),
    ),
    expiry=NO_END,
    max_concurrency=5,
    max_rate=3,
    min_interval=60,
    probe=Probe(
        url="https://api.moysklad.ru/api/remap/1.2/context/employee",
        headers={"Accept": "application/json", "Accept-Encoding": "gzip"},  # else 415
        label="uid",
        account="accountId",
    ),
)
