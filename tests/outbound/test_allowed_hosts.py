"""Hostile hosts at the gate: none of them is asked, none of them is even looked up."""

from typing import Any

import httpx
import pytest

from app.outbound.allowed_hosts import PUBLIC, Hosts, is_public, is_special
from app.providers.provider import Provider
from app.providers.spec_parts import Probe
from tests.support.outbound import ask, open_client

TENANTS = Provider(
    "acme",
    "Acme",
    "https://acme.example/auth",
    "https://{host}/oauth2/access_token",
    Probe("https://{host}/api/v4/account"),
    allowed_hosts=("amocrm.ru", ".amocrm.com"),
)
ONE_HOST = Provider(
    "acme", "Acme", "https://acme.ru/auth", "https://acme.ru/token", Probe("https://acme.ru/me")
)

HOSTILE = [
    # another host in front of, behind or around the allowed one
    "evilamocrm.ru",
    "evil-amocrm.ru",
    "amocrm.ru.evil.com",
    "shop.amocrm.ru.evil.com",
    "shop.amocrm.ru-evil.com",
    "shop.amocrm.ruu",
    "amocrm.ru",  # the suffix itself is nobody's tenant
    ".amocrm.ru",
    "evil.com",
    # userinfo
    "shop.amocrm.ru@evil.com",
    "shop.amocrm.ru:443@evil.com",
    "user:password@shop.amocrm.ru",
    "evil.com@shop.amocrm.ru",
    "shop.amocrm.ru%40evil.com",
    # the end of a host, in disguise
    "evil.com/.amocrm.ru",
    "evil.com#.amocrm.ru",
    "evil.com?.amocrm.ru",
    "evil.com\\.amocrm.ru",
    "evil.com%2f.amocrm.ru",
    "evil.com%00.amocrm.ru",
    "evil.com;.amocrm.ru",
    "shop.amocrm.ru\\@evil.com",
    # white space and control characters
    "evil.com\t.amocrm.ru",
    "evil.com\n.amocrm.ru",
    "shop.amocrm.ru\r\nHost: evil.com",
    " shop.amocrm.ru",
    "evil.com .amocrm.ru",
    "evil.com\x00.amocrm.ru",
    # dots
    "shop.amocrm.ru.",
    "shop.amocrm.ru..",
    "shop..amocrm.ru",
    "..amocrm.ru",
    # other alphabets
    "shop.\N{CYRILLIC SMALL LETTER A}mocrm.ru",
    "shop.am\N{CYRILLIC SMALL LETTER O}crm.ru",
    "xn--mocrm-3ve.ru",
    "evil.com\N{FULLWIDTH SOLIDUS}.amocrm.ru",
    "evil.com\N{FULLWIDTH NUMBER SIGN}.amocrm.ru",
    # ports
    "shop.amocrm.ru:22",
    "shop.amocrm.ru:8443",
    "shop.amocrm.ru:99999",
    "shop.amocrm.ru:0x1bb",
    # labels that are none
    "-shop.amocrm.ru",
    "shop-.amocrm.ru",
    "a" * 64 + ".amocrm.ru",
    ".".join(["a" * 60] * 5) + ".amocrm.ru",
    "shop_x.amocrm.ru",
    "*.amocrm.ru",
    # addresses, in every way of writing them
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "8.8.8.8",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2a00:1450:4010:c0f::71]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "localhost.localdomain",
    "metadata.google.internal",
    "",
]
SPELT_OTHERWISE = [  # an address bar makes the allowed host of them; a stored host must not
    "SHOP.amocrm.ru",
    "shop.AMOCRM.ru",
    "shop.amocrm\N{IDEOGRAPHIC FULL STOP}ru",
    "shop.amocrm.ru:443",
    "shop.amocrm.ru:",
    "shop.amocrm.ru/",
    "shop.amocrm.ru/../x",
    "shop.amocrm.ru?x=1",
    "https://shop.amocrm.ru",
    "shop.amocrm.ru#",
]


async def nobody_asks(host: str, _port: int) -> Any:
    raise AssertionError(f"{host} was looked up")


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 80


@pytest.mark.parametrize("host", HOSTILE + SPELT_OTHERWISE, ids=ascii)
def test_a_hostile_host_is_no_tenant(host: str) -> None:
    assert not TENANTS.hosts.is_tenant(host)


