"""https://yookassa.ru/developers/solutions-for-platforms/partners-api/ (autumn 2026)"""

from app.providers.provider import NEVER, Provider
from app.providers.spec_parts import BASIC, Probe, RevocationSpec, Texts

# Rights and redirect URI are those of the registered application. Five years without a refresh
# token, says a third party; we go by `expires_in`. PKCE is not mentioned. A 403 is a right that was
# not given, not a lost grant.
YOOKASSA = Provider(
    name="yookassa",
    title="ЮKassa",
    group="payments",
    icon="bi-wallet2",
    about="Платежи и возвраты вашего магазина в ЮKassa.",
    needs="Войдите в личный кабинет ЮKassa. Если магазинов несколько, ЮKassa спросит, какой.",
    english=Texts(
        title="YooKassa",
        about="Payments and refunds of your shop at YooKassa.",
        needs="Sign in to your YooKassa account. With several shops, YooKassa asks which one.",
    ),
    docs="https://yookassa.ru/developers/solutions-for-platforms/partners-api/basics",
    authorization_endpoint="https://yookassa.ru/oauth/v2/authorize",
    token_endpoint="https://yookassa.ru/oauth/v2/token",
    send_redirect_uri=False,
    pkce=False,
    refresh=NEVER,
    revocation=RevocationSpec(
        url="https://yookassa.ru/oauth/v2/revoke_token", auth=BASIC, form={"token": "{token}"}
    ),
    probe=Probe(
        url="https://api.yookassa.ru/v3/me",
        label="join('', ['Магазин № ', to_string(account_id)])",  # a name is not documented
        account="account_id",
    ),
)
