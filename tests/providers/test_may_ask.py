"""What is kept of a grant leads to hosts of its provider alone, or nothing is stored."""

import pytest

from app.providers.registry import BUILT_IN

ENTRIES = {entry.name: entry for entry in BUILT_IN}


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://shop.bitrix24.ru/rest/", True),
        ("https://shop.bitrix24.eu/rest/", True),
        ("https://evil.example/rest/", False),
        ("https://bitrix24.ru.evil.example/rest/", False),
        ("https://shop.bitrix24.ru@evil.example/rest/", False),
        ("http://shop.bitrix24.ru/rest/", False),
        ("https://127.0.0.1/rest/", False),
        ("https://shop.bitrix24.ru:8443/rest/", False),
        ("not an address", False),
    ],
)
def test_an_endpoint_of_the_token_answer_is_a_strangers_word(endpoint: str, allowed: bool) -> None:
    kept = {"client_endpoint": endpoint, "member_id": "1"}
    assert ENTRIES["bitrix24"].may_ask(kept) is allowed


def test_what_is_needed_and_missing_leads_nowhere() -> None:
    assert not ENTRIES["bitrix24"].may_ask({})


@pytest.mark.parametrize("name", ["evotor", "google", "github"])
def test_an_entry_without_tenants_asks_its_own_hosts(name: str) -> None:
    assert ENTRIES[name].may_ask({})
