"""The token and revocation endpoints: who is let in, what spoils a code."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.sandbox import SandboxSettings, create_sandbox
from tests.sandbox.caller import CHALLENGE, VERIFIER, Caller, reach
from tests.sandbox.conftest import Clock

Request = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["error"]


async def test_a_client_may_authenticate_in_the_form(evotor: Caller) -> None:
    form = {"client_id": "evotor", "client_secret": "evotor-secret", "token": "any"}
    assert (await evotor.http.post("/oauth/revoke", data=form)).status_code == 200


async def test_basic_credentials_are_form_decoded(evotor: Caller) -> None:
    encoded = httpx.BasicAuth("%65votor", "evotor%2Dsecret")
    answer = await evotor.http.post("/oauth/revoke", auth=encoded, data={"token": "any"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "request_with",
    [
        lambda http: http.post("/oauth/token", auth=("evotor", "wrong"), data={}),
        lambda http: http.post("/oauth/token", auth=("nobody", "nobody-secret"), data={}),
        lambda http: http.post("/oauth/token", data={"client_id": "evotor"}),
        lambda http: http.post("/oauth/token", headers={"Authorization": "Basic %%%"}),
        lambda http: http.post("/oauth/token", headers={"Authorization": "Bearer x"}),
        lambda http: http.post("/oauth/revoke", data={"token": "x"}),
    ],
)
async def test_a_stranger_is_an_invalid_client(
    http: httpx.AsyncClient, request_with: Request
) -> None:
    answer = await request_with(http)
    assert refused(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_two_ways_to_authenticate_are_one_too_many(evotor: Caller) -> None:
    answer = await evotor.token(client_secret="evotor-secret")
    assert refused(answer) == (400, "invalid_request")
    assert refused(await evotor.token(client_id="sklad")) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "unknown"}, "invalid_request"),
    ],
)
async def test_a_wrong_form_is_named(evotor: Caller, form: dict[str, str], error: str) -> None:
    assert refused(await evotor.token(**form)) == (400, error)


async def test_a_code_wants_the_same_redirect_uri(evotor: Caller) -> None:
    answer = await evotor.exchange(await evotor.code(), redirect_uri="http://127.0.0.1:8000/other")
    assert refused(answer) == (400, "invalid_grant")


async def test_a_code_belongs_to_one_client(evotor: Caller, sklad: Caller) -> None:
    assert refused(await sklad.exchange(await evotor.code())) == (400, "invalid_grant")


async def test_a_code_is_good_for_a_minute(evotor: Caller, clock: Clock) -> None:
    code = await evotor.code()
    clock.now += 61
    assert refused(await evotor.exchange(code)) == (400, "invalid_grant")


async def test_a_code_used_twice_takes_its_tokens_along(evotor: Caller) -> None:
    code = await evotor.code()
    token = (await evotor.exchange(code)).json()["access_token"]
    assert refused(await evotor.exchange(code)) == (400, "invalid_grant")
    assert (await evotor.stores(token)).status_code == 401


async def test_the_verifier_must_match_its_challenge(evotor: Caller) -> None:
    code = await evotor.code(**PKCE)
    assert refused(await evotor.exchange(code)) == (400, "invalid_grant")
    wrong = VERIFIER.replace("a", "b")
    assert refused(await evotor.exchange(code, code_verifier=wrong)) == (400, "invalid_grant")
    assert (await evotor.exchange(code, code_verifier=VERIFIER)).status_code == 200


async def test_a_verifier_without_a_challenge_is_refused(evotor: Caller) -> None:
    answer = await evotor.exchange(await evotor.code(), code_verifier=VERIFIER)
    assert refused(answer) == (400, "invalid_grant")


async def test_an_access_token_expires_and_the_refresh_token_helps(
    evotor: Caller, clock: Clock
) -> None:
    tokens = await evotor.connect()
    clock.now += 3601
    assert (await evotor.stores(tokens["access_token"])).status_code == 401
    newer = (await evotor.refresh(tokens["refresh_token"])).json()
    assert (await evotor.stores(newer["access_token"])).status_code == 200


async def test_a_refresh_cannot_widen_the_scope(evotor: Caller) -> None:
    tokens = await evotor.connect()
    wider = await evotor.refresh(tokens["refresh_token"], scope="store:read device:read")
    assert refused(wider) == (400, "invalid_scope")


async def test_an_access_token_is_no_refresh_token(evotor: Caller) -> None:
    tokens = await evotor.connect()
    assert refused(await evotor.refresh(tokens["access_token"])) == (400, "invalid_grant")
    assert (await evotor.stores(tokens["refresh_token"])).status_code == 401


async def test_without_rotation_the_refresh_token_stays() -> None:
    app = create_sandbox(SandboxSettings(rotation=False))
    async with reach(app) as http:
        evotor = Caller(http)
        tokens = await evotor.connect()
        for _ in range(2):
            newer = (await evotor.refresh(tokens["refresh_token"])).json()
            assert newer["refresh_token"] == tokens["refresh_token"]
