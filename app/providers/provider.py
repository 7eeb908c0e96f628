"""A third-party service as frozen data: where to send people, how to ask whether a grant still
works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from urllib.parse import urlsplit

from app.config import Client
from app.outbound.allowed_hosts import Destination, Hosts
from app.providers.placeholders import PLACEHOLDER, fill_address, is_per_tenant
from app.providers.quota import DAY, Quota
from app.providers.spec_parts import BASIC as BASIC
from app.providers.spec_parts import FORM, Field, Probe, Push, RevocationSpec, Texts, TokenPlacement
from app.providers.spec_parts import NONE as NONE
from app.providers.spec_parts import POST as POST

OAUTH2, API_KEY, PUSHED_TOKEN = "oauth2", "api_key", "pushed_token"  # kinds of grant
AHEAD, ON_EXPIRED, NEVER = "ahead", "on_expired", "never"
EXPIRIES = EXPIRES_IN, EXPIRES_AT, JWT, NO_END = "expires_in", "expires_at", "jwt", "none"
NO_PROBE = Probe("")  # an entry without one is refused at the start
NO_TEXTS = Texts()
GROUPS = {
    "registers": "Кассы",
    "stock": "Склад и учёт",
    "sales": "Продажи и маркетплейсы",
    "payments": "Платежи",
    "crm": "CRM",
    "development": "Разработка",
    "other": "Другое",
}


@dataclass(frozen=True)
class Provider:
    name: str  # in addresses and in the database: "evotor"
    title: str  # for people: "Эвотор"
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    probe: Probe = NO_PROBE
    kind: str = OAUTH2  # how a person connects; a provider may push tokens besides
    group: str = "other"  # one of GROUPS
    icon: str = "bi-plug"
    about: str = ""
    needs: str = ""  # what the person has to do first, at the provider
    key_url: str = ""  # the page there on which the person makes the key
    by_hand: str = ""  # where the person ends the access there, when we cannot
    english: Texts = NO_TEXTS  # of `title`, `about`, `needs` and `by_hand`
    docs: str = ""
    issuer: str = ""
    fields: tuple[Field, ...] = ()  # what the person has to type first
    allowed_hosts: tuple[str, ...] = ()  # suffixes, where `{names}` decide which host is asked
    # The way to the provider and back
    scopes: tuple[str, ...] = ()
    scope_words: Mapping[str, str] = field(default_factory=dict)  # what each lets us do, in Russian
    scope_separator: str = " "
    send_scope: bool = True  # False: they are chosen when our client is registered
    send_redirect_uri: bool = True
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    pkce: bool = True
    callback_keep: tuple[str, ...] = ()  # parameters of the callback; `redirect_uri` is ours
    cancel_errors: tuple[str, ...] = ()  # what it calls the person's no, beside the usual words
    callback_hmac: bool = False  # the callback is signed with our secret, as Shopify does
    # Tokens
    token_endpoint_auth_method: str = BASIC
    token_request: str = FORM
    token_params: Mapping[str, str] = field(default_factory=dict)
    token_errors: Mapping[str, str] = field(default_factory=dict)  # its word → RFC 6749 5.2
    token_path: str = ""  # JMESPath: the object of a token answer that has the tokens
    token_keep: tuple[str, ...] = ()  # further keys of the token answer
    keep_sealed: tuple[str, ...] = ()  # what of all that is kept is a secret
    expiry: str | int = EXPIRES_IN  # where an access token's end stands; a number: its seconds
    refresh: str = AHEAD  # ahead of expiry, or only once the provider says "expired", or never
    rotates: bool = True  # a refresh token is good once; a second use may end the whole grant
    revocation_endpoint: str = ""  # RFC 7009
    revocation_format: str = ""  # FORM or JSON; "": as the token requests
    revocation: RevocationSpec | None = None
    push: Push | None = None  # it delivers tokens by itself
    ca_file: str = ""
    max_concurrency: int = 20
    max_rate: float = 100.0  # requests a second to its hosts, from all processes together
    min_interval: float = 0.0  # seconds between two probes with one grant
    refusals_told_after: float = 3_600.0  # seconds of refusing everybody until people are told
    quota: Quota | None = None  # requests with one grant, where the provider documents it
    client: Client | None = field(default=None, repr=False)
    withheld: bool = False  # a demonstration cannot serve it
    webhook_secret: str = field(default="", repr=False)  # what it proves itself to us with

    @property
    def configured(self) -> bool:
        """May it be offered? OAuth wants a client of ours, a delivered token the secret."""
        ready = self.kind == API_KEY or self.takes_codes or self.takes_pushes
        return ready and not self.withheld

    @property
    def takes_codes(self) -> bool:
        """Can a person be sent there, to come back with a code?"""
        return self.kind == OAUTH2 and self.client is not None

    @property
    def takes_pushes(self) -> bool:
        return self.push is not None and bool(self.webhook_secret)

    def token_placements(self, kind: str) -> tuple[TokenPlacement, ...]:
        """How a token of this kind of grant may travel; (): in the probe's own place."""
        own = self.push.token_placements if self.push and kind == PUSHED_TOKEN else ()
        return own or self.probe.token_placements

    @property
    def can_revoke(self) -> bool:
        return bool(self.revocation_endpoint or self.revocation)

    @property
    def sealed_names(self) -> frozenset[str]:
        """What of the kept values is a secret."""
        return frozenset(self.keep_sealed) | {each.name for each in self.fields if each.secret}

    @property
    def spacing(self) -> float:
        """Seconds that lie between two scheduled checks of one connection at least."""
        return max(self.min_interval, self.quota.spacing if self.quota else 0.0)

    def spending(self, interval: float) -> int:
        """Requests a day that one healthy connection costs; `interval` in seconds."""
        return ceil(DAY / max(interval, self.spacing))

    @property
    def authorization_origins(self) -> tuple[str, ...]:
        """Where a person may be sent, as sources of a Content-Security-Policy."""
        if is_per_tenant(self.authorization_endpoint):
            return tuple(f"https://*.{host}" for host in self.allowed_hosts)
        parts = urlsplit(self.authorization_endpoint)
        return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()

    @cached_property
    def hosts(self) -> Hosts:
        """Where requests may go. The authorization endpoint is the browser's way, not ours."""
        return Hosts.of(self._asked, self.allowed_hosts)

    @cached_property
    def destination(self) -> Destination:
        return Destination(self.hosts, self.ca_file)

    def may_ask(self, kept: Mapping[str, str]) -> bool:
        """Does everything that is kept of a grant lead to hosts that this entry allows?"""
        origins = [origin for origin in map(_origin, self._asked) if is_per_tenant(origin)]
        try:
            return all(self.hosts.allow_text(fill_address(each, kept)) for each in origins)
        except KeyError:
            return False

    @property
    def _asked(self) -> list[str]:
        own = [self.token_endpoint, self.revocation_endpoint, self.probe.url]
        return [*own, self.revocation.url] if self.revocation else own


def _origin(address: str) -> str:
    """Without its path; an address that begins with a kept one is that one."""
    whole = PLACEHOLDER.match(address)
    return whole[0] if whole else "/".join(address.split("/", 3)[:3])


Catalogue = Mapping[str, Provider]  # all known providers by name
