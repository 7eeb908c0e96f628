"""Settings from the environment: the only reader of it, and it names all faults at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from app import config_parsers as parse
from app.config_parsers import Smtp as Smtp
from app.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
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

CLIENT_ID, CLIENT_SECRET = "_CLIENT_ID", "_CLIENT_SECRET"  # how such a variable's name ends
WEBHOOK_SECRET = "_WEBHOOK_SECRET"  # noqa: S105

T = TypeVar("T")


@dataclass(frozen=True)
class Client:
    """What a provider knows us by (RFC 6749 section 2.2)."""

    id: str
    secret: str = field(repr=False)


def _variable(name: str, parser: Callable[[str], T], default: T, *, secret: bool = False) -> T:
    """A field of `Settings` that is read from this variable."""
    return field(default=default, repr=not secret, metadata={"variable": name, "parser": parser})


@dataclass(frozen=True)
class Settings:
    """What a process is told: its defaults hold without an environment, as in tests."""

    database_url: str = _variable("DATABASE_URL", parse.database_url, "", secret=True)
    # Where DATABASE_URL leads to a pooler that LISTEN does not pass: PostgreSQL itself
    listen_database_url: str = _variable("LISTEN_DATABASE_URL", parse.database_url, "", secret=True)
    # A streaming standby that pages of the past are read from; "": all is read from the primary
    read_database_url: str = _variable("READ_DATABASE_URL", parse.database_url, "", secret=True)
    # The most connections to PostgreSQL at once: for pages, and for checks and alerts
    web_pool_size: int = _variable("WEB_POOL_SIZE", parse.pool_size, 4)
    worker_pool_size: int = _variable("WORKER_POOL_SIZE", parse.pool_size, 3)
    secret_key: str = _variable("SECRET_KEY", parse.secret, "", secret=True)
    secret_key_fallbacks: tuple[str, ...] = _variable(
        "SECRET_KEY_FALLBACKS", parse.secrets, (), secret=True
    )
    token_keys: tuple[tuple[str, bytes], ...] = _variable(
        "TOKEN_ENCRYPTION_KEYS", parse.token_keys, (), secret=True
    )
    public_url: str = _variable("PUBLIC_URL", parse.public_url, "")
    # A container's address is not known beforehand.
    host: str = _variable("HOST", str, "0.0.0.0")  # noqa: S104
    port: int = _variable("PORT", parse.port, 8000)
    # Seconds between two checks of a healthy connection, and for a whole probe
    interval: float = _variable("HEALTH_CHECK_INTERVAL_SECONDS", parse.interval, 600.0)
    timeout: float = _variable("HEALTH_CHECK_TIMEOUT_SECONDS", parse.timeout, 10.0)
    run_monitor: bool = _variable("RUN_MONITOR", parse.flag, True)
    signup_open: bool = _variable("SIGNUP", parse.is_open, True)
    providers_file: Path | None = _variable("PROVIDERS_FILE", Path, None)
    # What people read before they sign up; None: docs/privacy.md
    privacy_file: Path | None = _variable("PRIVACY_FILE", parse.text_file, None)
    allow_insecure_providers: bool = _variable("ALLOW_INSECURE_PROVIDERS", parse.flag, False)
    # Whether addresses that people type in may lead to this machine; only for trying things out
    allow_loopback_targets: bool = _variable("ALLOW_LOOPBACK_TARGETS", parse.flag, False)
    # (): our own network is taken for good
    canary_hosts: tuple[tuple[str, int], ...] = _variable("CANARY_HOSTS", parse.hosts, ())
    log_level: str = _variable(
        "LOG_LEVEL", parse.choice("debug", "info", "warning", "error"), "info"
    )
    # "": text on a terminal, else json
    log_format: str = _variable("LOG_FORMAT", parse.choice("text", "json"), "")
    access_log: bool = _variable("ACCESS_LOG", parse.flag, True)  # a line for each request
    metrics_token: str = _variable("METRICS_TOKEN", parse.secret, "", secret=True)
    metrics_port: int = _variable("METRICS_PORT", parse.port, 0)  # of a worker; 0: none
    sentry_dsn: str = _variable("SENTRY_DSN", parse.sentry_dsn, "", secret=True)
    # The exporter reads this one and all its others by itself; here it says that there is one
    otlp_endpoint: str = _variable("OTEL_EXPORTER_OTLP_ENDPOINT", parse.base_url, "")
    trusted_hops: int = _variable("TRUSTED_HOPS", parse.hops, 0)
    zone: ZoneInfo = _variable("TIME_ZONE", parse.time_zone, MOSCOW)
    # None: mail is written to the log
    smtp: Smtp | None = _variable("SMTP_URL", parse.smtp, None)
    mail_from: str = _variable("MAIL_FROM", parse.mail_from, "")
    telegram_bot_token: str = _variable("TELEGRAM_BOT_TOKEN", parse.bot_token, "", secret=True)
    telegram_api_base: str = _variable(
        "TELEGRAM_API_BASE", parse.base_url, "https://api.telegram.org"
    )
    vapid_private_key: str = _variable("VAPID_PRIVATE_KEY", parse.vapid_key, "", secret=True)
    allow_apprise: bool = _variable("ALLOW_APPRISE", parse.flag, False)
    # By provider
    clients: Mapping[str, Client] = field(default_factory=dict)
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    served: frozenset[str] | None = None  # the only providers that are offered; None: all of them

    @property
    def asks_loopback(self) -> bool:
        """May anything of ours lead to this machine at all?"""
        return self.allow_insecure_providers or self.allow_loopback_targets

    @property
    def pool_size_of_web(self) -> int:
        """A web process that checks too does a worker's work beside the pages."""
        return self.web_pool_size + (self.worker_pool_size if self.run_monitor else 0)

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
    given = {name: text.strip() for name, text in environ.items() if text.strip()}
    faults = [f"{name} is not set" for name in needed if name not in given]
    if "SMTP_URL" in given and "MAIL_FROM" not in given:
        faults.append("MAIL_FROM is not set, and SMTP_URL wants it")
    values = _defaults(environ) | {"clients": _clients(environ)}
    values["webhook_secrets"] = _webhook_secrets(given, faults)
    for each in fields(Settings):
        name = each.metadata.get("variable")
        if name in given:
            values[each.name] = _parsed(name, given[name], each.metadata["parser"], faults)
    if faults:
        raise ConfigurationError(faults)
    return Settings(**values)


