"""E-mails about an account: their texts, and sending them."""

import logging
from dataclasses import dataclass
from urllib.parse import urlencode

from app.logging import LogEvent
from app.outbound import smtp
from app.web.context import Dashboard

log = logging.getLogger(__name__)

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


async def post(app: Dashboard, letter: AccountEmail, to: str, **words: str) -> None:
    """Sends an e-mail. A failure is only logged: the user can ask for another one.

    `words` replace the braces in the texts; `link` is a secret and goes into the button's URL.
    """
    fault = await smtp.send(app.settings, await message(app, letter, to, **words))
    if fault is not None:
        log.warning(LogEvent("letter_not_sent", error=fault.why))


def tell(app: Dashboard, to: str, change: str) -> None:
    """Notifies the user of a change, in the background; without a mail server nothing is sent."""
    if app.settings.sends_mail:
        app.unfinished.start(post(app, NOTICE, to, change=CHANGED[change]))


async def message(app: Dashboard, letter: AccountEmail, to: str, **words: str) -> smtp.Mail:
    subject = letter.subject.format(**words)
    lines = [line.format(**words) for line in letter.lines]
    link = words.get("link", "")
    query = f"?{urlencode({'link': link})}" if link else ""
    url = f"{app.settings.public_url}{letter.path}{query}"
    template = app.jinja_env.get_template("accounts/email/message.html")
    html = await template.render_async(subject=subject, lines=lines, button=letter.button, url=url)
    text = "\n\n".join([*lines, f"{letter.button}: {url}", "Связка"])
    return smtp.Mail(to, subject, text + "\n", html, secret=bool(link))
