"""https://apidocs.bitrix24.ru/settings/oauth/ (August 2026)"""

from app.providers.provider import ON_EXPIRED, Provider
from app.providers.spec_parts import GET, QUERY, Field, Probe, Rule, Texts

# Whoever refreshes on a schedule may be blocked: only after "expired". Scopes and redirect URI are
# those of the application's card. PKCE is not mentioned, revocation does not exist, and whether the
# spent refresh token dies is not said. Only portals in Bitrix24's cloud, none on a server of one's
# own: our request must not go to any host that somebody types in.
BITRIX24 = Provider(
    name="bitrix24",
    title="Битрикс24",
    group="crm",
    icon="bi-kanban",
    about="Сделки, контакты и задачи с вашего портала Битрикс24.",
    needs="Установите приложение на портал: «Приложения» → «Маркет». Нужны права администратора.",
    by_hand="удалите приложение на портале: «Приложения» → «Установленные»",
    english=Texts(
        title="Bitrix24",
        about="Deals, contacts and tasks from your Bitrix24 portal.",
        needs="Install the application on the portal: Applications → Market. Only an "
        "administrator can.",
        by_hand="remove the application on the portal: Applications → Installed",
    ),
    docs="https://apidocs.bitrix24.ru/settings/oauth/",
    fields=(
        Field(
            "domain",
            "Адрес портала",
            "Например: mycompany.bitrix24.ru",
            pattern=r"[a-z0-9-]+\.bitrix24\.(ru|by|kz|uz|com|eu|de)",
            host=True,
        ),
    ),
    allowed_hosts=tuple(f"bitrix24.{end}" for end in ("ru", "by", "kz", "uz", "com", "eu", "de")),
    authorization_endpoint="https://{domain}/oauth/authorize/",
    token_endpoint="https://oauth.bitrix24.tech/oauth/token/",
    scope_words={
        "crm": "работать с CRM",
        "user": "видеть список сотрудников",
        "task": "работать с задачами",
    },
    send_redirect_uri=False,
    pkce=False,
    callback_keep=("domain", "member_id"),
    token_endpoint_auth_method=QUERY,
    token_request=GET,
    token_errors={"PAYMENT_REQUIRED": "payment_required"},
    token_keep=("client_endpoint",),
    refresh=ON_EXPIRED,
    probe=Probe(
        url="{client_endpoint}profile",
        method="POST",
        json={"auth": "{token}"},
        token_placements=(),
        label="kept.domain",
        account="kept.member_id",  # survives a renamed portal
        expect="result != `null`",  # documented as empty where the person is inactive
        classify=(
            Rule("rate_limited", status=503, when="error == 'QUERY_LIMIT_EXCEEDED'"),
            Rule("payment_required", status=403, when="error == 'ACCESS_DENIED'"),
            Rule("revoked", when="error == 'PORTAL_DELETED'"),
        ),
    ),
)
