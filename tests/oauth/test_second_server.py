"""Our own flow against an OAuth server that somebody else wrote: oidc-provider-mock on Authlib.

What it cannot show, and the sandbox does: it accepts any code verifier (no PKCE), sends no `iss`,
never rotates a refresh token, has no revocation endpoint and no fault but the ones below. Only
registered clients may refresh. A lifetime given at its start holds for the first access token;
those of a refresh live an hour. It answers 400 for an access token that it does not know.
"""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.config import Client, Settings
from app.database.engine import Database
from app.models.connection import Grant, Revocation
from tests.support import rows
from tests.support.people import Person
from tests.support.processes import Program, answers, free_port
from tests.support.servers import local_client
from tests.support.settings import PUBLIC_URL
from tests.support.waiting import until

pytestmark = pytest.mark.processes

LIFETIME = 2  # seconds of a first access token
ANNA = {"sub": "anna", "name": "Анна и сыновья"}
BORIS = {"sub": "boris", "name": "Борис"}

PROVIDER = """
[providers.second]
name = "Второй"
authorization_endpoint = "{url}/oauth2/authorize"
token_endpoint = "{url}/oauth2/token"
scopes = ["openid", "profile"]
rotates = false
[providers.second.probe]
url = "{url}/userinfo"
label = "name"
account = "sub"
"""


@dataclass(frozen=True)
class Second:
    """The server, with us registered there."""

    url: str
    client: Client

    async def consent(self, url: str, **form: str) -> dict[str, str]:
        """Answer its page; returns what the callback gets."""
        async with local_client() as browser:
            answer = await browser.post(url, data=form)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def revoke_all(self, sub: str) -> None:
        async with local_client() as client:
            answer = await client.post(f"{self.url}/users/{sub}/revoke-tokens")
        assert answer.status_code == 204


@pytest.fixture(scope="module")
async def second() -> AsyncIterator[Second]:
    # In a process of its own: importing it warns of deprecations, which are errors here.
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--require-registration", "true", "--token-max-age", str(LIFETIME)]
    for user in (ANNA, BORIS):
        command += ["--user-claims", json.dumps(user)]
    server = Program(command, {}).start()
    url = f"http://127.0.0.1:{port}"
    try:
        await answers(server, f"{url}/.well-known/openid-configuration")
        yield Second(url, await _registered(url))
    finally:
        await server.close()


async def _registered(url: str) -> Client:
    """RFC 7591: the only way to become a client that may refresh."""
    asked = {"redirect_uris": [f"{PUBLIC_URL}/second/callback"]}
    async with local_client() as client:
        answer = (await client.post(f"{url}/oauth2/clients", json=asked)).json()
    return Client(answer["client_id"], answer["client_secret"])


@pytest.fixture
def settings(
    settings: Settings, second: Second, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    file = tmp_path_factory.mktemp("second") / "providers.toml"
    file.write_text(PROVIDER.format(url=second.url), encoding="utf-8")
    return replace(settings, providers_file=file, clients={"second": second.client})


async def connect(person: Person, second: Second, sub: str = "anna", **form: str) -> dict[str, Any]:
    """The whole way there and back; returns the newest card."""
    url = await person.go_to_provider("second", **form)
    query = await second.consent(url, sub=sub)
    assert await person.come_back("second", query) == "/connections"
    return (await person.connected())[-1]


async def grant_of(database: Database, card: dict[str, Any]) -> Grant:
    async with database.sessions() as session:
        return await session.get_one(Grant, UUID(card["id"]))


async def take_to_end_in(database: Database, card: dict[str, Any], seconds: float) -> None:
    """Believe that the access token ends so long from now, whatever its server knows."""
    end = func.now() + timedelta(seconds=seconds)
    async with database.sessions.begin() as session:
        await session.execute(
            update(Grant).where(Grant.connection_id == UUID(card["id"])).values(expires_at=end)
        )


async def test_connecting_names_the_account_and_is_green(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    assert (card["status"], card["details"]) == ("online", ANNA["name"])
    assert (await rows.found(database, UUID(card["id"]))).account == ANNA["sub"]
    assert sorted((await grant_of(database, card)).scopes) == ["openid", "profile"]


async def test_who_says_no_is_brought_back_with_nothing_stored(
    person: Person, second: Second
) -> None:
    query = await second.consent(await person.go_to_provider("second"), action="deny")
    assert "error" in query
    assert "state" not in query  # against RFC 6749 4.1.2.1, so we cannot tell whose answer it is
    assert await person.come_back("second", query) == "/second?error=expired"
    assert await person.connected() == []


async def test_an_access_token_that_ended_is_refreshed_ahead_of_the_question(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    old = await grant_of(database, card)
    await take_to_end_in(database, card, 0)
    assert (await person.check(card))["status"] == "online"
    new = await grant_of(database, card)
    assert (old.version, new.version) == (1, 2)
    assert new.access_token != old.access_token
    assert new.refresh_sent_at is None


async def test_a_token_that_its_server_calls_expired_is_refreshed_and_asked_with_again(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    await take_to_end_in(database, card, 3600)

    async def refreshed() -> bool:
        assert (await person.check(card))["status"] == "online"
        return (await grant_of(database, card)).version == 2

    await until(refreshed, LIFETIME + 10)


async def test_a_grant_that_was_revoked_there_asks_for_a_reconnect_once_that_is_proven(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    await second.revoke_all("anna")
    # It answers 400 for a token that it does not know, where RFC 6750 wants 401: no proof.
    assert (await person.check(card))["status"] == "degraded"
    await take_to_end_in(database, card, 0)
    for _ in range(3):
        after = await person.check(card)
    assert (after["status"], after["cause"]) == ("revoked", "revoked")
    assert "invalid_grant" in after["evidence"]


async def test_a_reconnect_heals_the_same_connection(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    await second.revoke_all("anna")
    await take_to_end_in(database, card, 0)
    assert (await person.check(card))["status"] == "degraded"
    assert (await person.check(card))["status"] == "revoked"
    again = await connect(person, second, connection=card["id"])
    assert (again["id"], again["status"]) == (card["id"], "online")
    assert len(await person.connected()) == 1


async def test_another_account_there_is_another_connection(person: Person, second: Second) -> None:
    first = await connect(person, second, "anna")
    other = await connect(person, second, "boris")
    assert first["id"] != other["id"]
    assert sorted(each["details"] for each in await person.connected()) == [
        ANNA["name"],
        BORIS["name"],
    ]


async def test_a_disconnect_says_that_the_rest_is_to_be_done_there(
    person: Person, second: Second, database: Database
) -> None:
    card = await connect(person, second)
    assert (await person.post("/second/disconnect", connection=card["id"])).status_code == 303
    assert "удалите приложение в его личном кабинете" in await person.page()
    assert await person.connected() == []
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Revocation)) == 0
