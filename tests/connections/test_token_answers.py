"""Connecting with token answers as they come, through the whole dashboard."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.config import Settings
from app.database.engine import Database
from app.models.connection import Grant
from app.monitor.loop import Monitor
from app.outbound.client import HttpClient
from tests.connections.scripted import GRANT, Says, Scripted, open_scripted

Open = Callable[..., Awaitable[Scripted]]


@pytest.fixture
async def opened(
    database: Database, settings: Settings, http: HttpClient, tmp_path: Path
) -> AsyncIterator[Open]:
    """Open the scripted provider with further keys in its entry."""
    async with AsyncExitStack() as stack:

        async def opened(more: str = "", me: str = "") -> Scripted:
            return await stack.enter_async_context(
                open_scripted(settings, database, http, tmp_path, more, me=me)
            )

        yield opened


async def grant(database: Database) -> Grant:
    async with database.sessions() as session:
        return (await session.scalars(select(Grant))).one()


async def revoked(acme: Scripted) -> list[str]:
    await Monitor(acme.person.app.checker)._revoke_due()
    return acme.revoked


CONNECTS = [
    Says(GRANT | {"error": None}),
    Says(GRANT | {"error": ""}),
    Says(GRANT | {"error": False}),
    Says(GRANT | {"token_type": "BearerToken"}),
    Says(GRANT | {"token_type": None}),
    Says(GRANT | {"token_type": ""}),
    Says(GRANT, content_type="text/plain"),
    Says(b"\xef\xbb\xbf" + b'{"access_token": "access-1"}', content_type="text/html"),
    Says("access_token=access-1&scope=read&token_type=bearer\n", content_type="text/plain"),
    Says(GRANT | {"scope": "a\x00b"}),
    Says(GRANT | {"scope": ["a\x00", "\x00"]}),
    Says(GRANT, status=201),
]


@pytest.mark.parametrize("says", CONNECTS)
async def test_it_connects(opened: Open, says: Says) -> None:
    acme = await opened()
    acme.token = says
    assert await acme.connect() == "/connections"
    assert (await acme.card())["status"] == "online"
    assert acme.shown == ["access-1"]


async def test_a_nested_token_connects(opened: Open) -> None:
    acme = await opened('token_path = "authed_user"')
    acme.token = Says({"ok": True, "authed_user": {"access_token": "access-1", "scope": "read"}})
    assert await acme.connect() == "/connections"
    assert acme.shown == ["access-1"]


NO_END: list[Any] = [0, "0", -1, 0.0, "-3600", 1e300, "1e400", "never", True]


@pytest.mark.parametrize("expires_in", NO_END)
async def test_an_end_that_nobody_means_is_neither_shown_nor_refreshed_for(
    opened: Open, database: Database, expires_in: object
) -> None:
    acme = await opened()
    acme.token = Says(GRANT | {"expires_in": expires_in})
    await acme.connect()
    for _ in range(2):
        card = await acme.person.check(await acme.card())
    assert card["expires_at"] is None
    assert (await grant(database)).expires_at is None
    assert len(acme.exchanges) == 1


REFUSED = [
    (Says({"error": "invalid_code"}), "exchange_refused", []),
    (Says({"error": {"code": "invalid_code"}}), "exchange_refused", []),
    (Says("error=bad_verification_code", content_type="text/plain"), "exchange_refused", []),
    (Says({"error": "invalid_grant"}, 400), "exchange_refused", []),
    (Says({"error": "invalid_client"}, 401), "misconfigured", []),
    (Says(b""), "bad_response", []),
    (Says("<html>"), "bad_response", []),
    (Says(status=503), "unreachable", []),
    (Says(GRANT | {"token_type": "mac"}), "bad_response", ["refresh-1"]),
    (Says(GRANT | {"token_type": "DPoP"}), "bad_response", ["refresh-1"]),
    (Says(GRANT | {"error": "server_error"}), "exchange_refused", ["refresh-1"]),
    (Says({"access_token": "a\x00b"}), "bad_response", []),
]


@pytest.mark.parametrize(("says", "error", "ended"), REFUSED)
async def test_what_does_not_connect_leaves_no_live_token(
    opened: Open, says: Says, error: str, ended: list[str]
) -> None:
    acme = await opened()
    acme.token = says
    assert await acme.connect() == f"/acme?error={error}"
    assert await acme.person.connected() == []
    assert await revoked(acme) == ended


async def test_a_token_that_leads_elsewhere_is_revoked(opened: Open) -> None:
    """The tenant's address comes with the token, and is none of this provider's."""
    more = """
        allowed_hosts = ["acme.example"]
        token_keep = ["endpoint"]
    """
    acme = await opened(more, me="{endpoint}/me")
    acme.token = Says(GRANT | {"endpoint": "https://evil.example"})
    assert await acme.connect() == "/acme?error=not_allowed"
    assert await revoked(acme) == ["refresh-1"]


@pytest.mark.parametrize(
    ("error", "page"), [("e-1042", "denied"), ("E-1042", "denied"), ("e-1043", "provider_error")]
)
async def test_a_cancel_may_have_a_name_of_its_own(opened: Open, error: str, page: str) -> None:
    acme = await opened('cancel_errors = ["E-1042"]')
    way = await acme.way()
    answer = {"state": way["state"], "error": error}
    assert await acme.person.come_back("acme", answer) == f"/acme?error={page}"


@pytest.mark.parametrize(
    ("more", "kind"), [("", "x-www-form"), ('revocation_format = "json"', "json")]
)
async def test_a_revocation_is_written_as_the_entry_says(
    opened: Open, more: str, kind: str
) -> None:
    acme = await opened(more)
    await acme.connect()
    await acme.person.post("/acme/disconnect")
    ((content, headers),) = acme.revocations
    assert content == {"token": "refresh-1", "token_type_hint": "refresh_token"}
    assert kind in headers["Content-Type"]
