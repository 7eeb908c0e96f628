"""https://www.amocrm.ru/developers/content/oauth/oauth (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import JSON, POST, Probe, Rule, Texts

# The account's host comes with the callback (`referer`). From clients in the field, not from the
# documentation: an access token lives for a day, a refresh token for three months and one use; a
# refresh wants the redirect URI too. PKCE, revocation and the words of a refused refresh are not
# documented; when an account is renamed, it has to be reconnected.
AMOCRM = Provider(
    name="amocrm",
    title="amoCRM",
    group="crm",
    icon="bi-funnel",
    about="Сделки и контакты из вашего аккаунта amoCRM.",
    needs="Войдите в amoCRM администратором: подключить интеграцию может только он.",
    by_hand="отключите интеграцию в настройках amoCRM",
    english=Texts(
        title="amoCRM (Kommo)",
        about="Deals and contacts from your amoCRM account.",
        needs="Sign in to amoCRM as an administrator: nobody else can connect an integration.",
        by_hand="switch the integration off in the settings of amoCRM",
    ),
    docs="https://www.amocrm.ru/developers/content/oauth/oauth",
    authorization_endpoint="https://www.amocrm.ru/oauth",
    token_endpoint="https://{referer}/oauth2/access_token",
    allowed_hosts=("amocrm.ru", "kommo.com"),
    send_redirect_uri=False,  # the registered one is used
    pkce=False,
    callback_keep=("referer", "redirect_uri"),
    token_endpoint_auth_method=POST,
    token_request=JSON,
    token_params={"redirect_uri": "{redirect_uri}"},
    max_rate=5,  # 7 are allowed
    probe=Probe(
        url="https://{referer}/api/v4/account",
        label="name",
        account="id",
        # Too many requests end in a block of our address, which is nobody's lost permission.
        classify=(Rule("rate_limited", status=403),),
    ),
)
