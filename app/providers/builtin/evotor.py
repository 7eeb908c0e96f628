"""https://developer.evotor.ru/docs/rest_oauth20_authorization_guide.html (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import Probe, Push, Texts, TokenPlacement

# Not documented: `state`, PKCE, the refresh request and its rotation, revocation. Scopes are chosen
# when the client is registered; `store:read` is enough for this.
EVOTOR = Provider(
    name="evotor",
    title="Эвотор",
    group="registers",
    icon="bi-shop",
    about="Кассы и магазины: список торговых точек из личного кабинета Эвотор.",
    needs="Сначала установите приложение в личном кабинете Эвотор.",
    by_hand="удалите приложение в личном кабинете Эвотор",
    english=Texts(
        title="Evotor",
        about="Cash registers and shops: the list of outlets in your Evotor account.",
        needs="First install the application in your Evotor account.",
        by_hand="remove the application in your Evotor account",
    ),
    docs="https://developer.evotor.ru/docs/rest_overview.html",
    authorization_endpoint="https://oauth.evotor.ru/oauth/authorize",
    token_endpoint="https://oauth.evotor.ru/oauth/token",
    scopes=("store:read",),
    scope_words={
        "store:read": "читать список магазинов",
        "employee:read": "читать список сотрудников",
        "device:read": "читать список касс и терминалов",
        "product:read": "читать товары и остатки",
        "document:read": "читать чеки и документы",
    },
    send_scope=False,
    pkce=False,
    push=Push(
        where="на странице приложения в личном кабинете Эвотор, в форме входа",
        account="userId || userUuid",  # the second in older editions of the specification
        pattern=r"[0-9]{2}-[0-9]{15}",
        # Of a delivered token the documentation names the header of its own first.
        token_placements=(TokenPlacement("X-Authorization", "{token}"), TokenPlacement()),
    ),
    probe=Probe(
        url="https://api.evotor.ru/stores",
        headers={"Accept": "application/vnd.evotor.v2+json"},
        # The documentation names both forms, and clients in the field disagree.
        token_placements=(TokenPlacement(), TokenPlacement("X-Authorization", "{token}")),
        label="join(', ', items[].name)",
        account="items[0].user_id",
    ),
)
