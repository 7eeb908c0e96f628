"""Who may come in: no page without a sign-in unless it is on the list, nothing across sites."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from quart.typing import TestClientProtocol as Browser

from app.config import Settings
from app.web.context import Dashboard
from app.web.middleware import authentication, compression, prefetch, rate_limits
from app.web.middleware.authentication import safe_next
from app.web.middleware.csrf import is_same_site
from tests.support.applications import Applications
from tests.support.people import HTMX, JSON, Person, Sandbox
from tests.support.routes import routes
from tests.support.settings import PASSWORD, PUBLIC_URL

PUBLIC = {
    "calendar.read",
    "unsubscribe.ask",
    "unsubscribe.stop",
    "static",
    "health.healthz",
    "health.metrics",
    "health.readyz",
    "webhooks.installation",
    "webhooks.proof",
    "webhooks.subscription",
    "webhooks.token",
    "sign_in.login",
    "sign_in.login_page",
    "sign_up.signup",
    "sign_up.signup_page",
    "sign_up.confirm",
    "sign_up.confirm_page",
    "sign_in.code",
    "sign_in.code_page",
    "password_reset.ask",
    "password_reset.ask_page",
    "password_reset.password",
    "password_reset.password_page",
    "email_change.confirm",
    "email_change.confirm_page",
    "letters.again",
    "passkeys.log_in",
    "passkeys.log_in_options",
    "theme.choose",
    "welcome.home",
    "welcome.how_to_use",
    "welcome.privacy",
}
NOBODYS = "00000000-0000-4000-8000-000000000000"
HTTPS = "https://links.example.ru"


def rules(app: Dashboard) -> list[tuple[str, str, str]]:
    """(endpoint, method, path) of everything that this application answers."""
    return [
        (route.endpoint, method, _path(route.path, NOBODYS))
        for route in routes(app)
        for method in sorted(route.methods)
    ]


def _path(rule: str, connection_id: str) -> str:
    return re.sub(r"<uuid:\w+>", connection_id, rule).replace("<path:filename>", "app.css")


def private(app: Dashboard) -> list[tuple[str, str, str]]:
    return [rule for rule in rules(app) if rule[0] not in PUBLIC]


@pytest.fixture
def stranger(dashboard: Dashboard) -> Browser:
    return dashboard.test_client()


async def send(client: Browser, method: str, path: str, **headers: str) -> Any:
    return await client.open(path, method=method, headers=headers)  # type: ignore[call-arg]


def test_the_list_of_public_pages_is_complete(dashboard: Dashboard) -> None:
    open_to_all = {
        name for name, view in dashboard.view_functions.items() if getattr(view, "is_public", False)
    }
    assert open_to_all | {"static"} == PUBLIC


def test_there_is_something_to_protect(dashboard: Dashboard) -> None:
    assert len(private(dashboard)) >= 12


async def test_every_other_page_sends_a_stranger_to_the_log_in(
    dashboard: Dashboard, stranger: Browser
) -> None:
    for endpoint, method, path in private(dashboard):
        answer = await send(stranger, method, path)
        assert answer.status_code == 303, (endpoint, method, answer.status_code)
        assert answer.headers["Location"].startswith("/login"), endpoint


async def test_htmx_is_told_to_go_to_the_log_in_itself(
    dashboard: Dashboard, stranger: Browser
) -> None:
    for endpoint, method, path in private(dashboard):
        answer = await send(stranger, method, path, **HTMX)
        assert answer.status_code == 401, endpoint
        assert answer.headers["HX-Redirect"] == "/login?next=/connections", endpoint


async def test_programs_are_told_401(dashboard: Dashboard, stranger: Browser) -> None:
    for endpoint, method, path in private(dashboard):
        answer = await send(stranger, method, path, **JSON)
        assert answer.status_code == 401, endpoint
        assert answer.mimetype == "application/json", endpoint


async def test_public_pages_are_open(dashboard: Dashboard, stranger: Browser) -> None:
    for endpoint, method, path in rules(dashboard):
        if endpoint in PUBLIC and method == "GET":
            answer = await send(stranger, method, path)
            # 404: no metrics from afar; 410: a link that is no good; 422: no log-in under way
            assert answer.status_code in (200, 303, 404, 410, 422, 503), endpoint


async def test_what_is_not_there_is_404_for_everybody(stranger: Browser, person: Person) -> None:
    for client in (stranger, person.client):
        assert (await send(client, "GET", "/anything")).status_code == 404


async def test_somebody_elses_connection_is_404_everywhere(
    dashboard: Dashboard, person: Person, other_person: Person
) -> None:
    card = await person.connect()
    with_id = [route for route in routes(dashboard) if "<uuid:" in route.path]
    assert with_id
    for route in with_id:
        for method in sorted(route.methods):
            answer = await send(other_person.client, method, _path(route.path, card["id"]))
            assert answer.status_code == 404, route
    for action in ("connect", "disconnect"):
        answer = await other_person.post(f"/evotor/{action}", connection=card["id"])
        assert answer.status_code == 404, action
    assert [each["id"] for each in await person.connected()] == [card["id"]]


async def test_after_log_in_one_comes_back_to_where_one_was(stranger: Browser) -> None:
    answer = await send(stranger, "GET", "/evotor?error=denied&x=1")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["next"] == ["/evotor?error=denied&x=1"]


async def test_an_action_is_never_repeated_after_log_in(stranger: Browser) -> None:
    referer = f"{PUBLIC_URL}/evotor"
    answer = await send(stranger, "POST", "/evotor/connect", Referer=referer)
    assert answer.headers["Location"] == "/login?next=/evotor"
    foreign = await send(stranger, "POST", "/evotor/connect", Referer="http://evil.example/evotor")
    assert foreign.headers["Location"] == "/login?next=/connections"


async def test_a_callback_without_sign_in_forgets_its_code(stranger: Browser) -> None:
    answer = await send(stranger, "GET", "/evotor/callback?code=secret&state=s")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/evotor%3Ferror%3Dsigned_out"


@pytest.mark.parametrize(
    "target", ["/", "/connections", "/evotor?error=denied", "/a//b", "/привет", "/x?next=//evil"]
)
def test_a_path_of_ours_is_a_good_next(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "connections",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/\x00",
        "/\x7f",
        " /connections",
        "?next=/",
    ],
)
def test_anything_else_is_no_next(target: str | None) -> None:
    assert safe_next(target) == "/connections"


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}, True),
        ("POST", {}, True),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, True),
        ("POST", {"Sec-Fetch-Site": "none"}, True),
        ("POST", {"Sec-Fetch-Site": "same-site"}, False),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, False),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL}, False),
        ("POST", {"Origin": PUBLIC_URL}, True),
        ("POST", {"Origin": "null"}, False),
        ("POST", {"Origin": "http://evil.example"}, False),
        ("POST", {"Origin": f"{PUBLIC_URL}.evil.example"}, False),
        ("DELETE", {"Origin": "http://evil.example"}, False),
    ],
)
def test_only_our_own_pages_may_change_something(
    method: str, headers: dict[str, str], allowed: bool
) -> None:
    assert is_same_site(method, headers, PUBLIC_URL) is allowed


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}]
)
async def test_a_forged_request_does_nothing(person: Person, headers: dict[str, str]) -> None:
    card = await person.connect()
    for path in ("/evotor/disconnect", "/evotor/connect", "/logout", "/theme"):
        answer = await send(person.client, "POST", path, **headers)
        assert answer.status_code == 403, path
    assert [each["id"] for each in await person.connected()] == [card["id"]]


def cookie(answer: Any) -> dict[str, str]:
    """Name, value and attributes of the session's cookie."""
    (line,) = [each for each in answer.headers.getlist("Set-Cookie") if "session=" in each]
    first, *rest = [part.strip() for part in line.split(";")]
    name, _, value = first.partition("=")
    attributes = dict((each.lower() + "=").split("=")[:2] for each in rest)
    return {"cookie": name, "value": value, **attributes}


