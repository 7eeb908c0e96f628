"""Which addresses that people type in can be sent to at all."""

import pytest

from app.outbound.allowed_hosts import typed_url


@pytest.mark.parametrize(
    "address",
    [
        "https://ok.ru/hook?x=1",
        "https://OK.ru:8443",
        "https://пример.рф/x",
        "https://a_b.example.ru/",
        "https://a.ru./",
        "https://1.2.3.4/",
        "https://[2001:db8::1]/",
    ],
)
def test_a_host_by_name_or_number_can_be_sent_to(address: str) -> None:
    assert typed_url(address) is not None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ok.ru",
        "https://",
        "https:///path",
        "https://xn--/",
        "https://[v1.x]/",
        "https://a\tb.ru/",
        "https://a\0b.ru/",
        "https://a b.ru/",
        "https://a\u00adb.ru/",
        "https://a\ud800b.ru/",
        "https://a..ru/",
        "https://.ru/",
        "https://-a.ru/",
        "https://a-.ru/",
        "https://a%00.ru/",
        "https://a.ru:0/",
        "https://a.ru:99999/",
        "https://a.ru:x/",
        "https://a.ru/\r\nX: y",
        f"https://{'a' * 64}.ru/",
        f"https://{'a.' * 130}ru/",
    ],
)
def test_what_no_request_can_reach_is_no_target(address: str) -> None:
    assert typed_url(address) is None
