"""The control interface: its state, its orders, and what it refuses."""

import httpx
import pytest

from tests.sandbox.caller import MAIN_SHOP, OTHER_SHOP, Caller


async def test_state_shows_modes_grants_and_requests_but_no_token(evotor: Caller) -> None:
    tokens = await evotor.connect()
    await evotor.stores(tokens["access_token"])
    await evotor.control(mode="error", account=OTHER_SHOP, count=3)
    answer = await evotor.http.get("/control")
    state = answer.json()
    modes = {mode["account"]: (mode["mode"], mode["left"]) for mode in state["modes"]}
    assert modes[MAIN_SHOP] == ("ok", None)
    assert modes[OTHER_SHOP] == ("error", 3)
    [grant] = state["grants"]
    assert (grant["client"], grant["account"]) == ("evotor", MAIN_SHOP)
    assert grant["scopes"] == ["store:read"]
    last = state["requests"][-1]
    assert (last["method"], last["path"], last["status"]) == ("GET", "/stores", 200)
    assert (last["client"], last["account"]) == ("evotor", MAIN_SHOP)
    assert tokens["access_token"] not in answer.text
    assert tokens["refresh_token"] not in answer.text


async def test_the_log_keeps_the_last_two_hundred(evotor: Caller) -> None:
    for _ in range(201):
        await evotor.http.get("/me")
    assert len((await evotor.http.get("/control")).json()["requests"]) == 200


async def test_it_counts_refreshes_and_tokens_that_came_twice(evotor: Caller) -> None:
    tokens = await evotor.connect()
    for _ in range(2):
        newer = (await evotor.refresh(tokens["refresh_token"])).json()
    assert newer["error"] == "invalid_grant"
    state = (await evotor.http.get("/control")).json()
    assert (state["refreshes"], state["reuses"], state["grants"]) == (1, 1, [])


async def test_revoke_ends_the_grants_of_one_account(evotor: Caller) -> None:
    mine, other = await evotor.connect(), await evotor.connect(OTHER_SHOP)
    assert (await evotor.control("/revoke", account=MAIN_SHOP)).json() == {"revoked": 1}
    assert (await evotor.stores(mine["access_token"])).status_code == 401
    assert (await evotor.refresh(mine["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await evotor.stores(other["access_token"])).status_code == 200


async def test_revoke_without_a_body_ends_all(evotor: Caller) -> None:
    tokens = await evotor.connect()
    assert (await evotor.http.post("/control/revoke")).json() == {"revoked": 1}
    assert (await evotor.stores(tokens["access_token"])).status_code == 401


async def test_expire_leaves_the_refresh_token_good(evotor: Caller) -> None:
    tokens = await evotor.connect()
    assert (await evotor.control("/expire")).json() == {"expired": 1}
    assert (await evotor.stores(tokens["access_token"])).status_code == 401
    newer = (await evotor.refresh(tokens["refresh_token"])).json()
    assert (await evotor.stores(newer["access_token"])).status_code == 200


async def test_reset_makes_all_well_and_leaves_nobodys_grant(evotor: Caller) -> None:
    tokens = await evotor.connect()
    at_start = (await evotor.http.get("/control")).json()["modes"]
    for order in ({"mode": "error"}, {"mode": "slow", "endpoint": "token"}, {"mode": "denied"}):
        await evotor.control(**order)
    await evotor.control(access_token_lifetime=5)
    assert (await evotor.control("/reset")).status_code == 200
    state = (await evotor.http.get("/control")).json()
    assert (state["modes"], state["grants"]) == (at_start, [])
    assert state["access_token_lifetime"] == 3600
    assert (await evotor.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_reset_is_for_everybody(evotor: Caller) -> None:
    await evotor.connect()
    answer = await evotor.control("/reset", account=MAIN_SHOP)
    assert (answer.status_code, "takes no fields" in answer.json()["error"]) == (400, True)
    assert len((await evotor.http.get("/control")).json()["grants"]) == 1


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({}, "mode must be one of ok, error"),
        ({"mode": "broken"}, "mode must be one of"),
        ({"mode": ["ok"]}, "mode must be one of"),
        ({"mode": "ok", "account": "nobody"}, "No account nobody"),
        ({"mode": "ok", "client": "nobody"}, "No client nobody; known: evotor"),
        ({"mode": "ok", "client": "sklad", "account": MAIN_SHOP}, "No account"),
        ({"mode": "ok", "endpoint": "moon"}, "endpoint must be one of api, token, revoke"),
        ({"mode": "error", "count": 0}, "count must be a whole number of 1 or more"),
        ({"mode": "error", "count": True}, "count must be"),
        ({"mode": "error", "count": 1.5}, "count must be"),
        ({"mode": "error", "count": "many"}, "count must be"),
        ({"mode": "rate_limited", "retry_after": -1}, "retry_after must be"),
        ({"access_token_lifetime": "long"}, "access_token_lifetime must be"),
        ({"mode": "ok", "acount": MAIN_SHOP}, "Unknown field acount"),
    ],
)
async def test_a_senseless_order_is_refused_in_a_sentence(
    evotor: Caller, order: dict[str, object], sentence: str
) -> None:
    answer = await evotor.control(**order)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("path", ["", "/revoke", "/expire", "/reset"])
@pytest.mark.parametrize("body", ["[1]", "not json", '"ok"', b"\xff\xfe"])
async def test_a_body_that_is_no_object_is_refused(
    http: httpx.AsyncClient, path: str, body: str | bytes
) -> None:
    answer = await http.post(f"/control{path}", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The body")


@pytest.mark.parametrize("path", ["/revoke", "/expire"])
async def test_revoke_and_expire_know_their_accounts(evotor: Caller, path: str) -> None:
    answer = await evotor.control(path, account="nobody")
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "No account nobody; GET /control lists them.",
    )


async def test_json_that_calls_itself_a_form_is_json(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post("/control", content='{"mode": "slow"}', headers=headers)
    assert answer.json()["mode"] == "slow"


async def test_a_form_goes_back_to_the_page_as_it_was(http: httpx.AsyncClient) -> None:
    answer = await http.post("/control", data={"mode": "error"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    form = {"mode": "ok", "account": "wh-02", "for": "wh-02", "still": "1", "count": ""}
    answer = await http.post("/control", data=form)
    assert answer.headers["location"] == "/?for=wh-02&still=1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_other_sites_cannot_press_the_switches(
    http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path in ("/control", "/control/revoke", "/control/expire", "/control/reset"):
        answer = await http.post(path, data={"mode": "error"}, headers=headers)
        assert answer.status_code == 403


async def test_the_page_itself_can(http: httpx.AsyncClient) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        answer = await http.post("/control", data={"mode": "error"}, headers=headers)
        assert answer.status_code == 303
