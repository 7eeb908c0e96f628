"""One client has one name, however its address is written."""

import pytest

from app.accounts.client_address import canonical_address, subscriber_of


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:CB00:7107", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB9::1", "2001:db9::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::1", "::1"),
        *((written, "") for written in ("", "unknown", "_hidden", "203.0.113", "203.0.113.007")),
        *((written, "") for written in ("a:b", "[", "[]", "[]:1", ":", "1:2:3", "١.٢.٣.٤", "::g")),
    ],
)
def test_an_address_has_one_spelling(written: str, address: str) -> None:
    assert canonical_address(written) == address


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::%eth1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
        (None, ""),
        ("unknown", ""),
    ],
)
def test_a_subscriber_is_counted_once(address: str | None, subscriber: str) -> None:
    assert subscriber_of(address) == subscriber
