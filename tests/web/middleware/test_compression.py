"""What travels by gzip and what does not: pages, never a secret, never a stream."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from app.config import ROOT
from app.database.engine import Database
from app.process import bind
from app.web.context import Dashboard
from tests.support.past import age
from tests.support.people import JSON, Person
from tests.support.servers import local_client, served
from tests.support.settings import PASSWORD
from tests.support.streams import listening
from tests.support.waiting import PATIENCE

GZIP = {"Accept-Encoding": "gzip, deflate, br, zstd"}


async def test_a_page_is_the_same_page_compressed(person: Person) -> None:
    await person.connect()
    await person.page()  # and the message about it is gone
    plain = await person.get("/journal")
    packed = await person.get("/journal", **GZIP)
    body = await packed.get_data(as_text=False)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(body)
    assert _steady(gzip.decompress(body)) == _steady(await plain.get_data(as_text=False))
    assert "Content-Encoding" not in plain.headers
    for answer in (plain, packed):  # whichever comes first, a cache must not give it to the other
        assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("refusal", ["identity", "gzip;q=0", "gzip;q=0, *", "br", "*;q=0"])
async def test_who_does_not_take_gzip_gets_none(person: Person, refusal: str) -> None:
    for path in ("/connections", "/static/app.css"):
        answer = await person.get(path, **{"Accept-Encoding": refusal})
        assert "Content-Encoding" not in answer.headers, path
        assert "Accept-Encoding" in answer.headers["Vary"], path


@pytest.mark.parametrize("wish", ["gzip", "*", "br, gzip;q=0.1", "GZIP"])
async def test_any_way_to_ask_for_it_is_understood(person: Person, wish: str) -> None:
    for path in ("/connections", "/static/app.css"):
        answer = await person.get(path, **{"Accept-Encoding": wish})
        assert answer.headers["Content-Encoding"] == "gzip", path


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_tables_are_compressed(person: Person, database: Database, form: str) -> None:
    await age(database, await person.connect())
    answer = await person.get(f"/uptime.{form}?days=30&by=day", **GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(await answer.get_data(as_text=False))) > 1_000


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_another_site_asks_for_tells_nothing_by_its_length(
    person: Person, site: str
) -> None:
    answer = await person.get("/connections?q=guess", **GZIP, **{"Sec-Fetch-Site": site})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_what_our_own_pages_ask_for_is_compressed(person: Person, site: str) -> None:
    answer = await person.get("/connections", **GZIP, **{"Sec-Fetch-Site": site})
    assert answer.headers["Content-Encoding"] == "gzip"


async def test_a_page_with_a_secret_is_not_compressed(person: Person) -> None:
    await person.post("/account/second-factor", password=PASSWORD)
    answer = await person.get("/account/second-factor", **GZIP)
    assert 'id="secret"' in await answer.get_data(as_text=True)
    for path in ("/login", "/reset?link=abc", "/account", "/alerts"):
        answer = await person.get(path, **GZIP)
        assert "Content-Encoding" not in answer.headers, path


async def test_a_small_answer_is_left_alone(person: Person) -> None:
    answer = await person.get(f"/connections/{UUID(int=0)}", **GZIP, **JSON)
    assert "Content-Encoding" not in answer.headers


async def test_a_stream_comes_at_once_and_as_it_is(person: Person) -> None:
    await person.connect()
    async with listening(person, **GZIP) as stream:
        assert (await stream.event()).startswith("event: heartbeat\n")
        assert "Content-Encoding" not in stream.headers
        assert 'hx-target="#cards"' in await stream.event()


async def test_over_http_the_stream_comes_at_once_too(person: Person) -> None:
    """With a real server, and what it may add, in between."""
    await person.connect()
    async with _browser(person.app) as browser, asyncio.timeout(PATIENCE):
        form = {"email": "anna@example.ru", "password": PASSWORD}
        assert (await browser.post("/login", data=form)).status_code == 303
        page = await browser.get("/connections")
        assert page.headers["Content-Encoding"] == "gzip"
        assert int(page.headers["Content-Length"]) < len(page.content)
        async with browser.stream("GET", "/connections/stream") as stream:
            assert "Content-Encoding" not in stream.headers
            assert (await anext(stream.aiter_raw())).startswith(b"event: heartbeat\n")


async def test_over_http_a_head_request_hears_what_a_get_would(dashboard: Dashboard) -> None:
    async with _browser(dashboard) as browser:
        got = await browser.get("/static/app.css")
        headed = await browser.head("/static/app.css")
    for name in ("Content-Length", "Content-Encoding", "ETag", "Vary", "Content-Type"):
        assert headed.headers[name] == got.headers[name], name
    assert got.content == (ROOT / "static/app.css").read_bytes()
    assert int(got.headers["Content-Length"]) == got.num_bytes_downloaded
    assert headed.num_bytes_downloaded == 0


@asynccontextmanager
async def _browser(app: Dashboard) -> AsyncIterator[httpx.AsyncClient]:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with (
        served(app, listening),
        local_client(base_url=url, headers=GZIP) as browser,
    ):
        yield browser


def _steady(page: bytes) -> bytes:
    """Without the time that it was made at."""
    return b"\n".join(line for line in page.splitlines() if b"data-now" not in line)
