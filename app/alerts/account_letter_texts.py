"""What letters about accounts say."""

from dataclasses import dataclass
from urllib.parse import urlencode

from app.alerts.channels.email import template
from app.outbound.smtp import Mail

NOT_YOU = "Если это были не вы, ничего не нажимайте: без ссылки ничего не изменится."


@dataclass(frozen=True)
class AccountEmail:
    """`lines` are paragraphs; the button leads to `path` on our own site."""

    subject: str
    lines: tuple[str, ...]
    button: str
    path: str


RESET = AccountEmail(
    "Новый пароль для Связки",
    (
        "Кто-то, скорее всего вы, забыл пароль к Связке. По ссылке можно придумать новый.",
        "Ссылка действует 30 минут и только один раз. После этого все сеансы закончатся.",
        NOT_YOU,
    ),
    "Придумать пароль",
    "/reset/password",
)
SIGN_UP = AccountEmail(
    "Подтвердите почту",
    (
        "Остался один шаг: откройте ссылку и введите пароль, который придумали.",
        "Ссылка действует сутки и только один раз.",
        NOT_YOU,
    ),
    "Закончить регистрацию",
    "/signup/confirm",
)
KNOWN = AccountEmail(
    "У вас уже есть учётная запись",
    (
        "Кто-то, скорее всего вы, указал эту почту в Связке. На неё уже есть учётная запись: "
        "войдите с ней.",
        "Забыли пароль? На странице входа нажмите «Забыли пароль?».",
    ),
    "Войти",
    "/login",
)
EMAIL_OLD = AccountEmail(
    "Меняем почту на {email}?",
    (
        "В Связке попросили сменить почту этой учётной записи на {email}.",
        "Подтвердите здесь и в письме на новый адрес. Ссылка действует сутки.",
        "Если это были не вы, ничего не нажимайте и смените пароль.",
    ),
    "Подтвердить",
    "/account/email/confirm",
)
EMAIL_NEW = AccountEmail(
    "Подтвердите новую почту",
    (
        "Этот адрес указали как новую почту в Связке.",
        "Подтвердите здесь и в письме на прежний адрес. Ссылка действует сутки.",
        NOT_YOU,
    ),
    "Подтвердить",
    "/account/email/confirm",
)
CHANGED = {
    "password": "Пароль изменён, остальные сеансы завершены.",
    "second_factor_on": "Вход с кодом из телефона включён.",
    "second_factor_off": "Вход с кодом из телефона выключен.",
    "passkey": "Добавлен ключ доступа: с ним можно войти без пароля.",
}
NOTICE = AccountEmail(
    "Изменения в вашей учётной записи",
    (
        "{change}",
        "Если это были не вы, сразу задайте новый пароль: «Забыли пароль?» на странице входа.",
    ),
    "Открыть учётную запись",
    "/account",
)


def mail_of(letter: AccountEmail, to: str, public_url: str, link: str = "", **words: str) -> Mail:
    """`words` replace the braces in the texts; `link` is a secret, for the button's URL."""
    subject = letter.subject.format(**words)
    lines = [line.format(**words) for line in letter.lines]
    query = f"?{urlencode({'link': link})}" if link else ""
    url = f"{public_url}{letter.path}{query}"
    html = template("accounts/email/message.html").render(
        subject=subject, lines=lines, button=letter.button, url=url
    )
    text = "\n\n".join([*lines, f"{letter.button}: {url}", "Связка"])
    return Mail(to, subject, text + "\n", html, secret=bool(link))
