"""A third-party service as frozen data: where to send people, how to ask whether a grant still
works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from urllib.parse import urlsplit

from app.config import Client
from app.hosts import Hosts

DAY = 86_400.0  # seconds
PERIODS = {"minute": 60.0, "hour": 3600.0, "day": DAY}  # seconds
OURS = 0.5  # of a quota; the rest is left for checks by hand and for what else the account runs

AHEAD, ON_EXPIRED, NEVER = "ahead", "on_expired", "never"
GROUPS = {
    "registers": "Кассы",
    "stock": "Склад и учёт",
    "sales": "Продажи и маркетплейсы",
    "payments": "Платежи",
    "crm": "CRM",
    "development": "Разработка",
    "other": "Другое",
}
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"


@dataclass(frozen=True)
class Carrier:
    """How a token travels: the header's name and its value with `{token}` in it."""

    header: str = "Authorization"
    value: str = "Bearer {token}"


@dataclass(frozen=True)
class Probe:
    """The request that asks "does this still work?", and what to read in its answer (JMESPath)."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})
    carriers: tuple[Carrier, ...] = (Carrier(),)  # more than one: tried in turn until not 401
    label: str = ""
    account: str = ""
    error: str = "error"


@dataclass(frozen=True)
class Quota:
    """How many requests a provider documents for one grant."""

    requests: int
    period: str = "day"  # a key of PERIODS

    @property
    def daily(self) -> int:
        return round(self.requests * DAY / PERIODS[self.period])

    @property
    def spacing(self) -> float:
        """Seconds between two scheduled checks that leave the others their part."""
        return PERIODS[self.period] / self.requests / OURS


@dataclass(frozen=True)
class Provider:
    name: str  # in addresses and in the database: "evotor"
    title: str  # for people: "Эвотор"
    authorization_endpoint: str
    token_endpoint: str
    probe: Probe
    icon: str = "bi-plug"
    group: str = "other"  # one of GROUPS
    about: str = ""
    before: str = ""  # what the person has to do first, at the provider
    docs: str = ""
    issuer: str = ""
    revocation_endpoint: str = ""
    scopes: tuple[str, ...] = ()
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    token_endpoint_auth_method: str = BASIC
    pkce: bool = True
    refresh: str = AHEAD  # ahead of expiry, or only once the provider says "expired", or never
    rotates: bool = True  # a refresh token is good once; a second use may end the whole grant
    ca_file: str = ""
    max_concurrency: int = 20
    allowed_hosts: tuple[str, ...] = ()  # suffixes of the hosts of tenants: "amocrm.ru"
    max_rate: float = 100.0  # requests a second to its hosts, from all processes together
    min_interval: float = 0.0  # seconds between two probes with one grant
    quota: Quota | None = None  # requests with one grant, where the provider documents it
    client: Client | None = field(default=None, repr=False)

    @property
    def configured(self) -> bool:
        return self.client is not None

    @property
    def spacing(self) -> float:
        """Seconds that lie between two scheduled checks of one connection at least."""
        return max(self.min_interval, self.quota.spacing if self.quota else 0.0)

    def spending(self, interval: float) -> int:
        """Requests a day that one healthy connection costs; `interval` in seconds."""
        return ceil(DAY / max(interval, self.spacing))

    @property
    def authorization_origin(self) -> str:
        parts = urlsplit(self.authorization_endpoint)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def hosts(self) -> Hosts:
        """Where requests may go. The authorization endpoint is the browser's way, not ours."""
        own = (self.token_endpoint, self.revocation_endpoint, self.probe.url)
        return Hosts.of(own, self.allowed_hosts)


Catalogue = Mapping[str, Provider]  # all known providers by name
