"""The page of switches, as a person without JavaScript meets it."""

import re

import httpx
import pytest

from app.sandbox.catalogue import everyone
from app.sandbox.faults import Mode
from tests.sandbox.caller import MAIN_SHOP, Caller


async def test_the_page_says_that_it_is_a_sandbox(http: httpx.AsyncClient) -> None:
    page = (await http.get("/")).text
    assert "Это песочница, не настоящий сервис" in page
    assert "Пока никто ничего не подключил" in page
    assert '<meta http-equiv="refresh" content="5">' in page


@pytest.mark.parametrize("mode", Mode)
async def test_every_mode_has_its_button_and_shows_when_it_is_on(
    evotor: Caller, mode: Mode
) -> None:
    await evotor.http.post("/control", data={"mode": mode.value})
    page = (await evotor.http.get("/")).text
    assert pressed(page) == [mode.value]


async def test_nothing_looks_pressed_while_accounts_differ(evotor: Caller) -> None:
    await evotor.control(mode="error", account=MAIN_SHOP)
    assert pressed((await evotor.http.get("/")).text) == []
    assert pressed((await evotor.http.get(f"/?for={MAIN_SHOP}")).text) == ["error"]
    assert pressed((await evotor.http.get("/?for=sklad")).text) == ["ok"]


async def test_grants_and_requests_are_listed_without_tokens(evotor: Caller) -> None:
    tokens = await evotor.connect()
    await evotor.stores(tokens["access_token"])
    page = (await evotor.http.get("/")).text
    for words in ("Эвотор: Основной магазин", "Отозвать", "Просрочить", "/stores"):
        assert words in page
    assert tokens["access_token"] not in page
    assert tokens["refresh_token"] not in page


async def test_the_buttons_of_a_grant_concern_that_grant_alone(evotor: Caller) -> None:
    first, second = await evotor.connect(), await evotor.connect()
    page = (await evotor.http.get("/")).text
    newest = re.findall(r'name="grant" value="(\w+)"', page)[0]
    answer = await evotor.http.post("/control/revoke", data={"grant": newest})
    assert answer.headers["location"] == "/"
    assert (await evotor.stores(first["access_token"])).status_code == 200
    assert (await evotor.stores(second["access_token"])).status_code == 401


async def test_the_page_can_stop_refreshing(http: httpx.AsyncClient) -> None:
    page = (await http.get("/?still=1")).text
    assert "http-equiv" not in page
    assert 'name="still" value="1"' in page


async def test_a_strange_choice_means_everybody(http: httpx.AsyncClient) -> None:
    page = (await http.get("/?for=<script>")).text
    assert "Все сервисы сразу" in page
    assert "<script" not in page


async def test_a_missing_page_is_told_in_russian(http: httpx.AsyncClient) -> None:
    answer = await http.get("/missing")
    assert (answer.status_code, "Такой страницы здесь нет" in answer.text) == (404, True)
    assert (await http.get("/oauth/token")).status_code == 405


async def test_every_answer_is_guarded(http: httpx.AsyncClient) -> None:
    for path in ("/", "/control", "/missing", "/stores", "/static/sandbox.css"):
        headers = (await http.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"


def test_an_account_is_known_by_its_id_or_its_name_alone() -> None:
    accounts = [account for _, account in everyone()]
    assert len({account.id for account in accounts}) == len(accounts)
    assert len({account.name for account in accounts}) == len(accounts)


def pressed(page: str) -> list[str]:
    return re.findall(r'value="(\w+)" aria-pressed="true"', page)


FOREIGN = ["evil.example", "evil.example:8001", "", "localhost.evil", "[::2]"]
OURS = ["localhost:8001", "LOCALHOST", "127.0.0.1:1", "[::1]:8001", "[::1]"]


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_name_that_was_made_to_lead_here_is_not_served(
    http: httpx.AsyncClient, host: str
) -> None:
    """A page of evil.example in a browser on this machine would read and press everything."""
    for path in ("/", "/control", "/oauth/authorize"):
        assert (await http.get(path, headers={"Host": host})).status_code == 421, path
    assert (await http.post("/control", headers={"Host": host}, json={})).status_code == 421


@pytest.mark.parametrize("host", OURS)
async def test_this_machine_by_any_of_its_names_is(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/control", headers={"Host": host})).status_code == 200
