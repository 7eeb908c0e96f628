"""Parsers of single variables: each returns the value, or raises ValueError with what was wanted.

What was given stays out of every message: it may be a real secret with a typing error.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

from app.postgres_url import parse_postgres_url

LONGEST_TIMEOUT = 25.0  # seconds; two probes and a refresh must fit into a lease
LONGEST_INTERVAL = 31_536_000.0  # seconds; a year
KEY_BYTES = 32  # AES-256
LEAST_POOL, LARGEST_POOL = 1, 100  # connections
LEAST_SECRET, LEAST_KINDS = 16, 8  # characters, different ones among them
HOW_TO_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
LARGEST_TEXT = 256 * 1024  # bytes
MOST_HOPS = 10  # proxies in front of us
SMTP_PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Smtp:
    """The server that takes our mail. "smtps" is TLS from the first byte, "smtp" STARTTLS."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def local(self) -> bool:
        return self.host in LOOPBACK


def database_url(text: str) -> str:
    parse_postgres_url(text)
    return text


def secret(text: str) -> str:
    if len(text) < LEAST_SECRET or len(set(text)) < LEAST_KINDS:
        raise ValueError(
            f"wants at least {LEAST_SECRET} characters, and {LEAST_KINDS} different ones: "
            f"`{HOW_TO_MAKE_ONE}` makes a good one"
        )
    return text


def secrets(text: str) -> tuple[str, ...]:
    return tuple(secret(each) for each in words(text))


def token_keys(text: str) -> tuple[tuple[str, bytes], ...]:
    """`id:base64(32 bytes)`, comma-separated; the first one seals, all of them open."""
    keys = tuple(_token_key(part) for part in words(text))
    ids = [key_id for key_id, _ in keys]
    if not keys or len(set(ids)) < len(ids):
        raise ValueError("wants at least one key, each id once")
    return keys


def _token_key(part: str) -> tuple[str, bytes]:
    key_id, _, encoded = part.partition(":")
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        key = b""
    is_key = len(key) == KEY_BYTES and any(key)  # not zeros alone, as from an empty file
    if not re.fullmatch(r"[a-z0-9]{1,16}", key_id) or not is_key:
        raise ValueError("wants id:base64(32 bytes), made by `python -m app keys new`")
    return key_id, key


def vapid_key(text: str) -> str:
    try:
        known = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        known = b""
    if len(known) != KEY_BYTES or not any(known):
        raise ValueError("wants a key made by `python -m app keys vapid`")
    return text


def bot_token(text: str) -> str:
    if not re.fullmatch(r"\d+:[\w-]+", text):
        raise ValueError("wants what BotFather gave, like 123456:ABC…")
    return text


def public_url(text: str) -> str:
    parts = _split(text)
    is_origin = parts.path in ("", "/") and not parts.query and not parts.fragment
    if not is_origin or not _is_web_address(text, parts):
        raise ValueError("wants the address people open, like https://links.example.ru")
    return f"{parts.scheme}://{parts.netloc}"


def base_url(text: str) -> str:
    """Requests to it have a secret in their path, so it is `https`; on this machine `http` too."""
    parts = _split(text)
    is_sealed = parts.scheme == "https" or parts.hostname in LOOPBACK
    if not _is_web_address(text, parts) or not is_sealed or parts.query or parts.fragment:
        raise ValueError("wants an address like https://api.telegram.org")
    return text.rstrip("/")


def _is_web_address(text: str, parts: SplitResult) -> bool:
    """With a host, and without a user, a space or a port that is none."""
    is_plain = not any(each.isspace() or not each.isprintable() for each in text)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return is_web and is_plain and not {*"@\\"} & set(parts.netloc) and not _no_port(parts)


def sentry_dsn(text: str) -> str:
    parts = _split(text)
    has_project = parts.path.rpartition("/")[2].isdecimal()
    if parts.scheme not in ("http", "https") or not (parts.username and parts.hostname):
        has_project = False
    if not has_project:
        raise ValueError("wants what Sentry calls DSN, like https://KEY@sentry.example.ru/42")
    return text


def smtp(text: str) -> Smtp:
    parts = _split(text)
    if parts.scheme not in SMTP_PORTS or not parts.hostname or _no_port(parts):
        raise ValueError("wants smtp://USER:PASSWORD@HOST:PORT (STARTTLS) or smtps://… (TLS)")
    port = parts.port or SMTP_PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Smtp(parts.scheme, parts.hostname, port, user, password)


def mail_from(text: str) -> str:
    name, address = parseaddr(text)
    if address.count("@") != 1 or not text.isprintable():
        raise ValueError("wants an address like Связка <mail@example.ru>")
    return f"{name} <{address}>" if name else address


def text_file(text: str) -> Path:
    """Read once here, so that a start tells of a file that is none."""
    path = Path(text)
    try:
        is_text = path.stat().st_size <= LARGEST_TEXT and bool(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        is_text = False
    if not is_text:
        raise ValueError("wants a file with text in UTF-8, of 256 KiB at most")
    return path


def words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def hosts(text: str) -> tuple[tuple[str, int], ...]:
    parts = [_split(f"//{word}") for word in words(text)]
    if any(not part.hostname or _no_port(part) or part.port is None for part in parts):
        raise ValueError("wants HOST:PORT, comma-separated")
    return tuple((str(part.hostname), int(part.port or 0)) for part in parts)


def _split(text: str) -> SplitResult:
    """The parts of an address; empty ones where it is none."""
    try:
        return urlsplit(text)
    except ValueError:  # its words may repeat a user and a password
        return SplitResult("", "", "", "", "")


def _no_port(parts: SplitResult) -> bool:
    try:
        return parts.port == 0
    except ValueError:
        return True


def port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("wants a port number")
    return int(text)


def interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_INTERVAL:
        raise ValueError("wants a number of seconds above 0")
    return seconds


def timeout(text: str) -> float:
    seconds = interval(text)
    if seconds > LONGEST_TIMEOUT:
        raise ValueError(f"wants at most {LONGEST_TIMEOUT:.0f} seconds")
    return seconds


def hops(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_HOPS:
        raise ValueError(f"wants the number of our own proxies in front, 0 to {MOST_HOPS}")
    return int(text)


def pool_size(text: str) -> int:
    if not text.isdecimal() or not LEAST_POOL <= int(text) <= LARGEST_POOL:
        raise ValueError(f"wants a number of connections from {LEAST_POOL} to {LARGEST_POOL}")
    return int(text)


def flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("wants 0 or 1")
    return text == "1"


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"wants one of {', '.join(allowed)}")
        return text.lower()

    return parse


def is_open(text: str) -> bool:
    return choice("open", "closed")(text) == "open"


def time_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("wants a time zone name like Europe/Moscow") from None
