"""The authorization endpoint: who is asked, who is sent where."""

import httpx
import pytest

from app.sandbox.authorization import is_loopback
from tests.sandbox.caller import CHALLENGE, REDIRECT_URI, Caller, answer_of


async def test_the_consent_page_says_who_asks_for_what(evotor: Caller) -> None:
    page = (await evotor.ask(scope="store:read")).text
    for words in ("Эвотор", "видеть ваши магазины", "Магазин на Ленина", "Разрешить", "Отказать"):
        assert words in page
    assert "видеть список сотрудников" not in page


async def test_the_consent_page_may_lead_back_to_the_client(evotor: Caller) -> None:
    policy = (await evotor.ask()).headers["content-security-policy"]
    assert policy.endswith("form-action 'self' http://127.0.0.1:8000")


async def test_the_answer_carries_code_state_and_issuer(evotor: Caller) -> None:
    redirect = await evotor.consent(state="a b&c")
    answer = answer_of(redirect)
    assert redirect.headers["location"].startswith(f"{REDIRECT_URI}?")
    assert answer["state"] == "a b&c"
    assert answer["iss"] == "http://localhost"
    assert answer["code"]


async def test_a_redirect_uri_keeps_its_own_query(evotor: Caller) -> None:
    redirect = await evotor.consent(redirect_uri=f"{REDIRECT_URI}?shop=1")
    assert redirect.headers["location"].startswith(f"{REDIRECT_URI}?shop=1&code=")


async def test_a_no_goes_back_as_access_denied(evotor: Caller) -> None:
    answer = answer_of(await evotor.consent(decision="deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "st")
    assert "code" not in answer


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/callback"},
    ],
)
async def test_an_unknown_asker_gets_a_page_and_no_redirect(
    evotor: Caller, changes: dict[str, str]
) -> None:
    for answer in (await evotor.ask(**changes), await evotor.consent(**changes)):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "Не получилось" in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "store:read bank:empty"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
    ],
)
async def test_a_wrong_request_goes_back_as_an_error(
    evotor: Caller, changes: dict[str, str], error: str
) -> None:
    for answer in (await evotor.ask(**changes), await evotor.consent(**changes)):
        back = answer_of(answer)
        assert (back["error"], back["state"], back["iss"]) == (error, "st", "http://localhost")


async def test_a_parameter_given_twice_is_refused(evotor: Caller) -> None:
    asked = httpx.QueryParams(evotor.asking()).add("scope", "profile").add("scope", "store:read")
    answer = await evotor.http.get("/oauth/authorize", params=asked)
    assert answer_of(answer)["error"] == "invalid_request"


async def test_an_account_of_another_provider_is_refused(evotor: Caller) -> None:
    assert (await evotor.consent(account="wh-02")).status_code == 400


async def test_consent_pressed_on_another_site_is_refused(evotor: Caller) -> None:
    for site in ("cross-site", "same-site"):
        evotor.http.headers["Sec-Fetch-Site"] = site
        assert (await evotor.consent()).status_code == 400


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/",
        "http://localhost:8123/a/b?c=d",
        "https://localhost/callback",
        "http://[::1]:9/x",
    ],
)
def test_loopback_addresses_are_accepted(uri: str) -> None:
    assert is_loopback(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://evil.example#@127.0.0.1/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1:99999/",
        "http://local\nhost/",
        "http://127.0.0.1/#part",
        "javascript://localhost/%0aalert(1)",
        "//localhost/",
        "http://192.168.0.1/",
    ],
)
def test_other_addresses_are_not(uri: str) -> None:
    assert not is_loopback(uri)
