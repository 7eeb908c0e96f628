"""The calendar of what ends: its address, and what a calendar program gets there."""

import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

from quart import Blueprint, Response, abort, redirect, request
from quart.typing import ResponseReturnValue

from app.accounts import calendar_links
from app.accounts.calendar_links import CalendarOwner
from app.accounts.rate_limits import RateLimit, address_key
from app.connections import queries
from app.database.secret_hashes import secret_hash
from app.web.connections.cards import Descriptor, describe
from app.web.connections.expiries import ending, expiries_page
from app.web.connections.icalendar import Deadline
from app.web.connections.icalendar import calendar as calendar_of
from app.web.context import dashboard, person
from app.web.middleware.authentication import public
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("calendar", __name__)

NAME = "Сроки Связки"
READS = RateLimit(60, timedelta(minutes=15))  # of one calendar, by however many programs
GUESSES = RateLimit(30, timedelta(minutes=15))  # of one network address
PRIVATE = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex"}


@blueprint.post("/expiries/calendar")
async def make() -> ResponseReturnValue:
    """Shows the new address, this once: we keep its hash."""
    async with dashboard().database.sessions.begin() as session:
        secret = await calendar_links.make(session, person().user_id)
    address = f"{dashboard().settings.public_url}/expiries/{secret}.ics"
    return await expiries_page(address)


@blueprint.post("/expiries/calendar/off")
async def revoke() -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        await calendar_links.revoke(session, person().user_id)
    return redirect("/expiries#calendar", 303)


@blueprint.get("/expiries/<secret>.ics")
@public
async def read(secret: str) -> ResponseReturnValue:
    """Whoever has the address may read it: a calendar program has no cookie."""
    app = dashboard()
    async with app.database.reading() as session:
        owner = await calendar_links.owner(session, secret)
    if wait := await overdone(_attempt(owner, secret)):
        return await too_many(wait)
    if owner is None:
        abort(404)
    text = await _calendar(owner)
    answer = Response(text, mimetype="text/calendar", headers=PRIVATE)
    answer.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
    await answer.make_conditional(request)
    return answer


def _attempt(owner: CalendarOwner | None, secret: str) -> tuple[str, RateLimit]:
    """Programs of many people may ask from one address, so only wrong ones count by it."""
    if owner is None:
        return address_key("calendar", request.remote_addr), GUESSES
    return f"calendar:{secret_hash(secret).hex()[:16]}", READS


async def _calendar(owner: CalendarOwner) -> str:
    app = dashboard()
    async with app.database.reading() as session:
        rows = await queries.of_user(session, owner.user_id)
        changed = await queries.granted_at(session, [row.id for row in rows])
    cards = ending([describe(row, app.catalogue, app.settings.interval) for row in rows])
    zone = app.zone_of(owner.zone)
    deadlines = [
        Deadline(
            uid=f"{card.id}@{urlsplit(app.settings.public_url).hostname}",
            day=card.expires_at.astimezone(zone).date(),
            stamp=changed[card.id],
            summary=_summary(card),
            description=_advice(card),
            url=f"{app.settings.public_url}/connections/{card.id}",
        )
        for card in cards
        if card.id in changed and card.expires_at is not None
    ]
    return calendar_of(NAME, deadlines)


def _summary(card: Descriptor) -> str:
    what = "Закончится ключ" if card.by_key else "Закончится доступ"
    return f"{what}: {card.full_title}"


def _advice(card: Descriptor) -> str:
    if card.by_key:
        return "Создайте у сервиса новый ключ и нажмите в Связке «Заменить ключ»."
    return "Нажмите в Связке «Продлить» и разрешите доступ ещё раз."
