"""https://developer.squareup.com/docs/oauth-api/overview (autumn 2026)"""

from app.providers.provider import EXPIRES_AT, Provider
from app.providers.spec_parts import JSON, POST, Probe, RevocationSpec, Texts

# With a secret the refresh token never ends and is good many times, with PKCE it is single-use. A
# revocation ends every token of the merchant. How a refused refresh is worded is not documented.
SQUARE = Provider(
    name="square",
    title="Square",
    group="payments",
    icon="bi-credit-card-2-front",
    about="Платежи и точки продаж Square.",
    needs="Войдите в Square владельцем бизнеса.",
    english=Texts(
        title="Square",
        about="Payments and points of sale at Square.",
        needs="Sign in to Square as the owner of the business.",
    ),
    docs="https://developer.squareup.com/docs/oauth-api/overview",
    authorization_endpoint="https://connect.squareup.com/oauth2/authorize",
    token_endpoint="https://connect.squareup.com/oauth2/token",
    scopes=("MERCHANT_PROFILE_READ",),
    scope_words={"MERCHANT_PROFILE_READ": "видеть название и адреса магазина"},
    authorization_params={"session": "false"},
    pkce=False,
    token_endpoint_auth_method=POST,
    token_request=JSON,
    token_keep=("merchant_id",),
    expiry=EXPIRES_AT,
    rotates=False,
    revocation=RevocationSpec(
        url="https://connect.squareup.com/oauth2/revoke",
        headers={"Authorization": "Client {client_secret}"},
        json={"client_id": "{client_id}", "access_token": "{token}"},
    ),
    probe=Probe(
        url="https://connect.squareup.com/v2/merchants/me",
        label="merchant.business_name",
        account="merchant.id || kept.merchant_id",
    ),
)
