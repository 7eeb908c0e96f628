"""Changing the e-mail address: confirmed by e-mails to the old and the new one, or by the password
alone where no e-mail can be sent.
"""

from datetime import timedelta

from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app.accounts import email_change, users
from app.accounts.email_change import ConfirmResult
from app.accounts.rate_limits import RateLimit, address_key
from app.alerts import account_letters
from app.models.account import LetterKind
from app.web.accounts import emails
from app.web.accounts.settings import account_page, refused
from app.web.accounts.sign_up import FAULTS, fault_in_mailbox
from app.web.context import dashboard, person, person_or_none
from app.web.middleware.authentication import public
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import LINKS, overdone

blueprint = Blueprint("email_change", __name__)

CHANGES = RateLimit(3, timedelta(hours=1))

SAME = "Это и есть ваша почта."
TAKEN = "Эту почту уже использует другая учётная запись."
SENT = "Отправили два письма: на прежний и на новый адрес. Подтвердите в обоих."
SENT_AGAIN = "Отправили ещё раз: туда, где ещё не подтвердили. Прежние ссылки больше не действуют."
QUEUED = (
    "Наш почтовый сервер сейчас не принимает письма. Оба стоят в очереди: отправим сами, как "
    "только он заработает."
)
CHANGED = "Почта изменена. Теперь входите с ней."
ANSWERED = {
    ConfirmResult.DONE: ("ok", CHANGED),
    ConfirmResult.WAITING: (
        "ok",
        "Этот адрес подтверждён. Осталось подтвердить в письме на другой.",
    ),
    ConfirmResult.TAKEN: ("bad", TAKEN),
    ConfirmResult.EXPIRED: ("bad", "Ссылка устарела или уже использована."),
}


@blueprint.post("/account/email")
async def change() -> ResponseReturnValue:
    email = (await request.form).get("email", "").strip()
    if users.is_no_email(email):
        return await account_page("email", FAULTS["email"]), 422
    if email == person().email:
        return await account_page("email", SAME), 422
    if refusal := await refused("email"):
        return refusal
    if fault := await fault_in_mailbox(email):
        return await account_page("email", fault), 422
    if dashboard().settings.sends_mail:
        return await _by_letters(email)
    return await _at_once(email)


@blueprint.post("/account/email/again")
async def again() -> ResponseReturnValue:
    """New links to the mailboxes that have not confirmed; those that were sent before end."""
    async with dashboard().database.sessions() as session:
        email = await email_change.pending(session, person().user_id)
    if email is None or not dashboard().settings.sends_mail:
        return redirect("/account", 303)
    return await _by_letters(email, anew=False)


@blueprint.post("/account/email/forget")
async def forget() -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        await email_change.forget(session, person().user_id)
    await flash("Почта остаётся прежней.", "ok")
    return redirect("/account", 303)


@blueprint.get("/account/email/confirm")
@public
async def confirm_page() -> ResponseReturnValue:
    link = request.args.get("link", "")
    async with dashboard().database.sessions() as session:
        email = await email_change.address_of(session, link)
    if email is None:
        return await _answered(ConfirmResult.EXPIRED), 410
    return await render_template(
        "accounts/email_change_confirmation.html", link=link, new_email=email
    )


@blueprint.post("/account/email/confirm")
@public
async def confirm() -> ResponseReturnValue:
    link = (await request.form).get("link", "")
    if wait := await overdone((address_key("link", request.remote_addr), LINKS)):
        return await too_many(wait)
    async with dashboard().database.sessions.begin() as session:
        answer = await email_change.answer(session, link)
    page = await _answered(answer)
    return page if answer in (ConfirmResult.DONE, ConfirmResult.WAITING) else (page, 410)


async def _by_letters(email: str, *, anew: bool = True) -> ResponseReturnValue:
    """`anew`: both have to confirm, whatever was confirmed before."""
    app, who = dashboard(), person()
    if wait := await overdone((f"mail:{who.user_id}", CHANGES)):
        return await too_many(wait)
    async with app.database.sessions.begin() as session:
        if anew:
            await email_change.start(session, who.user_id, email)
        to_both = (LetterKind.EMAIL_OLD, who.email), (LetterKind.EMAIL_NEW, email)
        letters = [
            await account_letters.put(session, kind, to, who.user_id, email) for kind, to in to_both
        ]
    emails.send(app, *letters)
    if await app.mail_server.fault(app.settings) is None:
        await flash(SENT if anew else SENT_AGAIN, "ok")
    else:
        await flash(QUEUED, "warn")
    return redirect("/account", 303)


async def _at_once(email: str) -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        taken = await email_change.take(session, person().user_id, email)
    if not taken:
        return await account_page("email", TAKEN), 422
    await flash(CHANGED, "ok")
    return redirect("/account", 303)


async def _answered(answer: ConfirmResult) -> str:
    tone, text = ANSWERED[answer]
    way_on = "/login" if person_or_none() is None else "/account"
    return await render_template(
        "accounts/email_change_result.html", tone=tone, text=text, way_on=way_on
    )
