"""A browser's own words, in ours."""

from zoneinfo import available_timezones

import pytest

from app.i18n.timezones import ZONES, zone_named
from app.web.accounts.user_agents import device, is_hand_held

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
GECKO = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {GECKO} Chrome/142.0", "Chrome, Windows"),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {GECKO} Chrome/142.0 YaBrowser/25.1 Safari/537.36",
            "Яндекс Браузер, Windows",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0) {GECKO} Chrome/142.0 Edg/142.0", "Edge, Windows"),
        (f"Mozilla/5.0 (iPhone; like Mac OS X) {APPLE} Mobile Safari/604.1", "Safari, iPhone"),
        (f"Mozilla/5.0 (iPhone; like Mac OS X) {APPLE} CriOS/142.0 Safari/604", "Chrome, iPhone"),
        (f"Mozilla/5.0 (Linux; Android 16) {GECKO} Chrome/142.0 Mobile", "Chrome, Android"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox, Linux",
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X) {APPLE} Version/26.0 Safari/605", "Safari, Mac"),
        ("curl/8.1", "Неизвестное устройство"),
        ("", "Неизвестное устройство"),
    ],
)
def test_a_device_is_named_in_plain_words(user_agent: str, words: str) -> None:
    assert device(user_agent) == words


def test_a_telephone_is_told_from_a_computer() -> None:
    assert is_hand_held("Mozilla/5.0 (Linux; Android 16)")
    assert not is_hand_held("Mozilla/5.0 (Windows NT 10.0)")


def test_every_time_zone_on_offer_exists() -> None:
    assert set(ZONES) <= available_timezones()


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd"])
def test_what_is_not_on_offer_is_the_servers_own(name: str | None) -> None:
    assert zone_named(name) is None
