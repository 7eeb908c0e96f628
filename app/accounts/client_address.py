"""Network addresses of clients: one spelling for each, and what counts as one client."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# What one subscriber gets at least (RFC 6177): they choose the other 64 bits freely.
IPV6_SUBSCRIBER = 64


def canonical_address(text: str) -> str:
    """The one spelling (RFC 5952) of an address that may come with a port, in brackets, with a
    zone, or as an IPv4 address in IPv6's clothes; "" for what is no address.
    """
    address = _parsed(text)
    return "" if address is None else str(address)


def subscriber_of(text: str | None) -> str:
    """What rate limits count for an address: an IPv4 address, or the /64 of an IPv6 one."""
    address = _parsed(text or "")
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_SUBSCRIBER), strict=False))
    return "" if address is None else str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(_without_port(text.strip()))
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    # A zone names an interface of this machine (RFC 4007 section 11), not another client.
    return address.ipv4_mapped or IPv6Address(int(address))


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
