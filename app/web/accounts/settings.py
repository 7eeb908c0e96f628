"""The page of the user's own account, and the settings that it changes directly."""

import json
from datetime import timedelta
from uuid import UUID

from quart import Blueprint, Response, abort, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app import audit_log
from app.accounts import data_export, email_change, passkeys, passwords, two_factor, users
from app.accounts import sessions as user_sessions
from app.accounts.rate_limits import RateLimit
from app.audit_log import AuditEvent
from app.i18n.timezones import ZONES
from app.web.accounts import emails
from app.web.accounts.log_in import enter
from app.web.accounts.sign_up import FAULTS
from app.web.context import dashboard, person
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone, wrong_password

blueprint = Blueprint("account_settings", __name__)

TAKEOUTS = RateLimit(10, timedelta(hours=1))


@blueprint.get("/account")
async def show() -> ResponseReturnValue:
    return await account_page()


@blueprint.post("/account/password")
async def password() -> ResponseReturnValue:
    """Ends all sessions; this browser gets a new one."""
    form = await request.form
    new = form.get("new_password", "")
    if fault := passwords.fault_in_password(new):
        return await account_page("password", FAULTS[fault]), 422
    if refusal := await refused("password"):
        return refusal
    password_hash, who = await passwords.hash_password(new), person()
    async with dashboard().database.sessions.begin() as session:
        await users.change_password(session, who.user_id, password_hash)
        await enter(session, who.user_id, event=None)  # the device was signed in already
    emails.tell(dashboard(), who.user_id, who.email, "password")
    await flash("Пароль изменён, остальные сеансы завершены.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/zone")
async def zone() -> ResponseReturnValue:
    chosen = (await request.form).get("zone", "")
    if chosen and chosen not in ZONES:
        abort(400)
    async with dashboard().database.sessions.begin() as session:
        await users.set_zone(session, person().user_id, chosen or None)
    await flash("Часовой пояс сохранён.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/sessions/<uuid:session_id>/end")
async def end_session(session_id: UUID) -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        if not await user_sessions.end(session, person().user_id, session_id):
            abort(404)
        await audit_log.write(session, person().user_id, AuditEvent.SESSIONS_ENDED)
    await flash("Сеанс завершён.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/sessions/end-others")
async def end_other_sessions() -> ResponseReturnValue:
    who = person()
    async with dashboard().database.sessions.begin() as session:
        await user_sessions.end_others(session, who.user_id, who.session_hash)
        await audit_log.write(session, who.user_id, AuditEvent.SESSIONS_ENDED)
    await flash("Остальные сеансы завершены.", "ok")
    return redirect("/account", 303)


@blueprint.get("/account/data")
async def data() -> ResponseReturnValue:
    if wait := await overdone((f"data:{person().user_id}", TAKEOUTS)):
        return await too_many(wait)
    async with dashboard().database.sessions.begin() as session:
        await audit_log.write(session, person().user_id, AuditEvent.DATA_TAKEN)
        everything = await data_export.everything_of(session, person().user_id)
    text = json.dumps(everything, ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": 'attachment; filename="svyazka.json"'}
    return Response(text + "\n", mimetype="application/json", headers=headers)


async def account_page(part: str = "", fault: str = "") -> str:
    """The page; `fault` is shown in the section `part`."""
    who, app = person(), dashboard()
    async with app.database.sessions() as session:
        return await render_template(
            "accounts/settings.html",
            part=part,
            fault=fault,
            who=who,
            sends_mail=app.settings.sends_mail,
            pending_email=await email_change.pending(session, who.user_id),
            second_factor=await two_factor.is_on(session, who.user_id),
            recovery_codes=await two_factor.recovery_codes_left(session, who.user_id),
            can_have_passkeys=app.site.can_have_passkeys,
            passkeys=await passkeys.of_person(session, who.user_id),
            sessions=await user_sessions.of_user(session, who.user_id),
            zones=ZONES,
            server_zone=app.settings.zone.key,
        )


async def refused(part: str) -> ResponseReturnValue | None:
    """None if the password in the form is right; else the answer."""
    refusal = await wrong_password()
    if isinstance(refusal, str):
        return await account_page(part, refusal), 422
    return refusal
