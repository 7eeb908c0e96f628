"""https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app"""

from app.providers.provider import Provider
from app.providers.spec_parts import BASIC, POST, Probe, RevocationSpec, Rule, Texts

# A GitHub App with expiring user tokens: 8 hours, refreshed for six months, and a refresh ends the
# old pair at once. Errors come with a 200, in words of its own. A 403 may be a limit.
GITHUB = Provider(
    name="github",
    title="GitHub",
    group="development",
    icon="bi-github",
    about="Доступ к вашему аккаунту GitHub через приложение.",
    needs="Установите приложение в своём аккаунте GitHub или в организации.",
    english=Texts(
        title="GitHub",
        about="Access to your GitHub account through an app.",
        needs="Install the app in your GitHub account or organisation.",
    ),
    docs="https://docs.github.com/en/apps/using-github-apps",
    authorization_endpoint="https://github.com/login/oauth/authorize",
    token_endpoint="https://github.com/login/oauth/access_token",
    scope_words={
        "read:user": "читать ваш профиль",
        "user:email": "видеть адрес вашей почты",
        "repo": "читать и менять ваши репозитории",
    },
    token_endpoint_auth_method=POST,
    token_errors={
        "bad_refresh_token": "invalid_grant",
        "bad_verification_code": "invalid_grant",
        "incorrect_client_credentials": "invalid_client",
        "redirect_uri_mismatch": "invalid_request",
    },
    revocation=RevocationSpec(
        url="https://api.github.com/applications/{client_id}/token",
        method="DELETE",
        auth=BASIC,
        json={"access_token": "{token}"},
    ),
    probe=Probe(
        url="https://api.github.com/user",
        headers={"Accept": "application/vnd.github+json"},
        label="login",
        account="id",
        classify=(
            Rule("rate_limited", status=403, when="contains(to_string(message), 'rate limit')"),
        ),
    ),
)
