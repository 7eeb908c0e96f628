"""DATABASE_URL in libpq's forms: what asyncpg reads, what we add to it, what is refused by name.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING. asyncpg reads hosts,
sockets, TLS and `target_session_attrs` as libpq does, and takes what it does not know for a setting
of the server: hence the lists here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
FORM = "wants postgres://USER:PASSWORD@HOST:PORT/DATABASE"
HOST = re.compile(r"(\[[\da-fA-F:.]+\]|[^\[\]:@,/]+)(:(\d{1,5}))?")
LARGEST_PORT = 65535


@dataclass(frozen=True)
class PostgresUrl:
    """`dsns` are for asyncpg, one for each host: of several, each has `connect_timeout` of its own.
    `keepalives`: what is set on the socket, by libpq's names.
    """

    dsns: tuple[str, ...] = field(repr=False)
    wanted: str = "any"  # target_session_attrs
    name: str = ""  # what the server is to call us, in front of role and process
    options: str = ""
    connect_timeout: float | None = None  # seconds
    keepalives: Mapping[str, int] = field(default_factory=dict)
    pooled: bool = False  # a pooler may give each transaction another connection


def parse_postgres_url(text: str) -> PostgresUrl:
    """Raises ValueError with what was wanted; nothing of a password or another value is in it."""
    try:
        parts = urlsplit(text)
        given = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:  # its words may repeat a user and a password
        raise ValueError(FORM) from None
    if parts.scheme not in SCHEMES:
        raise ValueError("wants postgres://… or postgresql://… (PostgreSQL only)")
    _check_hosts(parts, given)
    for name, value in given.items():
        _check(name, value)
    timeout = int(given.get("connect_timeout") or 0)
    return PostgresUrl(
        tuple(_dsns(parts._replace(scheme="postgresql"), given)),
        given.get("target_session_attrs", "any"),
        given.get("application_name") or given.get("fallback_application_name", ""),
        given.get("options", ""),
        float(max(timeout, 2)) if timeout else None,  # libpq too waits 2 s at least; 0: no bound
        {name: int(given[name]) for name in KEEPALIVES if name in given},
        given.get("pgbouncer") == "true",
    )


def _dsns(parts: SplitResult, given: Mapping[str, str]) -> Iterator[str]:
    """One for each host, of those before the path or those among the parameters."""
    kept = {name: value for name, value in given.items() if name in DRIVERS}
    user, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        for host in hosts.split(","):
            yield parts._replace(netloc=f"{user}{at}{host}", query=urlencode(kept)).geturl()
        return
    hosts, ports = given.get("host", ""), given.get("port", "").split(",")
    for number, host in enumerate(hosts.split(",")):
        port = ports[0] if len(ports) == 1 else ports[number]
        single = {name: value for name, value in (("host", host), ("port", port)) if value}
        # urlunsplit drops the slashes in front of nothing
        yield f"postgresql://{user}{at}{parts.path}?{urlencode(kept | single)}"


def _check_hosts(parts: SplitResult, given: Mapping[str, str]) -> None:
    user, _, hosts = parts.netloc.rpartition("@")
    if "@" in user:
        raise ValueError("has an @ in user or password: it is written %40")
    if not (parts.path.strip("/") or given.get("dbname")):
        raise ValueError(FORM)
    ports = given.get("port", "").split(",")
    if len(ports) not in (1, len((hosts or given.get("host", "")).split(","))):
        raise ValueError("has more ports than hosts, or fewer")
    for each in hosts.split(",") if hosts else ():
        match = HOST.fullmatch(unquote(each).replace("/", "."))
        if not match or (match[3] and not 0 < int(match[3]) <= LARGEST_PORT):
            raise ValueError(FORM)


def _check(name: str, value: str) -> None:
    if name not in PARAMETERS:
        raise ValueError(f"has the parameter {name[:40]!r}, which is not supported: leave it out")
    if wanted := PARAMETERS[name](value):
        raise ValueError(f"has a value of {name} that is not supported: {wanted}")


def _any(_: str) -> str:
    return ""


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda value: "" if value in allowed else f"wants {' or '.join(allowed)}"


def _number(value: str) -> str:
    return "" if value.isdecimal() and len(value) < 9 else "wants a whole number"


def _ports(value: str) -> str:
    ports = value.split(",")
    good = all(port.isdecimal() and 0 < int(port) <= LARGEST_PORT for port in ports)
    return "" if good else "wants a port number, or one for each host"


def _file(value: str) -> str:
    debian = "the system's authorities are in /etc/ssl/certs/ca-certificates.crt on Debian"
    return "" if Path(value).is_file() else f"there is no such file ({debian})"


# Each with what is wrong with a value, or "". Those that asyncpg reads in an address:
DRIVERS: Mapping[str, Callable[[str], str]] = {
    "host": _any,
    "port": _ports,
    "dbname": _any,
    "user": _any,
    "password": _any,
    "passfile": _file,
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": _file,
    "sslcert": _file,
    "sslkey": _file,
    "sslpassword": _any,
    "sslcrl": _file,
    "sslnegotiation": _one_of("postgres", "direct"),
    "ssl_min_protocol_version": _one_of("TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": _one_of("TLSv1.2", "TLSv1.3"),
    "target_session_attrs": _one_of(
        "any", "read-write", "read-only", "primary", "standby", "prefer-standby"
    ),
}
KEEPALIVES: Mapping[str, Callable[[str], str]] = {
    "keepalives": _one_of("0", "1"),
    "keepalives_idle": _number,
    "keepalives_interval": _number,
    "keepalives_count": _number,
    "tcp_user_timeout": _number,  # milliseconds
}
PARAMETERS: Mapping[str, Callable[[str], str]] = {
    **DRIVERS,
    **KEEPALIVES,
    "application_name": _any,
    "fallback_application_name": _any,
    "options": _any,
    "connect_timeout": _number,
    "pgbouncer": _one_of("true", "false"),
    # What the driver does in any case; other values would change what is done.
    "channel_binding": _one_of("disable", "prefer"),
    "client_encoding": _one_of("auto", "utf8", "UTF8", "utf-8", "UTF-8"),
    "gssencmode": _one_of("disable", "prefer"),
    "load_balance_hosts": _one_of("disable"),
    "replication": _one_of("false", "no", "off", "0"),
    "sslcompression": _one_of("0"),
    "sslsni": _one_of("1"),
}
