"""Step 6 of 6 of a check, step 8 of 8 of a connect: turn changes into fragments of HTML, each
rendered once, and send them to every open page.
"""

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from quart import Blueprint, abort
from quart.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.accounts import sessions as user_sessions
from app.background import forever
from app.connections import pending_reconnects, queries
from app.connections.queries import CardRow
from app.history import uptime
from app.history.uptime import Pasts
from app.monitor import bulk_checks, heartbeats
from app.realtime.hub import LIST, Mailbox, Work
from app.web.connections.bulk_checks import round_event, tell_rounds
from app.web.connections.cards import Descriptor, describe, describe_all, for_page
from app.web.connections.fragments import card_html, gone_event, partial, unsettled_event
from app.web.context import Dashboard, dashboard, person
from app.web.sse import ServerSentEvent
from app.web.stream import connection
from app.web.stream.connection import streaming

log = logging.getLogger(__name__)

blueprint = Blueprint("stream", __name__)

BEAT_PAUSE = 1.0  # seconds between looks at whose heartbeat is due
BANNER_PATIENCE = 5.0  # seconds for the database to say so
BANNER_PAUSE = 5.0  # seconds between looks at whether anybody checks at all


@blueprint.get("/connections/stream")
async def stream() -> ResponseReturnValue:
    return streaming(person())


@blueprint.get("/connections/<uuid:connection_id>/stream")
async def stream_of_one(connection_id: UUID) -> ResponseReturnValue:
    app = dashboard()
    async with app.database.sessions() as session:
        if await queries.owned(session, person().user_id, connection_id) is None:
            abort(404)
    return streaming(person(), connection_id)


async def fan_out(app: Dashboard) -> None:
    """Until cancelled: read what the hub wants in as few queries as possible, and deliver it."""
    await forever(lambda: _fan_out_once(app))


async def watch_monitors(app: Dashboard) -> None:
    """Until cancelled: tell all open pages when checks stop or pause, and when they go on."""
    await forever(lambda: _watch_once(app), BANNER_PAUSE)


async def beat(app: Dashboard) -> None:
    """Until cancelled: a sign of life for every open page in its time."""
    await forever(lambda: _beat_once(app), BEAT_PAUSE)


async def banner_event(app: Dashboard) -> bytes:
    template = app.jinja_env.get_template("connections/_checks_paused.html")
    html = await template.render_async(checks_run=app.checks_run, is_offline=app.is_offline)
    return ServerSentEvent("", partial("#banner", "innerHTML", html)).encode()


async def _fan_out_once(app: Dashboard) -> None:
    work = await app.hub.work()
    try:
        await _want_lists_at(app, work.providers)
        await _deliver_cards(app, work)
        await _deliver_lists(app, work)
    except BaseException:
        app.hub.put_back(work)
        raise


async def _watch_once(app: Dashboard) -> None:
    try:
        async with asyncio.timeout(BANNER_PATIENCE), app.database.sessions() as session:
            checks_run = await heartbeats.monitor_alive(session)
            is_offline = await heartbeats.all_offline(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        checks_run, is_offline = False, False  # nobody can write down what they see
    if (checks_run, is_offline) != (app.checks_run, app.is_offline):
        app.checks_run, app.is_offline = checks_run, is_offline
        app.hub.broadcast("banner", await banner_event(app))


async def _beat_once(app: Dashboard) -> None:
    connection.beat(app.hub)


async def _want_lists_at(app: Dashboard, providers: set[str]) -> None:
    if not providers:
        return
    async with app.database.sessions() as session:
        app.hub.want_lists(await queries.users_at(session, providers, app.hub.user_ids))


async def _deliver_cards(app: Dashboard, work: Work) -> None:
    if not work.cards:
        return
    async with app.database.sessions() as session:
        rows = await queries.by_id(session, work.cards)
        pasts = await uptime.pasts(session, rows, app.settings.zone)
    for row in rows:
        if not app.hub.wants(row.user_id, row.id):
            continue
        try:
            event = await _card_event(app, row, pasts)
        except Exception:  # one card that cannot be shown must not cost anybody theirs
            log.exception("card of connection %s", row.id)
        else:
            app.hub.deliver(row.user_id, row.id, event)
    await tell_rounds(app, (row.user_id for row in rows))


async def _card_event(app: Dashboard, row: CardRow, pasts: Pasts) -> bytes:
    html = await card_html(app, describe(row, app.catalogue, app.settings.interval, pasts))
    return ServerSentEvent("", partial(f"#connection-{row.id}", "outerMorph", html)).encode()


async def _deliver_lists(app: Dashboard, work: Work) -> None:
    if not work.pages:
        return
    async with app.database.sessions() as session:
        alive = await user_sessions.alive(session, [page.session_hash for page in work.pages])
        rows = await queries.of_users(session, {page.user_id for page in work.pages})
        unsettled = await pending_reconnects.of_users(session, rows)
        under_way = await bulk_checks.of_users(session, rows)
        everybodys = [row for own in rows.values() for row in own]
        pasts = await uptime.pasts(session, everybodys, app.settings.zone)
    banner = await banner_event(app)
    events: dict[tuple[int, UUID | None], bytes] = {}
    for page in work.pages:
        if page.session_hash not in alive:
            page.close(expired=True)
            continue
        key = (page.user_id, page.only)
        if key not in events:
            own = rows.get(page.user_id, [])
            events[key] = (
                await _one_event(app, own, page.only, pasts)
                if page.only
                else await _list_event(app, own, pasts)
                + await unsettled_event(app, unsettled.get(page.user_id, []))
                + await round_event(app, under_way.get(page.user_id))
            )
            await asyncio.sleep(0)  # a list may be long, and others wait for the event loop
        _put_list(page, events[key], banner)


def _put_list(page: Mailbox, cards: bytes, banner: bytes) -> None:
    page.put(LIST, cards)
    page.put("banner", banner)


async def _one_event(app: Dashboard, own: list[CardRow], only: UUID, pasts: Pasts) -> bytes:
    """The snapshot of a page about one connection, which may be gone."""
    for row in own:
        if row.id == only:
            beside = [each for each in own if each.provider == row.provider]
            cards = describe_all(beside, app.catalogue, app.settings.interval)
            card = await _card_event(app, row, pasts)
            return card + await _outages_event(app, cards, app.zone_of(row.zone))
    return await gone_event(app)


async def _list_event(app: Dashboard, own: list[CardRow], pasts: Pasts) -> bytes:
    """All cards, and above them the providers that are out for everybody."""
    cards = for_page(describe_all(own, app.catalogue, app.settings.interval, pasts))
    zone = app.zone_of(own[0].zone if own else None)  # without a connection there are no times
    template = app.jinja_env.get_template("connections/_cards.html")
    html = await template.render_async(cards=cards, own_zone=zone)
    event = ServerSentEvent("", partial("#cards", "innerMorph", html)).encode()
    return event + await _outages_event(app, cards, zone)


async def _outages_event(app: Dashboard, cards: Sequence[Descriptor], zone: ZoneInfo) -> bytes:
    template = app.jinja_env.get_template("connections/_provider_outages.html")
    html = await template.render_async(cards=cards, own_zone=zone)
    return ServerSentEvent("", partial("#outages", "innerMorph", html)).encode()
