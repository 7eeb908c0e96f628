"""https://yandex.ru/dev/id/doc/ru/codes/code-url (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import Probe, RevocationSpec, Texts, TokenPlacement

# Only tokens of a "device" can be revoked, so each grant is given a device of its own. A refresh
# returns a new refresh token; whether the old one dies is not said.
YANDEX = Provider(
    name="yandex",
    title="Яндекс ID",
    group="other",
    icon="bi-person-vcard",
    about="Вход и доступ к сервисам Яндекса от имени вашего аккаунта.",
    needs="Войдите в тот аккаунт Яндекса, которым пользуется магазин.",
    english=Texts(
        title="Yandex ID",
        about="Access to Yandex services on behalf of your account.",
        needs="Sign in to the Yandex account that the shop uses.",
    ),
    docs="https://yandex.ru/dev/id/doc/ru/",
    authorization_endpoint="https://oauth.yandex.ru/authorize",
    token_endpoint="https://oauth.yandex.ru/token",
    scopes=("login:info",),
    scope_words={
        "login:info": "видеть ваше имя и логин",
        "login:email": "видеть адрес вашей почты",
    },
    authorization_params={"device_id": "{unique}", "device_name": "Svyazka"},
    revocation=RevocationSpec(
        url="https://oauth.yandex.ru/revoke_token",
        form={
            "access_token": "{token}",
            "client_id": "{client_id}",
            "client_secret": "{client_secret}",
        },
    ),
    probe=Probe(
        url="https://login.yandex.ru/info?format=json",
        token_placements=(TokenPlacement("Authorization", "OAuth {token}"),),
        label="display_name || login",
        account="id",
    ),
)
