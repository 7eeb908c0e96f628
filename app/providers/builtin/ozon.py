"""https://docs.ozon.ru/api/seller/ (autumn 2026)"""

from app.providers.provider import API_KEY, NO_END, Provider
from app.providers.spec_parts import Field, Probe, Texts, TokenPlacement

# The key's own end stands in the answer about its roles. Limits are not documented; how a dead key
# is refused is not either, so 401 and 403 mean what they mean everywhere.
OZON = Provider(
    name="ozon",
    title="Ozon",
    kind=API_KEY,
    group="sales",
    icon="bi-box2",
    about="Кабинет продавца Ozon.",
    needs="В кабинете продавца откройте «Настройки» → «Seller API» и создайте ключ с ролью, "
    "которая только читает.",
    key_url="https://seller.ozon.ru/app/settings/api-keys",
    by_hand="удалите ключ в кабинете продавца: «Настройки» → «Seller API»",
    english=Texts(
        title="Ozon",
        about="Your Ozon seller account.",
        needs="In the seller account open Settings → Seller API and create a key with a role "
        "that only reads.",
        by_hand="delete the key in the seller account: Settings → Seller API",
    ),
    docs="https://docs.ozon.ru/api/seller/",
    fields=(
        Field("client_id", "Client ID", "Число рядом с ключом.", pattern=r"\d{1,20}"),
        Field("token", "API-ключ", "Показывается один раз, при создании.", secret=True),
    ),
    expiry=NO_END,
    max_concurrency=5,
    probe=Probe(
        url="https://api-seller.ozon.ru/v1/roles",
        method="POST",
        headers={"Accept": "application/json", "Client-Id": "{client_id}"},
        token_placements=(TokenPlacement("Api-Key", "{token}"),),
        json={},
        label="join(' ', ['Кабинет', kept.client_id])",
        account="kept.client_id",
        expires="expires_at",
        expect="expires_at || roles",
    ),
)