@pytest.mark.parametrize("host", HOSTILE, ids=ascii)
def test_an_address_on_a_hostile_host_is_not_worth_storing(host: str) -> None:
    assert not TENANTS.hosts.allow_text(f"https://{host}/rest/")
    assert not TENANTS.hosts.allow_text(host)


@pytest.mark.parametrize("host", ["shop.amocrm.ru", "a.b.amocrm.ru", "my-shop1.amocrm.com"])
def test_a_tenant_is_allowed_over_https_at_its_usual_port(host: str) -> None:
    assert TENANTS.hosts.is_tenant(host)
    assert TENANTS.hosts.allow(httpx.URL(f"https://{host}/api"))
    assert TENANTS.hosts.allow_text(f"https://{host}/rest/")
    assert TENANTS.hosts.allow(httpx.URL(f"https://{host.upper()}:443/api"))
    assert not TENANTS.hosts.allow(httpx.URL(f"http://{host}/api"))
    assert not TENANTS.hosts.allow(httpx.URL(f"http://{host}:443/api"))
    assert not TENANTS.hosts.allow(httpx.URL(f"https://{host}:80/api"))


@pytest.mark.parametrize("entry", [TENANTS, ONE_HOST], ids=["tenants", "one host"])
@pytest.mark.parametrize("host", HOSTILE, ids=ascii)
async def test_nothing_is_sent_to_a_hostile_host_nor_looked_up(host: str, entry: Provider) -> None:
    try:
        request = httpx.Request("GET", f"https://{host}/api/v4/account")
    except httpx.InvalidURL:
        return  # there is no such address at all
    async with open_client(loopback=False, resolve=nobody_asks) as http:
        reply = await ask(http, request, 5, entry.destination)
    assert (reply.failure, reply.reached, reply.status) == ("not_allowed", False, None)


@pytest.mark.parametrize("scheme", ["http", "ftp", "file", "ws", "gopher", "HTTP"])
async def test_nothing_but_https_leaves(scheme: str) -> None:
    request = httpx.Request("GET", f"{scheme}://acme.ru/me")
    async with open_client(loopback=True, resolve=nobody_asks) as http:
        for destination in (ONE_HOST.destination, PUBLIC):
            assert (await ask(http, request, 5, destination)).failure == "not_allowed"


def test_an_entry_without_tenants_allows_its_own_hosts_and_ports_alone() -> None:
    hosts = Hosts.of(["https://acme.ru/token", "https://api.acme.ru:8443/me", ""])
    for good in ("https://acme.ru/", "https://ACME.ru:443/x", "https://api.acme.ru:8443/"):
        assert hosts.allow(httpx.URL(good)), good
    for bad in ("https://api.acme.ru/", "https://acme.ru:8443/", "http://acme.ru/"):
        assert not hosts.allow(httpx.URL(bad)), bad
    assert not hosts.allow(httpx.URL("https://www.acme.ru/"))
    assert not hosts.allow(httpx.URL("https://acme.ru./"))
    assert not hosts.allow(httpx.URL("https://user@acme.ru/"))


def test_a_host_in_another_alphabet_is_the_same_host_in_both_spellings() -> None:
    hosts = Hosts.of(["https://пример.рф/token"])
    assert hosts.allow(httpx.URL("https://xn--e1afmkfd.xn--p1ai/me"))
    assert hosts.allow(httpx.URL("https://пример.рф/me"))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1"),
        *("127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8"),
        *("192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"),
        *("198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "fe80::1", "fe80::1%eth0"),
        *("fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:db8::1"),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "100::1", "5f00::1"),
        *("2a00:1450::1%eth0", "4000::1"),
    ],
)
def test_these_addresses_are_nobodys_on_the_internet(address: str) -> None:
    assert not is_public(address)
    assert is_special(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1"])
def test_what_is_no_address_is_not_a_public_one(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
        *("192.169.0.1", "223.255.255.255", "2a00:1450:4010:c0f::71", "2606:4700::1111"),
        *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
)
def test_these_addresses_are_public(address: str) -> None:
    assert is_public(address)
    assert not is_special(address)
