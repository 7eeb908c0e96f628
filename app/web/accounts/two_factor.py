"""Two-factor authentication with codes (TOTP): switching it on and off, recovery codes."""

from datetime import timedelta

import segno
from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app import audit_log
from app.accounts import totp, two_factor
from app.accounts.rate_limits import RateLimit
from app.audit_log import AuditEvent
from app.web.accounts import emails
from app.web.accounts.settings import account_page, refused
from app.web.context import dashboard, person
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("two_factor", __name__)

FIRST_CODES = RateLimit(10, timedelta(minutes=15))
QUIET = 4  # modules of white around a QR code (ISO/IEC 18004)

WRONG_CODE = "Код не подходит. Проверьте время на телефоне и введите следующий код."
NONE_ON = "Вход с кодом сейчас выключен."


@blueprint.post("/account/second-factor")
async def begin() -> ResponseReturnValue:
    if refusal := await refused("second_factor"):
        return refusal
    async with dashboard().database.sessions.begin() as session:
        await two_factor.start_enrolment(session, dashboard().keys, person().user_id)
    return redirect("/account/second-factor", 303)


@blueprint.get("/account/second-factor")
async def secret_page() -> ResponseReturnValue:
    return await _secret_form()


@blueprint.post("/account/second-factor/confirm")
async def confirm() -> ResponseReturnValue:
    if wait := await overdone((f"first-code:{person().user_id}", FIRST_CODES)):
        return await too_many(wait)
    code = "".join((await request.form).get("code", "").split())
    async with dashboard().database.sessions.begin() as session:
        codes = await two_factor.confirm(session, dashboard().keys, person().user_id, code)
        if codes is not None:
            await audit_log.write(session, person().user_id, AuditEvent.SECOND_FACTOR_ON)
    if codes is None:
        return await _secret_form(WRONG_CODE)
    emails.tell(dashboard(), person().user_id, person().email, "second_factor_on")
    return await _codes_page(codes)


@blueprint.post("/account/second-factor/remove")
async def remove() -> ResponseReturnValue:
    if refusal := await refused("second_factor"):
        return refusal
    async with dashboard().database.sessions.begin() as session:
        was_on = await two_factor.turn_off(session, person().user_id)
        if was_on:
            await audit_log.write(session, person().user_id, AuditEvent.SECOND_FACTOR_OFF)
    if was_on:
        emails.tell(dashboard(), person().user_id, person().email, "second_factor_off")
    await flash("Вход с кодом из телефона выключен.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/recovery-codes")
async def new_recovery_codes() -> ResponseReturnValue:
    if refusal := await refused("second_factor"):
        return refusal
    async with dashboard().database.sessions.begin() as session:
        if not await two_factor.is_on(session, person().user_id):
            return await account_page("second_factor", NONE_ON), 422
        codes = await two_factor.new_recovery_codes(session, person().user_id)
        await audit_log.write(session, person().user_id, AuditEvent.RECOVERY_CODES_MADE)
    return await _codes_page(codes)


def qr_path(text: str) -> tuple[int, str]:
    """A QR code as (side of a square, path of an SVG), white border included."""
    rows = [list(row) for row in segno.make_qr(text).matrix_iter(border=QUIET)]
    dots = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark]
    return len(rows), "".join(dots)


async def _secret_form(error: str | None = None) -> ResponseReturnValue:
    async with dashboard().database.sessions() as session:
        secret = await two_factor.secret_to_show(session, dashboard().keys, person().user_id)
    if secret is None:
        return redirect("/account", 303)
    side, path = qr_path(totp.address_of(secret, "Связка", person().email))
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    page = await render_template(
        "accounts/two_factor.html", side=side, path=path, secret=spaced, error=error
    )
    return (page, 422) if error else page


async def _codes_page(codes: list[str]) -> ResponseReturnValue:
    """The recovery codes are shown only now: we store their hashes."""
    return await render_template("accounts/recovery_codes.html", codes=codes)
