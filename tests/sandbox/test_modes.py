"""Every switch, seen from the client."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from app.sandbox._app import Sandbox
from tests.sandbox.caller import MAIN_SHOP, OTHER_SHOP, Caller
from tests.support.waiting import PATIENCE


@pytest.fixture
async def token(evotor: Caller) -> str:
    return (await evotor.connect())["access_token"]


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("ok", 200),
        ("error", 503),
        ("timeout", 503),
        ("slow", 200),
        ("rate_limited", 429),
        ("denied", 403),
        ("unpaid", 402),
        ("garbage", 200),
        ("unauthorized", 401),
    ],
)
async def test_a_mode_shows_in_the_answer_and_ok_ends_it(
    evotor: Caller, token: str, mode: str, status: int
) -> None:
    assert (await evotor.control(mode=mode)).status_code == 200
    assert (await evotor.stores(token)).status_code == status
    await evotor.control(mode="ok")
    assert (await evotor.stores(token)).json()["items"]


async def test_garbage_is_a_page_instead_of_data(evotor: Caller, token: str) -> None:
    await evotor.control(mode="garbage")
    assert (await evotor.stores(token)).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("mode", ["slow", "timeout"])
async def test_waiting_modes_let_time_pass(
    evotor: Caller, token: str, mode: str, app: Sandbox
) -> None:
    await evotor.control(mode=mode)
    await evotor.stores(token)
    took = app.journal.entries[-1].ms
    assert took is not None
    assert took >= 50


async def test_a_stopping_server_lets_nobody_wait(evotor: Caller, token: str, app: Sandbox) -> None:
    app.settings = replace(app.settings, hang_seconds=10 * PATIENCE)
    app.stopping.set()
    await evotor.control(mode="timeout")
    async with asyncio.timeout(PATIENCE):
        await evotor.stores(token)


async def test_too_many_requests_says_when_to_return(evotor: Caller, token: str) -> None:
    await evotor.control(mode="rate_limited")
    assert (await evotor.stores(token)).headers["retry-after"] == "5"
    await evotor.control(mode="rate_limited", retry_after=90)
    assert (await evotor.stores(token)).headers["retry-after"] == "90"


async def test_a_counted_mode_ends_by_itself(evotor: Caller, token: str) -> None:
    await evotor.control(mode="error", count=2)
    answers = [(await evotor.stores(token)).status_code for _ in range(3)]
    assert answers == [503, 503, 200]


@pytest.mark.parametrize("named", [MAIN_SHOP, "Основной магазин"])
async def test_a_mode_may_concern_one_account(evotor: Caller, token: str, named: str) -> None:
    other = (await evotor.connect(OTHER_SHOP))["access_token"]
    await evotor.control(mode="error", account=named)
    assert (await evotor.stores(token)).status_code == 503
    assert (await evotor.stores(other)).status_code == 200


async def test_a_mode_may_concern_one_client(evotor: Caller, sklad: Caller, token: str) -> None:
    other = (await sklad.connect("wh-02"))["access_token"]
    await evotor.control(mode="error", client="sklad")
    me = await sklad.http.get("/me", headers={"Authorization": f"Bearer {other}"})
    assert me.status_code == 503
    assert (await evotor.stores(token)).status_code == 200


async def test_an_order_for_all_replaces_one_for_an_account(evotor: Caller, token: str) -> None:
    await evotor.control(mode="error", account=MAIN_SHOP)
    await evotor.control(mode="ok")
    assert (await evotor.stores(token)).status_code == 200


async def test_an_outage_meets_unknown_tokens_and_a_refusal_only_good_ones(evotor: Caller) -> None:
    await evotor.control(mode="error")
    assert (await evotor.stores("unknown")).status_code == 503
    await evotor.control(mode="denied")
    assert (await evotor.stores("unknown")).status_code == 401


async def test_the_token_endpoint_can_fail_alone(evotor: Caller) -> None:
    tokens = await evotor.connect()
    await evotor.control(mode="error", endpoint="token", count=1)
    assert (await evotor.stores(tokens["access_token"])).status_code == 200
    assert (await evotor.refresh(tokens["refresh_token"])).status_code == 503
    assert (await evotor.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_failed_exchange_leaves_the_code_good(evotor: Caller) -> None:
    await evotor.control(mode="garbage", endpoint="token", account=MAIN_SHOP, count=1)
    code = await evotor.code()
    assert (await evotor.exchange(code)).text.startswith("<!doctype html>")
    assert (await evotor.exchange(code)).status_code == 200


async def test_the_token_endpoint_can_forget_the_client(evotor: Caller) -> None:
    await evotor.control(mode="unauthorized", endpoint="token")
    answer = await evotor.exchange(await evotor.code())
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_the_revocation_endpoint_can_fail_alone(evotor: Caller, token: str) -> None:
    await evotor.control(mode="error", endpoint="revoke")
    assert (await evotor.revoke(token)).status_code == 503
    assert (await evotor.stores(token)).status_code == 200


async def test_the_lifetime_of_new_tokens_can_be_set(
    evotor: Caller, http: httpx.AsyncClient
) -> None:
    await evotor.control(access_token_lifetime=7)
    answer = await evotor.exchange(await evotor.code())
    assert answer.json()["expires_in"] == 7
    assert (await http.get("/control")).json()["access_token_lifetime"] == 7