async def log_in(client: Browser, scheme: str = "http") -> Any:
    form = {"email": "anna@example.ru", "password": PASSWORD}
    return await client.post("/login", form=form, scheme=scheme)


async def test_the_cookie_is_for_this_site_and_no_script(person: Person) -> None:
    given = cookie(await log_in(person.client))
    assert given["cookie"] == "session"
    assert given["samesite"].lower() == "lax"
    assert "httponly" in given
    assert "secure" not in given
    assert given["path"] == "/"


@pytest.fixture
async def https(
    dashboard: Dashboard, applications: Applications, settings: Settings
) -> AsyncIterator[Dashboard]:
    async with applications.started(replace(settings, public_url=HTTPS)) as app:
        yield app


async def test_over_https_the_cookie_is_bound_to_this_host(
    https: Dashboard, person: Person
) -> None:
    answer = await log_in(https.test_client(), "https")
    given = cookie(answer)
    assert given["cookie"] == "__Host-session"
    assert "secure" in given
    assert (given["path"], "domain" in given) == ("/", False)
    assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_every_log_in_makes_a_new_session(person: Person) -> None:
    first = cookie(await log_in(person.client))["value"]
    second = cookie(await log_in(person.client))["value"]
    assert first != second
    stolen = person.app.test_client()
    stolen.set_cookie("localhost", "session", first)
    assert (await stolen.get("/connections")).status_code == 303


async def test_a_stolen_cookie_is_worthless_after_log_out(
    person: Person, dashboard: Dashboard
) -> None:
    value = cookie(await log_in(person.client))["value"]
    thief = dashboard.test_client()
    thief.set_cookie("localhost", "session", value)
    assert (await thief.get("/connections")).status_code == 200
    await person.post("/logout")
    assert (await thief.get("/connections")).status_code == 303
    assert (await person.get("/connections")).status_code == 303


async def test_a_made_up_cookie_opens_nothing(dashboard: Dashboard, sandbox: Sandbox) -> None:
    client = dashboard.test_client()
    client.set_cookie("localhost", "session", "made-up")
    assert (await client.get("/connections")).status_code == 303


def test_what_the_middleware_names_is_there(dashboard: Dashboard) -> None:
    """A renamed blueprint or endpoint would silently lose its limits, or its compression."""
    assert {*compression.PARTS, *rate_limits.OWN} <= set(dashboard.blueprints)
    assert {*authentication.STREAMS, *prefetch.SPENDS} <= set(dashboard.view_functions)
