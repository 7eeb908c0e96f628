"""Where requests may go: the hosts that an entry allows, and the addresses that are anybody's at
all. Pure: nothing is looked up here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TYPED_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # a part of a host's name
LONGEST_HOST = 253  # characters
DEFAULT_PORTS = {"https": 443, "http": 80}
LONGEST_HOST = 253  # characters, RFC 1035 section 2.3.4
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"{LABEL}(?:\.{LABEL})+")

# IANA's special-purpose address registries (RFC 6890), multicast, and the dead 6to4 relays. Written
# out, because what Python's `is_global` says of them changes between its releases.
SPECIAL_4 = [
    IPv4Network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
GLOBAL_6 = IPv6Network("2000::/3")
SPECIAL_6 = [  # inside it: protocols (Teredo among them), documentation, 6to4
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the IPv4 address is its last 32 bits

Origin = tuple[str, str, int]  # scheme, host, port


@dataclass(frozen=True)
class Hosts:
    """Where requests for one provider may go: to these origins, and to hosts under the suffixes."""

    origins: frozenset[Origin]
    suffixes: tuple[str, ...] = ()  # each with a dot in front

    @classmethod
    def of(cls, addresses: Iterable[str], suffixes: Iterable[str] = ()) -> "Hosts":
        """`addresses` are an entry's own; one with a placeholder for a host allows nothing."""
        urls = [httpx.URL(each) for each in addresses if each and not _has_placeholder(each)]
        dotted = tuple("." + each.lstrip(".").lower() for each in suffixes if each.strip("."))
        return cls(frozenset(origin_of(url) for url in urls), dotted)

    def allow(self, url: httpx.URL) -> bool:
        """May a request go there? A name in front of the host is a trick, never an address."""
        return not url.userinfo and self.allow_origin(origin_of(url))

    def allow_origin(self, origin: Origin) -> bool:
        scheme, host, port = origin
        return origin in self.origins or ((scheme, port) == ("https", 443) and self.is_tenant(host))

    def allow_text(self, address: str) -> bool:
        """The same of an address that somebody gave us: to be asked before it is stored."""
        try:
            return self.allow(httpx.URL(address))
        except httpx.InvalidURL:
            return False

    def is_tenant(self, host: str) -> bool:
        """Is this the name of a host under one of the suffixes, and nothing else than a name?

        To be asked of every host that comes from outside, before it is stored or put into an
        address: lower case, no dot at the end, no port, no path.
        """
        named = host.endswith(self.suffixes) and len(host) <= LONGEST_HOST
        return named and HOST.fullmatch(host) is not None


@dataclass(frozen=True)
class Destination:
    """Where one request may go, and whom to believe there besides the system's authorities."""

    hosts: Hosts | None  # None: any public one, by https
    ca_file: str = ""
    loopback: bool = False  # with `hosts` None: also what listens on this machine

    @property
    def may_be_loopback(self) -> bool:
        """What the operator has named may be this machine; what people type in only if told so."""
        return self.hosts is not None or self.loopback

    def allows(self, origin: Origin) -> bool:
        """Loopback is for those who switched it on; that is looked at before."""
        if self.hosts is None:
            return origin[0] == "https" or origin[1] in LOOPBACK
        return self.hosts.allow_origin(origin)


PUBLIC = Destination(None)


def origin_of(url: httpx.URL) -> Origin:
    host = url.raw_host.decode("ascii", "replace")
    return url.scheme, host, url.port or DEFAULT_PORTS.get(url.scheme, 0)


def typed_url(address: str) -> httpx.URL | None:
    """Of an address that somebody typed in; None where nothing could ever be sent to it: no host,
    one that is no name (RFC 1123 section 2.1; with underscores, which are met) and no IP address,
    no port.
    """
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return None
    _, host, port = origin_of(url)
    is_host = ":" in host or re.fullmatch(rf"{TYPED_LABEL}(\.{TYPED_LABEL})*\.?", host) is not None
    is_port = url.port != 0 and 0 < port < 65_536
    return url if is_host and is_port and len(host) <= LONGEST_HOST else None


def is_public(address: str) -> bool:
    """May anybody on the Internet have this address? Not for what merely looks like one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_4(parsed) if isinstance(parsed, IPv4Address) else _is_public_6(parsed)


def is_special(host: str) -> bool:
    """Is this an IP address, and not a public one? A name is not: it has to be looked up first."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _has_placeholder(address: str) -> bool:
    """Is its host for a tenant's data to say? Then the suffixes decide, and nothing else."""
    return "{" in "/".join(address.split("/", 3)[:3])


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in SPECIAL_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_4(address.ipv4_mapped)
    if address in NAT64:
        return _is_public_4(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in GLOBAL_6 and not any(address in network for network in SPECIAL_6)
