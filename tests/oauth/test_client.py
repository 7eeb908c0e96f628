"""The protocol as RFCs write it, and token answers as providers write them."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import httpx
import pytest
from aiohttp import web

from app.config import Client
from app.oauth import client
from app.oauth.revocation_response import RevocationAnswer, RevocationOutcome
from app.oauth.token_expiry import life_of
from app.oauth.token_response import Refusal, Tokens, read_tokens
from app.outbound.client import HttpClient
from app.outbound.failures import AddressNotAllowed
from app.providers.provider import EXPIRES_AT, Provider
from app.providers.spec_parts import Probe
from tests.support.servers import serving

REDIRECT_URI = "http://127.0.0.1:8000/acme/callback"
ODD = Client("id+/=%: ключ", "secret+/=%: &тайна")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@dataclass
class Endpoint:
    """A token endpoint that says one thing, and remembers what it was asked."""

    provider: Provider
    answer: Callable[[], web.Response] = web.Response
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        self.headers, self.form = dict(request.headers), dict(parse_qsl(await request.text()))
        return self.answer()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(acme("http://nowhere"))
    async with serving({"token": endpoint.handle, "revoke": endpoint.handle}) as url:
        endpoint.provider = acme(url)
        yield endpoint


def acme(url: str = "https://acme.example", **entry: object) -> Provider:
    return Provider(
        "acme",
        "Acme",
        f"{url}/auth",
        f"{url}/token",
        Probe(f"{url}/me"),
        revocation_endpoint=f"{url}/revoke",
        client=ODD,
        **entry,  # type: ignore[arg-type]
    )


def says(body: str, status: int = 200, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(text=body, status=status, headers=headers)


Exchange = Callable[..., Awaitable[Tokens | Refusal]]


@pytest.fixture
def exchange(http: HttpClient, endpoint: Endpoint) -> Exchange:
    async def exchange(body: str, status: int = 200, **headers: str) -> Tokens | Refusal:
        endpoint.answer = says(body, status, **headers)
        return await client.exchange(http, endpoint.provider, "code", REDIRECT_URI, VERIFIER)

    return exchange


def read(body: str, status: int = 200) -> Tokens | Refusal:
    return read_tokens(acme(), httpx.Response(status, content=body.encode()), {})


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def test_the_person_is_sent_with_everything_that_is_needed() -> None:
    provider = acme(scopes=("a", "b"), authorization_params={"prompt": "consent"})
    assert query_of(client.authorization_url(provider, REDIRECT_URI, "state", VERIFIER)) == {
        "response_type": "code",
        "client_id": ODD.id,
        "redirect_uri": REDIRECT_URI,
        "scope": "a b",
        "state": "state",
        "prompt": "consent",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }


def test_an_endpoint_that_has_a_query_keeps_it() -> None:
    provider = replace(acme(), authorization_endpoint="https://acme.example/auth?tenant=7")
    url = client.authorization_url(provider, REDIRECT_URI, "state", None)
    assert url.count("?") == 1
    assert query_of(url)["tenant"] == "7"
    assert query_of(url)["state"] == "state"


def test_nothing_empty_is_sent() -> None:
    query = query_of(client.authorization_url(acme(), REDIRECT_URI, "state", None))
    assert set(query) == {"response_type", "client_id", "redirect_uri", "state"}


def test_states_and_verifiers_are_long_and_never_the_same() -> None:
    for new in (client.new_state, client.new_code_verifier):
        made = {new() for _ in range(100)}
        assert len(made) == 100
        assert all(43 <= len(each) <= 128 for each in made)


async def test_a_code_is_exchanged_with_its_verifier(
    exchange: Exchange, endpoint: Endpoint
) -> None:
    await exchange('{"access_token": "t"}')
    assert endpoint.form == {
        "grant_type": "authorization_code",
        "code": "code",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": VERIFIER,
    }
    assert endpoint.headers["Accept"] == "application/json"
    assert endpoint.headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_basic_form_encodes_both_halves(exchange: Exchange, endpoint: Endpoint) -> None:
    await exchange('{"access_token": "t"}')
    scheme, _, pair = endpoint.headers["Authorization"].partition(" ")
    name, _, secret = base64.b64decode(pair).decode().partition(":")
    assert scheme == "Basic"
    assert (unquote_plus(name), unquote_plus(secret)) == (ODD.id, ODD.secret)
    assert not set("+/=: ") & set(name.replace("+", "", 1))  # one space, one plus
    assert "client_secret" not in endpoint.form


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("client_secret_post", {"client_id": ODD.id, "client_secret": ODD.secret}),
        ("none", {"client_id": ODD.id}),
    ],
)
async def test_other_methods_name_the_client_in_the_form(
    exchange: Exchange, endpoint: Endpoint, method: str, sent: dict[str, str]
) -> None:
    endpoint.provider = replace(endpoint.provider, token_endpoint_auth_method=method)
    await exchange('{"access_token": "t"}')
    assert "Authorization" not in endpoint.headers
    given = {name: value for name, value in endpoint.form.items() if name.startswith("client_")}
    assert given == sent


@pytest.mark.parametrize(
    ("body", "expires_in"),
    [
        ('{"access_token": "t", "expires_in": 3600}', 3600),
        ('{"access_token": "t", "expires_in": "3600"}', 3600),
        ('{"access_token": "t", "expires_in": 3599.5}', 3599.5),
        ('{"access_token": "t", "expires_in": "3599.5 "}', 3599.5),
        ('{"access_token": "t", "expires_in": 0}', None),
        ('{"access_token": "t", "expires_in": "0"}', None),
        ('{"access_token": "t", "expires_in": 0.0}', None),
        ('{"access_token": "t", "expires_in": -0.0}', None),
        ('{"access_token": "t", "expires_in": false}', None),
        ('{"access_token": "t", "expires_in": true}', None),
        ('{"access_token": "t", "expires_in": "-3600"}', None),
        ('{"access_token": "t", "expires_in": "1e400"}', None),
        ('{"access_token": "t", "expires_in": 1790000000}', None),
        ('{"access_token": "t"}', None),
        ('{"access_token": "t", "expires_in": null}', None),
        ('{"access_token": "t", "expires_in": "soon"}', None),
        ('{"access_token": "t", "expires_in": ""}', None),
        ('{"access_token": "t", "expires_in": -1}', None),
        ('{"access_token": "t", "expires_in": NaN}', None),
        ('{"access_token": "t", "expires_in": "nan"}', None),
        ('{"access_token": "t", "expires_in": Infinity}', None),
        ('{"access_token": "t", "expires_in": 1e300}', None),
        ('{"access_token": "t", "expires_in": 1%s}' % ("0" * 400), None),
        ('{"access_token": "t", "expires_in": [3600]}', None),
        ('{"access_token": "t", "expires_in": {"s": 1}}', None),
        ("access_token=t&expires_in=60&token_type=bearer", 60),
    ],
)
def test_an_expiry_is_read_in_every_form(body: str, expires_in: float | None) -> None:
    tokens = read(body)
    assert isinstance(tokens, Tokens)
    assert (tokens.access_token, tokens.expires_in) == ("t", expires_in)


NOW = datetime(2026, 10, 2, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expires_at", "life"),
    [
        ("2026-10-02T13:00:00Z", 3600),
        ("2026-10-02T13:00:00", 3600),
        ("2026-10-02T16:00:00+03:00", 3600),
        (NOW + 60, 60),
        (str(int(NOW) + 60), 60),
        (0, None),
        ("0", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-10-02T11:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("1e400", None),
        (True, None),
        (None, None),
        ("never", None),
    ],
)
def test_a_moment_of_the_end_is_read_in_every_form(expires_at: object, life: float | None) -> None:
    assert life_of(EXPIRES_AT, "t", {"expires_at": expires_at}, NOW) == life


@pytest.mark.parametrize(
    ("body", "scopes"),
    [
        ('{"access_token": "t", "scope": "a b"}', ("a", "b")),
        ('{"access_token": "t", "scope": "a,b, c"}', ("a", "b", "c")),
        ('{"access_token": "t", "scope": ["a", "b"]}', ("a", "b")),
        ('{"access_token": "t", "scope": null}', ()),
        ("access_token=t&scope=a+b", ("a", "b")),
        ("access_token=t&scope=a+b\n", ("a", "b")),
        ('{"access_token": "t", "scope": "a\\tb\\n c"}', ("a", "b", "c")),
        ('{"access_token": "t", "scope": "a\\u0000b c"}', ("ab", "c")),
        ('{"access_token": "t", "scope": ["a\\u0000", "\\u202eb", "\\u0000", ""]}', ("a", "b")),
        ('{"access_token": "t", "scope": ["a\\ud800", null, 5, {"b": 1}]}', ("a",)),
        ('{"access_token": "t", "scope": {"a": 1}}', ()),
        ('{"access_token": "t", "scope": "%s"}' % ("s" * 300), ("s" * 200,)),
        ('{"access_token": "t", "scope": "%s"}' % ("s " * 900), ("s",) * 500),
    ],
)
def test_scopes_are_read_in_every_form(body: str, scopes: tuple[str, ...]) -> None:
    tokens = read(body)
    assert isinstance(tokens, Tokens)
    assert tokens.scopes == scopes


ORDINARY = Tokens("t", "r")
GOOD_ANSWERS = [
    *(
        f'{{"access_token": "t", "refresh_token": "r", "token_type": {token_type}}}'
        for token_type in ('"Bearer"', '"bearer"', '"BEARER"', '"BearerToken"', '"bearer "', '""')
    ),
    *(
        f'{{"access_token": "t", "refresh_token": "r", "token_type": {token_type}}}'
        for token_type in ("null", '"N_A"', '"JWT"', '"token"', '["Bearer"]')
    ),
    *(
        f'{{"access_token": "t", "refresh_token": "r", "error": {error}}}'
        for error in ("null", '""', "false", "0", "[]", "{}", '"null"', '"none"', '" "')
    ),
    '\ufeff{"access_token": "t", "refresh_token": "r"}',
    '\n {"access_token": "t", "refresh_token": "r"} \n',
    '{"access_token": " t\\n", "refresh_token": "\\tr"}',
    "access_token=t&refresh_token=r&error=",
    "\ufeffaccess_token=t&refresh_token=r\r\n",
]


@pytest.mark.parametrize("body", GOOD_ANSWERS)
def test_a_token_answer_is_taken_as_it_comes(body: str) -> None:
    assert read(body) == ORDINARY


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_a_token_answer_may_be_written_in_other_letters(encoding: str) -> None:
    body = '{"access_token": "t", "refresh_token": "r", "name": "é"}'.encode(encoding)
    assert read_tokens(acme("http://x"), httpx.Response(200, content=body), {}) == ORDINARY


NESTED = [
    (
        '{"ok": true, "authed_user": {"access_token": "t", "scope": "a"}}',
        Tokens("t", scopes=("a",)),
    ),
    (
        '{"access_token": "bot", "refresh_token": "bots", "scope": "x", "expires_in": 5,'
        ' "authed_user": {"access_token": "t", "token_type": "user"}}',
        Tokens("t"),
    ),
    ('{"access_token": "t", "refresh_token": "r"}', ORDINARY),
    ('{"access_token": "t", "refresh_token": "r", "authed_user": null}', ORDINARY),
    ('{"access_token": "t", "refresh_token": "r", "authed_user": ["x"]}', ORDINARY),
]


@pytest.mark.parametrize(("body", "tokens"), NESTED)
def test_a_nested_token_is_found_where_the_entry_says(body: str, tokens: Tokens) -> None:
    provider = replace(acme("http://x"), token_path="authed_user")
    assert read_tokens(provider, httpx.Response(200, content=body.encode()), {}) == tokens


def test_what_is_kept_may_stand_beside_a_nested_token() -> None:
    provider = replace(acme("http://x"), token_path="data.user", token_keep=("team", "id"))
    body = b'{"team": "T1", "id": "x", "data": {"user": {"access_token": "t", "id": 7}}}'
    tokens = read_tokens(provider, httpx.Response(200, content=body), {})
    assert isinstance(tokens, Tokens)
    assert tokens.kept == {"team": "T1", "id": "7"}


UNUSABLE = [  # what came all the same, and must be revoked
    ("", '{"access_token": "t", "refresh_token": "r", "token_type": "mac"}'),
    ("", '{"access_token": "t", "refresh_token": "r", "token_type": "DPoP"}'),
    ("", '{"access_token": "t", "refresh_token": "r", "token_type": " MAC "}'),
    ("", '{"access_token": "t", "refresh_token": "r", "error": "server_error"}'),
    ("", '{"access_token": "t", "refresh_token": "r", "error": {"code": 5}}'),
    ("authed_user", '{"access_token": "t", "refresh_token": "r", "authed_user": {"id": "U1"}}'),
]


@pytest.mark.parametrize(("token_path", "body"), UNUSABLE)
def test_a_refused_answer_shows_the_tokens_that_came_with_it(token_path: str, body: str) -> None:
    provider = replace(acme("http://x"), token_path=token_path)
    refusal = read_tokens(provider, httpx.Response(200, content=body.encode()), {})
    assert isinstance(refusal, Refusal)
    assert refusal.unusable == ORDINARY
    assert "access_token" not in repr(refusal.unusable)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, '{"error": "invalid_grant"}', "invalid_grant"),
        (400, "error=invalid_grant&error_description=x", "invalid_grant"),
        (401, '{"error": "invalid_client"}', "invalid_client"),
        (200, '{"error": "invalid_grant"}', "invalid_grant"),
        (200, "error=invalid_grant", "invalid_grant"),
        (200, '{"access_token": "t", "error": "server_error"}', "server_error"),
        (200, "<html><a href='?a=b'>", "bad_response"),
        (200, "", "bad_response"),
        (200, "[]", "bad_response"),
        (200, '"text"', "bad_response"),
        (200, "{}", "bad_response"),
        (200, '{"access_token": ""}', "bad_response"),
        (200, '{"access_token": 5}', "bad_response"),
        (200, '{"access_token": "t", "token_type": "mac"}', "bad_response"),
        (302, "", "http_302"),
        (500, "<html>", "http_500"),
        (503, "", "http_503"),
        (400, '{"error": "a word that no RFC knows"}', "http_400"),
        (400, '{"error": {"code": 5}}', "http_400"),
        (200, '{"access_token": "t\\r\\nX-Evil: 1"}', "bad_response"),
        (200, '{"access_token": "ключ"}', "bad_response"),
        (200, '{"error": "ошибка"}', "unknown_error"),
        (200, '{"error": "invalid_code"}', "invalid_code"),
        (200, '{"error": {"code": "invalid_code"}}', "invalid_code"),
        (200, '{"error": {"text": "invalid_code"}}', "unknown_error"),
        (400, '{"error": "INVALID_GRANT"}', "invalid_grant"),
        (400, '{"error": "InvalidGrant"}', "invalid_grant"),
        (400, '{"error": " invalid grant"}', "invalid_grant"),
        (400, '{"error": "invalid-grant"}', "invalid_grant"),
        (400, '{"error": ["invalid_grant"]}', "invalid_grant"),
        (400, '{"error": {"code": 7, "type": "invalid_grant"}}', "invalid_grant"),
        (400, '{"error": "%s"}' % ("invalid_grant" * 9_000), "http_400"),
        (200, '{"ok": false, "error": "bad_verification_code"}', "unknown_error"),
        (200, "error=bad_verification_code&error_description=x", "unknown_error"),
        (200, '{"access_token": null, "error": null}', "bad_response"),
        (200, " ", "bad_response"),
        (204, "", "bad_response"),
    ],
)
def test_an_answer_without_tokens_is_a_refusal_with_its_code(
    status: int, body: str, code: str
) -> None:
    refusal = read(body, status)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert refusal.is_ours is (code == "invalid_client")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000])
def test_a_body_that_is_nested_without_end_is_a_bad_answer(body: str) -> None:
    refusal = read(body[: 200 * 1024])
    assert isinstance(refusal, Refusal)
    assert refusal.code == "bad_response"


async def test_a_redirect_is_not_followed(exchange: Exchange, endpoint: Endpoint) -> None:
    refusal = await exchange("", 307, Location=endpoint.provider.revocation_endpoint)
    assert isinstance(refusal, Refusal)
    assert endpoint.asked == 1


async def test_nobody_there_is_a_refusal_too(http: HttpClient) -> None:
    refusal = await client.refresh_tokens(http, acme("http://127.0.0.1:1"), "r")
    assert isinstance(refusal, Refusal)
    assert refusal.code == "unreachable"


@pytest.mark.parametrize(
    ("error", "code", "lost"),
    [
        (httpx.ConnectTimeout("late"), "timeout", False),
        (httpx.ReadTimeout("late"), "timeout", True),
        (httpx.ConnectError("nobody"), "unreachable", False),
        (httpx.ReadError("broke"), "unreachable", True),
        (httpx.RemoteProtocolError("no HTTP"), "not_http", True),
        (AddressNotAllowed("inside"), "not_allowed", False),
    ],
    ids=repr,
)
async def test_a_refresh_is_in_doubt_only_when_it_may_have_arrived(
    error: httpx.HTTPError, code: str, lost: bool
) -> None:
    sent: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise error

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        refusal = await client.refresh_tokens(http, acme(), "r")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.is_lost_answer) == (code, lost)
    assert sent[0].url == "https://acme.example/token"
    assert sent[0].extensions["destination"] == acme().destination
    assert sent[0].extensions["deadline"] > monotonic()


async def test_without_a_client_nobody_is_asked(http: HttpClient, endpoint: Endpoint) -> None:
    refusal = await client.refresh_tokens(http, replace(endpoint.provider, client=None), "r")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, endpoint.asked) == ("unconfigured", 0)


async def test_a_refresh_token_that_is_not_replaced_goes_on(
    http: HttpClient, endpoint: Endpoint
) -> None:
    endpoint.answer = says('{"access_token": "t", "expires_in": 5}')
    tokens = await client.refresh_tokens(http, endpoint.provider, "r")
    assert tokens == Tokens("t", "r", 5.0)
    assert endpoint.form == {"grant_type": "refresh_token", "refresh_token": "r"}


@pytest.mark.parametrize(
    ("issuer", "iss", "good"),
    [
        ("https://acme.example", "https://acme.example", True),
        ("https://acme.example", "https://acme.example/", False),
        ("https://acme.example", "https://ACME.example", False),
        ("https://acme.example", "https://evil.example", False),
        ("https://acme.example", "", False),
        ("https://acme.example", "ключ", False),
        ("https://acme.example", None, True),
        ("", "https://anybody.example", True),
        ("", None, True),
    ],
)
def test_an_issuer_is_compared_exactly(issuer: str, iss: str | None, good: bool) -> None:
    assert client.issuer_matches(acme(issuer=issuer), iss) is good


async def test_a_revocation_names_its_token_and_is_done_at_200(
    http: HttpClient, endpoint: Endpoint
) -> None:
    answer = await client.revoke(http, endpoint.provider, "r", "refresh_token")
    assert answer == RevocationAnswer(RevocationOutcome.DONE, "200")
    assert endpoint.form == {"token": "r", "token_type_hint": "refresh_token"}
    assert endpoint.headers["Authorization"].startswith("Basic ")


async def test_a_revocation_that_is_not_taken_is_tried_later(
    http: HttpClient, endpoint: Endpoint
) -> None:
    endpoint.answer = says("", 503)
    answer = await client.revoke(http, endpoint.provider, "r", "refresh_token")
    assert answer == RevocationAnswer(RevocationOutcome.LATER, "503")


async def test_no_refusal_shows_a_secret(exchange: Exchange) -> None:
    refusal = await exchange('{"error": "invalid_client"}', 401)
    assert ODD.secret not in repr(refusal)
    assert "hunter2" not in repr(Tokens("hunter2", "hunter2"))
    assert ODD.secret not in repr(acme())
