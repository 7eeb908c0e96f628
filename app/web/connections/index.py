"""The page of all connections, and «Проверить»."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from urllib.parse import quote
from uuid import UUID

from quart import Blueprint, abort, flash, jsonify, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app import audit_log
from app.accounts import rate_limits, users
from app.accounts.rate_limits import RateLimit
from app.accounts.sessions import CurrentUser
from app.alerts import channel_settings
from app.audit_log import AuditEvent
from app.connections import pending_reconnects, queries
from app.connections.queries import CardRow
from app.history import uptime
from app.i18n.connection_titles import has_tag
from app.models.connection import Status
from app.monitor import bulk_checks
from app.providers.provider import Provider
from app.web.connections.bulk_checks import facts
from app.web.connections.cards import Descriptor, describe, describe_all, for_page, is_paused
from app.web.connections.check_labels import (
    NO_CONNECTIVITY,
    PAUSED,
    STILL_UNDER_WAY,
    TOO_SOON,
    provider_asks_to_wait,
)
from app.web.connections.fragments import card_fragments, card_html
from app.web.connections.tag_groups import by_first_tag, tags_on
from app.web.context import Dashboard, dashboard, person, titles
from app.web.middleware.error_pages import error_page
from app.web.url_params import choice_of

blueprint = Blueprint("connections", __name__)

LONGEST_SEARCH = 100  # characters
BY_HAND = RateLimit(1, timedelta(seconds=10))
NOTHING_MORE: Mapping[str, str] = {}
FILTERS_FROM = 6  # connections; fewer are seen at once
ROWS, CARDS = "rows", "cards"  # how the board shows what works


@blueprint.get("/connections")
async def index() -> ResponseReturnValue:
    app, known = dashboard(), person()
    async with app.database.reading() as session:
        rows = await queries.of_user(session, known.user_id)
        pending = (
            await pending_reconnects.of_users(session, [known.user_id]) if known.reconnects else {}
        )
        under_way = await bulk_checks.of_users(session, [known.user_id]) if known.checks_all else {}
        pasts = await uptime.pasts(session, rows, app.settings.zone)
        # Where there is mail, everybody is reached, or has chosen not to be.
        reachable = app.settings.sends_mail or await channel_settings.has_any(
            session, known.user_id
        )
    cards = describe_all(rows, app.catalogue, app.settings.interval, pasts)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(connections=[card.as_json() for card in cards])
    return await render_template(
        "connections/index.html",
        **await _board(app, known, cards),
        sends_mail=app.settings.sends_mail,
        unreachable=bool(rows) and not reachable,
        pending=pending.get(known.user_id, []),
        titles=titles(app),
        interval=round(app.settings.interval),
        **facts(app, under_way.get(known.user_id)),
    )


async def _board(
    app: Dashboard, known: CurrentUser, cards: Sequence[Descriptor]
) -> dict[str, object]:
    """The list itself, and what was chosen of it in the address."""
    on_page = for_page(cards)
    search = request.args.get("q", "").strip()[:LONGEST_SEARCH].lower()
    tags = tags_on(cards)
    tag = next((each for each in tags if has_tag([each], [request.args.get("tag", "")])), "")
    shown = [card for card in on_page if _matches(card, search, tag)]
    count = sum(card.connected for card in cards)
    return {
        "cards": on_page,
        "fragments": await card_fragments(app, shown),
        "count": count,
        "filtered": count >= FILTERS_FROM or bool(tags or request.args),
        "view": known.board_view or (CARDS if count < FILTERS_FROM else ROWS),
        "search": search,
        "tag_choices": [(each, each) for each in tags],
        "tag": tag,
        "group": _chosen("group", ("tag",)),
        "by_first_tag": by_first_tag,
        "show": _chosen("show", ("online", "trouble", "none")),
    }


@blueprint.post("/connections/view")
async def view() -> ResponseReturnValue:
    chosen = choice_of((ROWS, CARDS), (await request.form).get("view")) or abort(400)
    async with dashboard().database.sessions.begin() as session:
        await users.set_board_view(session, person().user_id, chosen)
    return redirect("/connections", 303)


@blueprint.get("/connections/<uuid:connection_id>/disconnect")
async def ask_before_disconnect(connection_id: UUID) -> ResponseReturnValue:
    """For browsers without our scripts; others ask in place."""
    card = await _card(await _own_row(connection_id))
    return await render_template("connections/disconnect.html", card=card)


@blueprint.post("/connections/<uuid:connection_id>/checks")
async def check(connection_id: UUID) -> ResponseReturnValue:
    app = dashboard()
    row = await _own_row(connection_id)
    provider = app.catalogue.get(row.provider)
    if is_paused(row):
        return await _refused(row, 409, PAUSED)
    if provider and (wait := _provider_wait(provider, row)):
        return await _too_soon(row, wait, provider_asks_to_wait(provider.title, wait))
    async with app.database.sessions.begin() as session:
        wait = await rate_limits.attempt(session, f"check:{connection_id}", BY_HAND) or 0
        if not wait:
            await audit_log.write_of(session, AuditEvent.CHECKED, [connection_id])
    if wait:
        return await _too_soon(row, wait, TOO_SOON)
    outcome = await app.checker.check_now(connection_id)
    said = "" if isinstance(outcome, Status) else _why_no_verdict(app)
    if request.headers.get("HX-Request"):
        row = await _own_row(connection_id)
        return await card_html(app, await _card(row)), 200, _notice(said)
    if said:
        await flash(said, "warn")
    return redirect("/connections", 303)


def _why_no_verdict(app: Dashboard) -> str:
    return NO_CONNECTIVITY if app.checker.connectivity.is_offline else STILL_UNDER_WAY


def _provider_wait(provider: Provider, row: CardRow) -> int:
    """Seconds until the provider allows the next check of this connection."""
    if row.last_checked_at is None:
        return 0
    since: float = (row.read_at - row.last_checked_at).total_seconds()
    return max(0, ceil(provider.min_interval - since))


async def _too_soon(row: CardRow, wait: int, text: str) -> ResponseReturnValue:
    return await _refused(row, 429, text, {"Retry-After": str(wait)})


async def _refused(
    row: CardRow, code: int, text: str, headers: Mapping[str, str] = NOTHING_MORE
) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return await card_html(dashboard(), await _card(row)), code, {**headers, **_notice(text)}
    page, status, extra = await error_page(code, text)
    return page, status, {**headers, **extra}


def _notice(text: str) -> dict[str, str]:
    """A header with a message about the fragment; static/form_busy.js shows it."""
    return {"Notice": quote(text)} if text else {}


async def _own_row(connection_id: UUID) -> CardRow:
    """404 for a connection of another user."""
    async with dashboard().database.sessions() as session:
        row = await queries.owned(session, person().user_id, connection_id)
    if row is None:
        abort(404)
    return row


async def _card(row: CardRow) -> Descriptor:
    app = dashboard()
    async with app.database.sessions() as session:
        pasts = await uptime.pasts(session, [row], app.settings.zone)
    return describe(row, app.catalogue, app.settings.interval, pasts)


def _chosen(name: str, known: Sequence[str]) -> str:
    """A choice in the query string; "" is the default. All cards are rendered whatever is chosen,
    and the style sheet hides some: so the choice stays in force when the stream replaces cards.
    """
    return choice_of(known, request.args.get(name)) or ""


def _matches(card: Descriptor, search: str, tag: str) -> bool:
    return search in card.words and has_tag(card.tags, [tag] if tag else [])
