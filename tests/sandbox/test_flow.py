"""A whole connection's life, and what a grant is good for."""

from tests.sandbox.caller import MAIN_SHOP, NO_SHOP, OTHER_SHOP, V2, Caller


async def test_a_connection_lives_and_dies(evotor: Caller) -> None:
    tokens = await evotor.connect()
    answer = await evotor.stores(tokens["access_token"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == V2
    assert answer.json()["items"][0]["name"] == "Основной магазин"
    assert answer.json()["items"][0]["user_id"] == MAIN_SHOP
    assert answer.json()["paging"] == {}

    newer = (await evotor.refresh(tokens["refresh_token"])).json()
    assert newer["refresh_token"] != tokens["refresh_token"]
    assert (await evotor.stores(newer["access_token"])).status_code == 200

    reused = await evotor.refresh(tokens["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert (await evotor.stores(newer["access_token"])).status_code == 401
    assert (await evotor.refresh(newer["refresh_token"])).json()["error"] == "invalid_grant"

    again = await evotor.connect()
    assert (await evotor.revoke(again["refresh_token"])).status_code == 200
    refused = await evotor.stores(again["access_token"])
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_revoking_the_access_token_ends_the_grant_too(evotor: Caller) -> None:
    tokens = await evotor.connect()
    await evotor.revoke(tokens["access_token"])
    assert (await evotor.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_an_unknown_token_is_fine(evotor: Caller) -> None:
    assert (await evotor.revoke("unknown")).status_code == 200


async def test_one_client_cannot_revoke_anothers_token(evotor: Caller, sklad: Caller) -> None:
    tokens = await evotor.connect()
    assert (await sklad.revoke(tokens["access_token"])).status_code == 200
    assert (await evotor.stores(tokens["access_token"])).status_code == 200


async def test_an_account_may_have_several_stores_or_none(evotor: Caller) -> None:
    several = await evotor.stores((await evotor.connect(OTHER_SHOP))["access_token"])
    none = await evotor.stores((await evotor.connect(NO_SHOP))["access_token"])
    assert [store["name"] for store in several.json()["items"]] == [
        "Магазин на Ленина",
        "Киоск у вокзала",
    ]
    assert none.json()["items"] == []


async def test_evotors_older_header_is_understood(evotor: Caller) -> None:
    token = (await evotor.connect())["access_token"]
    answer = await evotor.http.get("/stores", headers={"X-Authorization": token})
    assert answer.status_code == 200


async def test_who_wants_another_format_is_told_so(evotor: Caller) -> None:
    token = (await evotor.connect())["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    assert (await evotor.http.get("/stores", headers=headers)).status_code == 406


async def test_without_a_token_no_error_code_is_given(evotor: Caller) -> None:
    answer = await evotor.http.get("/stores")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_other_providers_say_who_the_person_is(sklad: Caller) -> None:
    token = (await sklad.connect("wh-02"))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await sklad.http.get("/me", headers=headers)).json() == {
        "sub": "wh-02",
        "name": "Склад «Север»",
    }
    assert (await sklad.stores(token)).status_code == 403


async def test_an_answer_of_the_token_endpoint_is_complete_and_not_kept(evotor: Caller) -> None:
    code = await evotor.code(scope="store:read profile")
    answer = await evotor.exchange(code)
    assert set(answer.json()) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
    }
    assert answer.json()["scope"] == "store:read profile"
    assert answer.json()["expires_in"] == 3600
    assert answer.headers["cache-control"] == "no-store"


async def test_metadata_names_every_endpoint(evotor: Caller) -> None:
    found = (await evotor.http.get("/.well-known/oauth-authorization-server")).json()
    assert found["issuer"] == "http://localhost"
    assert found["token_endpoint"] == "http://localhost/oauth/token"
    assert found["authorization_response_iss_parameter_supported"] is True
