"""https://docs.stripe.com/connect/oauth-reference (autumn 2026)"""

from app.providers.provider import NEVER, NO_END, Provider
from app.providers.spec_parts import POST, Probe, RevocationSpec, Texts

# Connect for standard accounts; an App of the marketplace has other endpoints. The token has no
# end of its own, and the client's secret is the platform's secret key. PKCE is not mentioned.
# The names of the account's fields are those that clients use.
STRIPE = Provider(
    name="stripe",
    title="Stripe",
    group="payments",
    icon="bi-stripe",
    about="Платежи вашего аккаунта Stripe.",
    needs="Войдите в Stripe владельцем или администратором аккаунта.",
    english=Texts(
        title="Stripe",
        about="Payments of your Stripe account.",
        needs="Sign in to Stripe as the owner or an administrator of the account.",
    ),
    docs="https://docs.stripe.com/connect/oauth-reference",
    authorization_endpoint="https://connect.stripe.com/oauth/authorize",
    token_endpoint="https://connect.stripe.com/oauth/token",
    scopes=("read_only",),
    scope_words={
        "read_only": "читать данные аккаунта, ничего не меняя",
        "read_write": "читать и менять данные аккаунта",
    },
    pkce=False,
    token_endpoint_auth_method=POST,
    token_keep=("stripe_user_id",),
    expiry=NO_END,
    refresh=NEVER,
    revocation=RevocationSpec(
        url="https://connect.stripe.com/oauth/deauthorize",
        headers={"Authorization": "Bearer {client_secret}"},
        form={"client_id": "{client_id}", "stripe_user_id": "{stripe_user_id}"},
    ),
    probe=Probe(
        url="https://api.stripe.com/v1/account",
        label="business_profile.name || settings.dashboard.display_name || id",
        account="id",
    ),
)
