"""Every built-in entry against a server that plays its provider, through the real flow.

The entry is the shipped one; only scheme and host of its addresses lead to the local server.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import func, select, text, update

from app.config import Settings
from app.database.engine import Database
from app.models.connection import Connection, Grant
from app.outbound.client import HttpClient
from app.providers.provider import PUSHED_TOKEN
from app.providers.registry import BUILT_IN
from tests.providers.shapes import SHAPES
from tests.providers.shapes.oauth_service import OAuthService
from tests.providers.shapes.service import Service
from tests.providers.shapes.stand import ENTRIES, Stand, open_stand

REFRESHING = [shape for shape in SHAPES if shape.refreshes]


@pytest.fixture(params=SHAPES, ids=lambda shape: shape.__name__)
async def stand(
    request: pytest.FixtureRequest,
    settings: Settings,
    database: Database,
    http: HttpClient,
    tmp_path: Path,
) -> AsyncIterator[Stand]:
    async with open_stand(request.param(), settings, database, http, tmp_path) as stand:
        yield stand


def only(shapes: list[type[Service]]) -> pytest.MarkDecorator:
    """These shapes alone."""
    return pytest.mark.parametrize(
        "stand", shapes, ids=[shape.__name__ for shape in shapes], indirect=True
    )


def test_every_entry_is_played() -> None:
    first = [shape for shape in SHAPES if not shape.way]
    assert [shape.name for shape in first] == [each.name for each in BUILT_IN]
    delivering = [shape.name for shape in SHAPES if shape.kind == PUSHED_TOKEN]
    assert delivering == [each.name for each in BUILT_IN if each.push]
    for shape in first:
        entry = ENTRIES[shape.name]
        assert (shape.kind, shape.revokes) == (entry.kind, entry.can_revoke), shape.name


async def test_it_connects_and_the_card_names_the_account(stand: Stand) -> None:
    card = await stand.connect()
    assert (card["status"], card["details"]) == ("online", stand.service.label)
    assert (await stand.check(card))["status"] == "online"
    async with stand.database.sessions() as session:
        assert await session.scalar(select(Connection.account))


async def test_what_is_stored_shows_no_token(stand: Stand) -> None:
    await stand.connect()
    async with stand.database.sessions() as session:
        stored = await session.scalar(
            text("SELECT string_agg(c::text || g::text, '') FROM connections c, grants g")
        )
    assert stand.service.access not in (stored or "")
    assert stand.service.access not in await stand.person.page(f"/{stand.service.name}")


@only(REFRESHING)
async def test_an_expired_token_is_refreshed_and_goes_on_being_so(stand: Stand) -> None:
    service = cast(OAuthService, stand.service)
    card = await stand.connect()
    for _ in range(2):  # a rotated refresh token has to be the one that is used next
        service.expire()
        await end_in_the_database(stand)
        assert (await stand.check(card))["status"] == "online"
    assert (service.number, service.access) == (3, "access-3")


@only(REFRESHING)
async def test_a_grant_that_ended_is_told_and_a_reconnect_keeps_its_place(stand: Stand) -> None:
    card = await stand.connect()
    stand.service.end()
    assert await stand.shown(card) == stand.service.when_ended
    again = await stand.connect(card)
    assert (again["id"], again["status"]) == (card["id"], "online")
    assert again["details"] == stand.service.label


@only([shape for shape in SHAPES if not shape.refreshes])
async def test_a_dead_key_wants_a_new_one_and_keeps_its_place(stand: Stand) -> None:
    card = await stand.connect()
    stand.service.end()
    assert await stand.shown(card) == ("revoked", "revoked")
    again = await stand.connect(card)
    assert (again["id"], again["status"]) == (card["id"], "online")


async def test_too_many_requests_and_a_missing_right_are_told_apart(stand: Stand) -> None:
    card = await stand.connect()
    stand.service.trouble = "rate_limited"
    assert await stand.shown(card) == stand.service.when_limited
    stand.service.trouble = "forbidden"
    assert await stand.shown(card) == stand.service.when_forbidden
    stand.service.trouble = ""
    assert (await stand.check(card))["status"] == "online"


async def test_a_disconnect_revokes_or_says_where_to_do_it(stand: Stand) -> None:
    card = await stand.connect()
    await stand.person.post(f"/{stand.service.name}/disconnect", connection=card["id"])
    page = await stand.person.page()
    assert await stand.person.connected() == []
    if stand.service.revokes:
        assert len(cast(OAuthService, stand.service).revoked) == 1
        assert "доступ отозван и проверен" in page
    else:
        assert ENTRIES[stand.service.name].by_hand in page


async def end_in_the_database(stand: Stand) -> None:
    """As if the access token's life were over; a token without an end keeps none."""
    async with stand.database.sessions.begin() as session:
        await session.execute(
            update(Grant).where(Grant.expires_at.is_not(None)).values(expires_at=func.now())
        )
