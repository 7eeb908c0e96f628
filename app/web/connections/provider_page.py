"""The page of one provider: what it gives, the form for credentials, the connected accounts."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from quart import abort, render_template
from sqlalchemy.ext.asyncio import AsyncSession

from app.connections import account_ownership, installations, pairing_codes, queries
from app.connections.oauth_states import ConnectError
from app.connections.pairing_codes import PairingCode
from app.errors import SealingError
from app.grants import store
from app.grants.shown_keys import shown_keys
from app.history import uptime
from app.models.connection import Status
from app.providers.provider import API_KEY, Provider
from app.web.connections.cards import describe
from app.web.connections.connect_error_labels import connect_error
from app.web.connections.fragments import card_html
from app.web.context import dashboard, person
from app.web.url_params import uuid_of

NOTHING: Mapping[str, str] = {}
WANTING = (Status.BLOCKED, Status.REVOKED)  # statuses in which only a new delivered token helps


async def provider_page(
    provider: Provider,
    error: str | None = None,
    connection: UUID | None = None,
    entered: Mapping[str, str] = NOTHING,
    faults: Mapping[str, str] = NOTHING,
    refused: str = "",
) -> str:
    """`connection` is the one to reconnect; `entered` and `faults` are by field; `refused` says
    why a key is not taken.
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
        shown=[await card_html(app, card) for card in cards],
        pushed=[card for card in cards if card.id in pushed],
        keys=keys if provider.kind == API_KEY else {},
        configured=provider.configured,
        way_in=way_in,
        wanting=[card for card in cards if card.delivered and card.status in WANTING],
        trouble=connect_error(known, provider.title, bool(cards)) if known else None,
        connection=connection,
        entered=entered,
        faults=faults,
        refused=refused,
    )


@dataclass(frozen=True)
class Installing:
    """How far the user is with connecting through an installation at the provider."""

    code: PairingCode | None
    awaited: list[str]  # accounts whose token has not been delivered yet


async def installing(session: AsyncSession, provider: Provider) -> Installing | None:
    """None if this provider does not deliver tokens."""
    if not provider.takes_pushes:
        return None
    keys, user_id = dashboard().keys, person().user_id
    return Installing(
        await pairing_codes.current(session, keys, user_id, provider.name),
        await account_ownership.awaited(session, user_id, provider.name),
    )


async def known_fields(provider: Provider, connection_id: UUID) -> Mapping[str, str]:
    """What was typed in for this connection before, without secrets."""
    plain = [each.name for each in provider.fields if not each.secret]
    with suppress(SealingError):
        async with dashboard().database.sessions() as session:
            kept = await store.kept_of(session, dashboard().keys, connection_id)
        return {name: kept[name] for name in plain if name in kept}
    return NOTHING


async def own_connection(provider: str, given: str | None) -> UUID | None:
    """The id, if it is a connection of this user to this provider; else 404."""
    if not given:
        return None
    connection_id = uuid_of(given) or abort(404)
    async with dashboard().database.sessions() as session:
        row = await queries.owned(session, person().user_id, connection_id)
    if row is None or row.provider != provider:
        abort(404)
    return connection_id


def provider_named(name: str) -> Provider:
    """A name that an address has is in the catalogue: no other one matches its rule."""
    return dashboard().catalogue[name]
