"""https://id.vk.com/about/business/go/docs/ru/vkid/latest/vk-id/intro/plan (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import NONE, Probe, RevocationSpec, Rule, Texts

# OAuth 2.1: PKCE and `device_id` instead of a secret, and a second use of a refresh token ends the
# whole session. Errors come with a 200. The endpoints are those of clients in the field; lifetimes
# (an hour, 180 days) and the words of the errors are a third party's.
VK = Provider(
    name="vk",
    title="VK ID",
    group="other",
    icon="bi-person-badge",
    about="Доступ к вашему аккаунту ВКонтакте через VK ID.",
    needs="Войдите в тот аккаунт ВКонтакте, которым пользуется магазин.",
    english=Texts(
        title="VK ID",
        about="Access to your VKontakte account by VK ID.",
        needs="Sign in to the VKontakte account that the shop uses.",
    ),
    docs="https://id.vk.com/about/business/go/docs/ru/vkid/latest/vk-id/intro/plan",
    authorization_endpoint="https://id.vk.ru/authorize",
    token_endpoint="https://id.vk.ru/oauth2/auth",
    scope_words={
        "vkid.personal_info": "видеть ваше имя",
        "email": "видеть адрес вашей почты",
        "phone": "видеть номер телефона",
    },
    callback_keep=("device_id", "state"),
    token_endpoint_auth_method=NONE,
    token_params={"device_id": "{device_id}", "state": "{state}"},
    token_errors={"invalid_token": "invalid_grant"},
    revocation=RevocationSpec(
        url="https://id.vk.ru/oauth2/revoke",
        form={"access_token": "{token}", "client_id": "{client_id}"},
    ),
    probe=Probe(
        url="https://id.vk.ru/oauth2/user_info",
        method="POST",
        form={"access_token": "{token}", "client_id": "{client_id}"},
        token_placements=(),
        label="join(' ', user.[first_name, last_name])",
        account="user.user_id",
        classify=(Rule("revoked", when="error == 'invalid_token'"),),
    ),
)
