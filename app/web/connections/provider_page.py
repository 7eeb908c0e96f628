"""The page of one provider: what it gives, what to type in, the accounts that are connected; and
what every request about a provider begins and ends with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from quart import abort, flash, redirect, render_template
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from app.connections import account_ownership, installations, pairing_codes, queries
from app.connections.connect_result import ConnectPlace, ConnectResult
from app.connections.oauth_states import ConnectError
from app.connections.pairing_codes import PairingCode
from app.grants.shown_keys import shown_keys
from app.history import uptime
from app.models.connection import Status
from app.providers.provider import API_KEY, Provider
from app.web.connections.cards import describe
from app.web.connections.connect_error_labels import connect_error
from app.web.connections.form_labels import BY_HAND
from app.web.connections.labels import FLASH
from app.web.connections.reconnect_labels import ELSEWHERE, WAITS, called, scope_news
from app.web.context import dashboard, person
from app.web.url_params import uuid_of

NOTHING: Mapping[str, str] = {}
WANTING = (Status.BLOCKED, Status.REVOKED)  # a delivered token that only a new one helps
CONNECTED = {Status.ONLINE: "connected", Status.CHECKING: "connected_waiting"}
GOOD_NEWS = (
    "connected",
    "disconnected_proven",
    "disconnected_revoked",
    "disconnected_already",
    "disconnected_shared",
)


async def provider_page(
    provider: Provider,
    error: str | None = None,
    connection: UUID | None = None,
    typed: Mapping[str, str] = NOTHING,
    faults: Mapping[str, str] = NOTHING,
    refused: str = "",
) -> str:
    """`connection` is the one to reconnect; `typed` and `faults` are by field; `refused` is why
    the provider did not take a key.
    """
    app = dashboard()
    async with app.database.sessions() as session:
        rows = await queries.of_user(session, person().user_id)
        own = [row for row in rows if row.provider == provider.name]
        pasts = await uptime.pasts(session, own, app.settings.zone)
        keys = await shown_keys(session, app.keys, [row.id for row in own])
        pushed = await installations.pushed_to(session, person().user_id, provider.name)
        way_in = await installing(session, provider)
    cards = [describe(row, app.catalogue, app.settings.interval, pasts) for row in own]
    known = error if error in set(ConnectError) else None
    return await render_template(
        "connections/provider_page.html",
        provider=provider,
        cards=cards,
        pushed=[card for card in cards if card.id in pushed],
        keys=keys if provider.kind == API_KEY else {},
        configured=provider.configured,
        way_in=way_in,
        wanting=[card for card in cards if card.delivered and card.status in WANTING],
        trouble=connect_error(known, provider.title, bool(cards)) if known else None,
        connection=connection,
        typed=typed,
        faults=faults,
        refused=refused,
    )


@dataclass(frozen=True)
class Installing:
    """How far the person is on the way through an installation."""

    code: PairingCode | None
    awaited: list[str]  # accounts whose token has not come


async def installing(session: AsyncSession, provider: Provider) -> Installing | None:
    """None: there is no such way at this provider."""
    if not provider.takes_pushes:
        return None
    keys, user_id = dashboard().keys, person().user_id
    return Installing(
        await pairing_codes.current(session, keys, user_id, provider.name),
        await account_ownership.awaited(session, user_id, provider.name),
    )


async def own_connection(provider: str, given: str | None) -> UUID | None:
    """The person's own connection that is named; 404 for somebody else's."""
    if not given:
        return None
    connection_id = uuid_of(given) or abort(404)
    async with dashboard().database.sessions() as session:
        row = await queries.owned(session, person().user_id, connection_id)
    if row is None or row.provider != provider:
        abort(404)
    return connection_id


async def tell_landing(provider: Provider, landed: ConnectResult | None) -> ResponseReturnValue:
    """Say what became of a grant, and which scopes went and came; or ask where it belongs."""
    if landed is not None and landed.place is ConnectPlace.ASKS:
        return redirect(f"/connections/{landed.connection_id}/choice", 303)
    if landed is None:
        await flash_text("connected_waiting", provider)
    elif landed.place is ConnectPlace.WAITS:
        await flash(WAITS.format(name=provider.title), "warn")
    elif landed.place is ConnectPlace.ELSEWHERE:
        label = called(landed.label, None)
        await flash(ELSEWHERE.format(name=provider.title, label=label), "warn")
    else:
        await flash_text(CONNECTED.get(landed.status, "connected_failing"), provider)
    await _tell_scopes(provider, landed)
    return redirect("/connections", 303)


async def flash_text(code: str, provider: Provider) -> None:
    category = "ok" if code in GOOD_NEWS else "warn"
    by_hand = provider.by_hand or BY_HAND
    await flash(FLASH[code].format(name=provider.title, by_hand=by_hand), category)


async def _tell_scopes(provider: Provider, landed: ConnectResult | None) -> None:
    if landed and (news := scope_news(provider, landed.lost, landed.gained)):
        await flash(news, "warn" if landed.lost else "ok")


def failed(provider: str, error: ConnectError) -> ResponseReturnValue:
    return redirect(f"/{provider}?error={error.value}", 303)


def known(provider: str) -> Provider:
    return dashboard().catalogue[provider]
