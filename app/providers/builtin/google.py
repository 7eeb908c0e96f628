"""https://developers.google.com/identity/protocols/oauth2/web-server (autumn 2026)"""

from app.providers.provider import Provider
from app.providers.spec_parts import POST, Probe, Texts

# Without `access_type` and `prompt` there is silently no refresh token. It is not rotated, and it
# lives for 7 days only while the consent screen is in testing.
GOOGLE = Provider(
    name="google",
    title="Google",
    group="other",
    icon="bi-google",
    about="Доступ к сервисам Google от имени вашего аккаунта.",
    needs="Войдите в тот аккаунт Google, которым пользуется магазин.",
    english=Texts(
        title="Google",
        about="Access to Google services on behalf of your account.",
        needs="Sign in to the Google account that the shop uses.",
    ),
    docs="https://developers.google.com/identity/protocols/oauth2",
    authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth",
    token_endpoint="https://oauth2.googleapis.com/token",
    revocation_endpoint="https://oauth2.googleapis.com/revoke",
    scopes=("openid", "email"),
    scope_words={
        "openid": "узнать ваш аккаунт Google",
        "email": "видеть адрес вашей почты",
        "https://www.googleapis.com/auth/userinfo.email": "видеть адрес вашей почты",
    },
    authorization_params={"access_type": "offline", "prompt": "consent"},
    token_endpoint_auth_method=POST,
    rotates=False,
    probe=Probe(
        url="https://openidconnect.googleapis.com/v1/userinfo", label="email", account="sub"
    ),
)