def _defaults(environ: Mapping[str, str]) -> dict[str, Any]:
    """What stands in for variables that are not set, where that depends on the environment."""
    return {
        # Set to nothing, it is done without.
        "canary_hosts": () if "CANARY_HOSTS" in environ else CANARY_HOSTS,
        "trusted_hops": 1 if "DYNO" in environ else 0,  # Heroku's router
    }


def _clients(environ: Mapping[str, str]) -> dict[str, Client]:
    """Every NAME_CLIENT_ID with its secret, by the provider's lower-case name."""
    return {
        name.removesuffix(CLIENT_ID).lower(): Client(
            client_id, environ.get(name.removesuffix(CLIENT_ID) + CLIENT_SECRET, "")
        )
        for name, client_id in environ.items()
        if name.endswith(CLIENT_ID) and client_id
    }


def _webhook_secrets(given: Mapping[str, str], faults: list[str]) -> dict[str, str]:
    """Every NAME_WEBHOOK_SECRET by the provider's lower-case name."""
    return {
        name.removesuffix(WEBHOOK_SECRET).lower(): _parsed(name, text, parse.secret, faults)
        for name, text in given.items()
        if name.endswith(WEBHOOK_SECRET)
    }


def _parsed(name: str, text: str, parser: Callable[[str], Any], faults: list[str]) -> Any:
    try:
        return parser(text)
    except ValueError as error:
        faults.append(f"{name} {error}")
        return None
