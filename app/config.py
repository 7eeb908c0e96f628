"""Settings from the environment: the only reader of it, and it names all faults at once."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

from app.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
LONGEST_TIMEOUT = 25.0  # seconds; two probes and a refresh must fit into a lease
KEY_BYTES = 32  # AES-256
DATABASE_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
SMTP_PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")

MOSCOW = ZoneInfo("Europe/Moscow")

# Of different operators and by name, so that a name server that is away counts as well.
CANARY_HOSTS = (
    ("ya.ru", 443),
    ("dns.google", 443),
    ("one.one.one.one", 443),
    ("dns.quad9.net", 443),
)

NEEDED_BY_DATABASE = ("DATABASE_URL",)
NEEDED_BY_CHECKS = (*NEEDED_BY_DATABASE, "TOKEN_ENCRYPTION_KEYS")
NEEDED_BY_WORKER = (*NEEDED_BY_CHECKS, "PUBLIC_URL")
NEEDED_BY_WEB = (*NEEDED_BY_WORKER, "SECRET_KEY")

WEBHOOK_SECRET = "_WEBHOOK_SECRET"  # noqa: S105 - how such a variable's name ends

T = TypeVar("T")


@dataclass(frozen=True)
class Client:
    """What a provider knows us by (RFC 6749 section 2.2)."""

    id: str
    secret: str = field(repr=False)


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


@dataclass(frozen=True)
class Settings:
    database_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(default=(), repr=False)
    token_keys: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    public_url: str = ""
    host: str = "0.0.0.0"  # noqa: S104 - a container's address is not known beforehand
    port: int = 8000
    interval: float = 600.0  # seconds between two checks of a healthy connection
    timeout: float = 10.0  # seconds for a whole probe
    run_monitor: bool = True
    signup_open: bool = True
    providers_file: Path | None = None
    allow_insecure_providers: bool = False
    clients: Mapping[str, Client] = field(default_factory=dict)
    served: frozenset[str] | None = None  # the only providers that are offered; None: all of them
    canary_hosts: tuple[tuple[str, int], ...] = ()  # (): our own network is taken for good
    log_level: str = "info"
    log_format: str = ""  # "": text on a terminal, else json
    metrics_token: str = field(default="", repr=False)
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # by provider
    trusted_hops: int = 0
    zone: ZoneInfo = MOSCOW
    smtp: Smtp | None = None  # None: mail is written to the log
    mail_from: str = ""
    telegram_bot_token: str = field(default="", repr=False)
    telegram_api_base: str = "https://api.telegram.org"
    vapid_private_key: str = field(default="", repr=False)
    allow_apprise: bool = False

    @property
    def sends_mail(self) -> bool:
        return self.smtp is not None

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def read_settings(environ: Mapping[str, str], needed: tuple[str, ...]) -> Settings:
    """Parse the environment; `needed` names the variables that have no default for this command.

    Raises ConfigurationError with one line for every missing or malformed variable.
    """
    reader = _Reader(environ, needed)
    settings = Settings(
        database_url=reader.get("DATABASE_URL", _database_url, ""),
        secret_key=reader.get("SECRET_KEY", _long_enough, ""),
        secret_key_fallbacks=reader.get("SECRET_KEY_FALLBACKS", _words, ()),
        token_keys=reader.get("TOKEN_ENCRYPTION_KEYS", parse_token_keys, ()),
        public_url=reader.get("PUBLIC_URL", _public_url, ""),
        host=reader.get("HOST", str, Settings.host),
        port=reader.get("PORT", _port, Settings.port),
        interval=reader.get("HEALTH_CHECK_INTERVAL_SECONDS", _seconds, Settings.interval),
        timeout=reader.get("HEALTH_CHECK_TIMEOUT_SECONDS", _timeout, Settings.timeout),
        run_monitor=reader.get("RUN_MONITOR", _flag, True),
        signup_open=reader.get("SIGNUP", _one_of("open", "closed"), "open") == "open",
        providers_file=reader.get("PROVIDERS_FILE", Path, None),
        allow_insecure_providers=reader.get("ALLOW_INSECURE_PROVIDERS", _flag, False),
        canary_hosts=reader.get(
            "CANARY_HOSTS", _hosts, () if "CANARY_HOSTS" in environ else CANARY_HOSTS
        ),
        clients=_clients(environ),
        log_level=reader.get(
            "LOG_LEVEL", _one_of("debug", "info", "warning", "error"), Settings.log_level
        ),
        log_format=reader.get("LOG_FORMAT", _one_of("text", "json"), ""),
        metrics_token=reader.get("METRICS_TOKEN", str, ""),
        webhook_secrets=_webhook_secrets(environ, reader),
        trusted_hops=reader.get("TRUSTED_HOPS", _count, 1 if "DYNO" in environ else 0),
        zone=reader.get("TIME_ZONE", _zone, Settings.zone),
        smtp=reader.get("SMTP_URL", _smtp, None),
        mail_from=reader.get("MAIL_FROM", _mail_from, ""),
        telegram_bot_token=reader.get("TELEGRAM_BOT_TOKEN", _bot_token, ""),
        telegram_api_base=reader.get("TELEGRAM_API_BASE", _base, Settings.telegram_api_base),
        vapid_private_key=reader.get("VAPID_PRIVATE_KEY", _vapid_key, ""),
        allow_apprise=reader.get("ALLOW_APPRISE", _flag, False),
    )
    if environ.get("SMTP_URL", "").strip() and not environ.get("MAIL_FROM", "").strip():
        reader.faults.append("MAIL_FROM is not set, and SMTP_URL wants it")
    if reader.faults:
        raise ConfigurationError(reader.faults)
    return settings


def parse_token_keys(text: str) -> tuple[tuple[str, bytes], ...]:
    """`id:base64(32 bytes)`, comma-separated; the first one seals, all of them open."""
    keys = tuple(_token_key(part.strip()) for part in text.split(",") if part.strip())
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
    if not re.fullmatch(r"[a-z0-9]{1,16}", key_id) or len(key) != KEY_BYTES:
        # What was given stays out of the message: it may be a real key with a typing error.
        raise ValueError("wants id:base64(32 bytes), made by `python -m app keys new`")
    return key_id, key


class _Reader:
    def __init__(self, environ: Mapping[str, str], needed: tuple[str, ...]) -> None:
        self._environ = environ
        self._needed = needed
        self.faults: list[str] = []

    def get(self, name: str, parse: Callable[[str], T], default: T) -> T:
        text = self._environ.get(name, "").strip()
        if not text:
            if name in self._needed:
                self.faults.append(f"{name} is not set")
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.faults.append(f"{name} {error}")
            return default


def _database_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in DATABASE_SCHEMES:
        raise ValueError("wants postgres://… or postgresql://… (PostgreSQL only)")
    if (
        not (parts.hostname and parts.path.strip("/"))
        or parts.netloc.endswith(":")
        or _no_port(parts)
    ):
        raise ValueError("wants postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    return text


def _no_port(parts: SplitResult) -> bool:
    try:
        return parts.port == 0
    except ValueError:
        return True


def _long_enough(text: str) -> str:
    if len(text) < 16:
        raise ValueError("wants at least 16 characters, best random ones")
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise ValueError("wants the address people open, like https://links.example.ru")
    return f"{parts.scheme}://{parts.netloc}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _hosts(text: str) -> tuple[tuple[str, int], ...]:
    parts = [urlsplit(f"//{word}") for word in _words(text)]
    if any(not part.hostname or _no_port(part) or part.port is None for part in parts):
        raise ValueError("wants HOST:PORT, comma-separated")
    return tuple((str(part.hostname), int(part.port or 0)) for part in parts)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("wants a port number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 31_536_000:
        raise ValueError("wants a number of seconds above 0")
    return seconds


def _timeout(text: str) -> float:
    seconds = _seconds(text)
    if seconds > LONGEST_TIMEOUT:
        raise ValueError(f"wants at most {LONGEST_TIMEOUT:.0f} seconds")
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("wants a whole number")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("wants 0 or 1")
    return text == "1"


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"wants one of {', '.join(allowed)}")
        return text.lower()

    return parse


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("wants a time zone name like Europe/Moscow") from None


def _smtp(text: str) -> Smtp:
    parts = urlsplit(text)
    if parts.scheme not in SMTP_PORTS or not parts.hostname or _no_port(parts):
        # What was given stays out of the message: it has a password in it.
        raise ValueError("wants smtp://USER:PASSWORD@HOST:PORT (STARTTLS) or smtps://… (TLS)")
    port = parts.port or SMTP_PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Smtp(parts.scheme, parts.hostname, port, user, password)


def _mail_from(text: str) -> str:
    name, address = parseaddr(text)
    if address.count("@") != 1 or not text.isprintable():
        raise ValueError("wants an address like Связка <mail@example.ru>")
    return f"{name} <{address}>" if name else address


def _bot_token(text: str) -> str:
    if not re.fullmatch(r"\d+:[\w-]+", text):
        raise ValueError("wants what BotFather gave, like 123456:ABC…")
    return text


def _base(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("wants an address like https://api.telegram.org")
    return text.rstrip("/")


def _vapid_key(text: str) -> str:
    try:
        known = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        known = b""
    if len(known) != KEY_BYTES or not any(known):
        raise ValueError("wants a key made by `python -m app keys vapid`")
    return text


def _webhook_secrets(environ: Mapping[str, str], reader: _Reader) -> dict[str, str]:
    """Every NAME_WEBHOOK_SECRET by the provider's lower-case name."""
    names = [name for name, value in environ.items() if name.endswith(WEBHOOK_SECRET) and value]
    found = {name: reader.get(name, _long_enough, "") for name in names}
    return {name.removesuffix(WEBHOOK_SECRET).lower(): value for name, value in found.items()}


def _clients(environ: Mapping[str, str]) -> dict[str, Client]:
    """Every NAME_CLIENT_ID with its secret, by the provider's lower-case name."""
    return {
        name.removesuffix("_CLIENT_ID").lower(): Client(
            value, environ.get(name.removesuffix("ID") + "SECRET", "")
        )
        for name, value in environ.items()
        if name.endswith("_CLIENT_ID") and value
    }
