"""Step 6 of 6 of a check, step 8 of 8 of a connect: turn changes into fragments of HTML, each
rendered once, and send them to every open page.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

from app.accounts import sessions as user_sessions
from app.background import forever
from app.connections import pending_reconnects, queries
from app.connections.pending_reconnects import PendingReconnect
from app.connections.queries import CardRow
from app.history import uptime
from app.history.uptime import Pasts
from app.logging import LogEvent
from app.monitor import bulk_checks
from app.monitor.bulk_checks import Progress
from app.realtime.hub import LIST, Mailbox, Work
from app.web.connections.bulk_checks import bulk_check_event, tell_bulk_checks
from app.web.connections.cards import Descriptor, describe, describe_all, for_page
from app.web.connections.fragments import (
    Fragment,
    card_fragment,
    card_fragments,
    gone_event,
    partial,
    pending_reconnects_event,
)
from app.web.context import Dashboard
from app.web.sse import ServerSentEvent
from app.web.stream.banner import banner_event
from app.web.stream.known_cards import Known, what_differs
from app.web.stream.waiting import count_waiting, tell_waiting, waiting_event

log = logging.getLogger(__name__)


async def fan_out(app: Dashboard) -> None:
    """Until cancelled: read what the hub wants in as few queries as possible, and deliver it."""
    await forever(lambda: _fan_out_once(app))


async def _fan_out_once(app: Dashboard) -> None:
    work = await app.hub.work()
    try:
        await _want_lists_at(app, work.providers)
        await _deliver_cards(app, work)
        await _deliver_lists(app, work)
    except BaseException:
        app.hub.put_back(work)
        raise


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
            event = _replacing(await _fragment(app, row, pasts))
        except Exception:  # a card that cannot be rendered must not keep others from being sent
            log.exception(LogEvent("card_not_rendered", connection=row.id))
        else:
            app.hub.deliver(row.user_id, row.id, event)
    user_ids = {row.user_id for row in rows}
    await tell_bulk_checks(app, user_ids)
    await tell_waiting(app, user_ids)


async def _fragment(app: Dashboard, row: CardRow, pasts: Pasts) -> Fragment:
    return await card_fragment(app, describe(row, app.catalogue, app.settings.interval, pasts))


def _replacing(card: Fragment) -> bytes:
    """The event that puts a card in the place of its older self."""
    return ServerSentEvent("", partial(f"#{card.key}", "outerMorph", card.markup)).encode()


async def _deliver_lists(app: Dashboard, work: Work) -> None:
    """Pages of one user get the same bytes; a page whose session is over is closed."""
    if not work.pages:
        return
    snapshot = await _read_snapshot(app, work.pages)
    banner = await banner_event(app)
    boards: dict[tuple[int, UUID | None], _Board] = {}
    for page in work.pages:
        if page.session_hash not in snapshot.alive:
            page.close(expired=True)
            continue
        key = (page.user_id, page.only)
        if key not in boards:
            boards[key] = await _board(app, snapshot, *key)
        page.put(LIST, boards[key].event_for(page.known))
        page.known = None  # whatever comes next, it is not on the page yet
        page.waiting = count_waiting(snapshot.rows.get(page.user_id, ()))
        page.put("waiting", waiting_event(page.waiting))
        page.put("banner", banner)
        await asyncio.sleep(0)  # a list may be long, and others wait for the event loop


@dataclass(frozen=True)
class _Snapshot:
    """What the pages of several users show, by user id but `pasts`; read in one go."""

    alive: Collection[bytes]  # hashes of the sessions that are not over
    rows: Mapping[int, list[CardRow]]
    pending: Mapping[int, list[PendingReconnect]]
    under_way: Mapping[int, Progress]
    pasts: Pasts


async def _read_snapshot(app: Dashboard, pages: Sequence[Mailbox]) -> _Snapshot:
    async with app.database.sessions() as session:
        alive = await user_sessions.alive(session, [page.session_hash for page in pages])
        rows = await queries.of_users(session, {page.user_id for page in pages})
        return _Snapshot(
            alive,
            rows,
            await pending_reconnects.of_users(session, rows),
            await bulk_checks.of_users(session, rows),
            await uptime.pasts(session, list(chain(*rows.values())), app.settings.zone),
        )


@dataclass(frozen=True)
class _Board:
    """All that a page shows: of one connection, or of all of them."""

    cards: Sequence[Fragment]
    whole: bytes  # the event with the whole list
    beside: bytes  # events about all the rest of the page

    def event_for(self, known: Known | None) -> bytes:
        differing = what_differs(known, self.cards)
        if differing is None:
            return self.whole + self.beside
        return b"".join(map(_replacing, differing)) + self.beside


async def _board(app: Dashboard, snapshot: _Snapshot, user_id: int, only: UUID | None) -> _Board:
    own = snapshot.rows.get(user_id, [])
    if only is not None:
        return await _board_of_one(app, own, only, snapshot.pasts)
    cards = for_page(describe_all(own, app.catalogue, app.settings.interval, snapshot.pasts))
    zone = app.zone_of(own[0].zone if own else None)  # a page without a connection shows no times
    fragments = await card_fragments(app, cards)
    template = app.jinja_env.get_template("connections/_cards.html")
    html = await template.render_async(fragments=fragments)
    return _Board(
        fragments,
        ServerSentEvent("", partial("#cards", "innerMorph", html)).encode(),
        b"".join(
            [
                await _outages_event(app, cards, zone),
                await pending_reconnects_event(app, snapshot.pending.get(user_id, [])),
                await bulk_check_event(app, snapshot.under_way.get(user_id)),
            ]
        ),
    )


async def _board_of_one(app: Dashboard, own: list[CardRow], only: UUID, pasts: Pasts) -> _Board:
    """Of a connection that may be gone."""
    for row in own:
        if row.id == only:
            same = [each for each in own if each.provider == row.provider]
            cards = describe_all(same, app.catalogue, app.settings.interval)
            card = await _fragment(app, row, pasts)
            outages = await _outages_event(app, cards, app.zone_of(row.zone))
            return _Board([card], _replacing(card), outages)
    return _Board([], await gone_event(app), b"")


async def _outages_event(app: Dashboard, cards: Sequence[Descriptor], zone: ZoneInfo) -> bytes:
    template = app.jinja_env.get_template("connections/_provider_outages.html")
    html = await template.render_async(cards=cards, own_zone=zone)
    return ServerSentEvent("", partial("#outages", "innerMorph", html)).encode()
