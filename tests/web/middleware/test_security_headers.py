"""Security headers on every answer, and how long it may be kept."""

import re
from itertools import product

import pytest

from app.config import ROOT
from app.web.context import Dashboard
from tests.support.people import HTMX, JSON, Person
from tests.support.streams import listening

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PATHS = (
    "/",
    "/login",
    "/signup",
    "/connections",
    "/evotor",
    "/evotor/callback",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/app.css",
    "/no-such-page",
    "/static/no-such-file",
    "/connections/1/checks",
)


async def test_every_answer_has_them(dashboard: Dashboard) -> None:
    for path, headers in product(PATHS, ({}, HTMX, JSON)):
        answer = await dashboard.test_client().get(path, headers=headers)
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), path


async def test_a_refused_request_and_the_stream_have_them_too(person: Person) -> None:
    refused = await person.client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    async with listening(person) as stream:
        await stream.event()
        for headers in (refused.headers, stream.headers):
            assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
            assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_nothing_inline_may_run(dashboard: Dashboard) -> None:
    answer = await dashboard.test_client().get("/login")
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in str(policy)


async def test_a_form_may_lead_to_the_providers_and_nowhere_else(dashboard: Dashboard) -> None:
    answer = await dashboard.test_client().get("/login")
    found = re.search(r"form-action ([^;]*)", answer.headers["Content-Security-Policy"])
    origins = {
        origin
        for each in dashboard.catalogue.values()
        for origin in each.authorization_origins
        if each.configured
    }
    assert found is not None
    assert set(found[1].split()) == {"'self'", *origins}


async def test_a_page_is_not_kept(person: Person) -> None:
    for path in ("/connections", "/evotor", "/no-such-page"):
        assert (await person.get(path)).headers["Cache-Control"] == "no-store"


async def test_a_file_with_its_version_is_kept_for_ever(dashboard: Dashboard) -> None:
    client = dashboard.test_client()
    page = await (await client.get("/login")).get_data(as_text=True)
    addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert len(addresses) >= 3
    for address in addresses:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert len(address.partition("?v=")[2]) == 10


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789", "?{}&v=1", "?v=1&{}", "?{}0"])
async def test_any_other_address_of_a_file_is_asked_for_again(
    dashboard: Dashboard, query: str
) -> None:
    client = dashboard.test_client()
    page = await (await client.get("/login")).get_data(as_text=True)
    (right,) = re.findall(r"base\.css\?(v=[^\"]+)", page)
    answer = await client.get(f"/static/base.css{query.format(right)}")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_file_that_is_still_the_same_is_not_sent_again(
    dashboard: Dashboard, encoding: str
) -> None:
    client, asked = dashboard.test_client(), {"Accept-Encoding": encoding}
    tag = (await client.get("/static/app.css", headers=asked)).headers["ETag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await client.get("/static/app.css", headers=asked | {"If-None-Match": known})
        assert (again.status_code, await again.get_data(as_text=False)) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Content-Encoding" not in again.headers
    other = await client.get("/static/app.css", headers=asked | {"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_both_forms_of_a_file_have_tags_of_their_own(dashboard: Dashboard) -> None:
    client = dashboard.test_client()
    tags = {
        (await client.get("/static/app.css", headers={"Accept-Encoding": each})).headers["ETag"]
        for each in ("identity", "gzip")
    }
    assert len(tags) == 2


async def test_a_part_of_a_file_is_answered_with_all_of_it(dashboard: Dashboard) -> None:
    client = dashboard.test_client()
    answer = await client.get("/static/app.css", headers={"Range": "bytes=0-9"})
    assert answer.status_code == 200
    assert await answer.get_data(as_text=False) == (ROOT / "static/app.css").read_bytes()


@pytest.mark.parametrize("path", ["../app/config.py", "..%2Fpyproject.toml", "/etc/passwd"])
async def test_nothing_but_static_files_is_served(dashboard: Dashboard, path: str) -> None:
    assert (ROOT / "pyproject.toml").exists()
    answer = await dashboard.test_client().get(f"/static/{path}")
    assert answer.status_code in (308, 404)


async def test_the_server_does_not_say_what_it_is(dashboard: Dashboard) -> None:
    answer = await dashboard.test_client().get("/login")
    assert "Server" not in answer.headers


async def test_an_error_tells_nothing_of_the_inside(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person.app, "catalogue", {"evotor": None})
    answer = await person.get("/evotor")
    page = await answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "Что-то сломалось у нас" in page
    assert "Traceback" not in page
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
