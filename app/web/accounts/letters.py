"""The page after a letter was asked for, and «Отправить ещё раз».

What it says does not depend on whether the address is known. The mail server is asked whether it
answers, whoever asks; how one's own letter fared is told only where everybody is sent one.
"""

from datetime import timedelta
from uuid import UUID

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app.accounts.client_address import subscriber_of
from app.accounts.rate_limits import RateLimit, address_key, mailbox_key
from app.alerts import account_letters
from app.models.account import AccountLetter, LetterKind, LetterState
from app.web.accounts import emails
from app.web.context import dashboard
from app.web.middleware.authentication import public
from app.web.middleware.error_pages import error_page, too_many
from app.web.middleware.rate_limits import overdone
from app.web.url_params import uuid_of

blueprint = Blueprint("letters", __name__)

TO_ONE_MAILBOX = RateLimit(3, timedelta(hours=1))  # asked for from one network address
# From all of them. Not longer than a link lives, so that who waits has one that works.
FLOOD = RateLimit(9, timedelta(minutes=30))
FROM_ONE_ADDRESS = RateLimit(30, timedelta(hours=1))
MAILBOX_KEYS = {LetterKind.RESET: "reset", LetterKind.SIGN_UP: "mail"}  # what limits count
TOO_OLD = "Это письмо уже не отправить. Попросите новое."
STAYS = "Письмо могло уже прийти: загляните в почту и в «Спам»."


def to_mailbox(what: str, email: str) -> tuple[tuple[str, RateLimit], tuple[str, RateLimit]]:
    """The limits on letters: few for one asker, so that they leave some for whose mailbox it is."""
    key = mailbox_key(what, email)
    asker = subscriber_of(request.remote_addr)
    return (f"{key} {asker}", TO_ONE_MAILBOX), (key, FLOOD)


async def letter_page(letter: AccountLetter, *, again: bool = False) -> str:
    """That it is under way, or why it is not yet."""
    app = dashboard()
    refused = letter.kind == LetterKind.SIGN_UP and letter.error is not None
    for_good = refused and letter.state == LetterState.FAILED
    no_server = refused or await app.mail_server.fault(app.settings) is not None
    return await render_template(
        "accounts/email_sent.html",
        letter_id=letter.id,
        email_value=letter.email,
        trouble="address" if for_good else "server" if no_server else "",
        expires_at=letter.expires_at,
        again=again,
        minutes=30 if letter.kind == LetterKind.RESET else None,
    )


@blueprint.post("/letters/again")
@public
async def again() -> ResponseReturnValue:
    app = dashboard()
    if wait := await overdone((address_key("letter", request.remote_addr), FROM_ONE_ADDRESS)):
        return await too_many(wait, STAYS)
    letter_id = uuid_of((await request.form).get("letter", ""))
    letter = await _asked(letter_id) if letter_id else None
    if letter is None:
        return await error_page(410, TOO_OLD, ("/login", "Ко входу"))
    key = MAILBOX_KEYS[LetterKind(letter.kind)]
    if wait := await overdone(*to_mailbox(key, letter.email)):
        return await too_many(wait, STAYS)
    page = await letter_page(letter, again=True)
    async with app.database.sessions.begin() as session:
        taken = await account_letters.again(session, letter.id)
    if taken is not None:
        emails.send(app, taken)
    return page


async def _asked(letter_id: UUID) -> AccountLetter | None:
    """A letter of those that are asked for without a log-in."""
    async with dashboard().database.sessions() as session:
        letter = await account_letters.with_id(session, letter_id)
    return letter if letter is not None and letter.kind in MAILBOX_KEYS else None
