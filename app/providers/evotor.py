"""https://developer.evotor.ru/docs/rest_oauth20_authorization_guide.html (autumn 2026)"""

from app.providers.parts import Carrier, Probe
from app.providers.provider import Provider

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
    docs="https://developer.evotor.ru/docs/rest_overview.html",
    authorization_endpoint="https://oauth.evotor.ru/oauth/authorize",
    token_endpoint="https://oauth.evotor.ru/oauth/token",
    scopes=("store:read",),
    send_scope=False,
    pkce=False,
    probe=Probe(
        url="https://api.evotor.ru/stores",
        headers={"Accept": "application/vnd.evotor.v2+json"},
        # The documentation names both forms, and clients in the field disagree.
        carriers=(Carrier(), Carrier("X-Authorization", "{token}")),
        label="join(', ', items[].name)",
        account="items[0].user_id",
    ),
)
