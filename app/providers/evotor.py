"""https://developer.evotor.ru/docs/rest_oauth20_authorization_guide.html (autumn 2026)"""

from app.providers.provider import Carrier, Probe, Provider

# PKCE, revocation and the life of a refresh token are not documented. Scopes are fixed when the
# client is made.
EVOTOR = Provider(
    name="evotor",
    title="Эвотор",
    group="registers",
    icon="bi-shop",
    about="Кассы и магазины: список торговых точек из личного кабинета Эвотор.",
    before="Сначала установите приложение в личном кабинете Эвотор.",
    docs="https://developer.evotor.ru/docs/rest_overview.html",
    authorization_endpoint="https://oauth.evotor.ru/oauth/authorize",
    token_endpoint="https://oauth.evotor.ru/oauth/token",  # noqa: S106 - an address
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
