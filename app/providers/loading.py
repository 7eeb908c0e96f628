"""The providers file: TOML entries checked key by key, laid over the built-in ones."""

import re
import ssl
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import jmespath

from app.config import ROOT, Client
from app.errors import ConfigurationError
from app.hosts import LOOPBACK, is_special
from app.providers.provider import (
    AHEAD,
    BASIC,
    NEVER,
    NONE,
    ON_EXPIRED,
    PERIODS,
    POST,
    Carrier,
    Probe,
    Provider,
    Quota,
)

NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
HEADER_VALUE = re.compile(r"[ -~]*")
TAKEN = frozenset(  # paths that the dashboard uses itself
    [
        "account",
        "admin",
        "connections",
        "healthz",
        "login",
        "logout",
        "metrics",
        "providers",
        "readyz",
        "reset",
        "signup",
        "static",
        "theme",
    ]
)
RESERVED = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    }
)
TEXTS = ("name", "icon", "issuer", "ca_file", "about", "before", "docs")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
EXPRESSIONS = ("label", "account", "error")
OTHER_KEYS = (
    "scopes",
    "authorization_params",
    "token_endpoint_auth_method",
    "pkce",
    "refresh",
    "rotates",
    "max_concurrency",
    "max_rate",
    "min_interval",
    "quota",
    "probe",
)
HIGHEST_RATE = 10_000.0  # requests a second
LONGEST_INTERVAL = 86_400.0  # seconds
PROBE_KEYS = ("url", "method", "headers", "auth", "header", *EXPRESSIONS)


def load_catalogue(
    built_in: Iterable[Provider],
    file: Path | None,
    clients: Mapping[str, Client],
    allow_insecure: bool,
) -> Mapping[str, Provider]:
    """All known providers by name, each with our client at it if we have one.

    Raises ConfigurationError with entry, key and what was expected for every fault.
    """
    catalogue = {provider.name: provider for provider in built_in}
    faults: list[str] = []
    for name, entry in (_read(file) if file else {}).items():
        checked = _Entry(name, entry, allow_insecure)
        provider = checked.over(catalogue.get(name))
        faults += checked.faults
        if provider is not None:
            catalogue[name] = provider
    if faults:
        raise ConfigurationError(faults)
    return MappingProxyType(
        {name: replace(each, client=_client(each, clients)) for name, each in catalogue.items()}
    )


def missing_variables(provider: Provider) -> list[str]:
    """What has to be set for a provider to be offered."""
    variable = f"{provider.name.upper()}_CLIENT_"
    secret = [] if provider.token_endpoint_auth_method == NONE else [f"{variable}SECRET"]
    return [f"{variable}ID", *secret]


def _client(provider: Provider, clients: Mapping[str, Client]) -> Client | None:
    """Ours at this provider; an id without the secret that it wants is none."""
    client = clients.get(provider.name)
    wants_secret = provider.token_endpoint_auth_method != NONE
    return None if client and wants_secret and not client.secret else client


@cache
def _icons() -> frozenset[str]:
    sprite = (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"PROVIDERS_FILE {file}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"PROVIDERS_FILE {file}: {error}"]) from error
    entries = content.get("providers", {})
    if set(content) - {"providers"} or not isinstance(entries, dict):
        raise ConfigurationError(
            [f"PROVIDERS_FILE {file}: wants tables named [providers.NAME] and nothing else"]
        )
    return entries


class _Entry:
    """One table of the file; collects what is wrong with it."""

    def __init__(self, name: str, entry: Any, allow_insecure: bool) -> None:
        self.name = name
        self.faults: list[str] = []
        self._insecure = allow_insecure
        if not NAME.fullmatch(name) or name in TAKEN:
            self._fault("", "wants a name of a–z and 0–9 that is not a path of the dashboard")
        self._entry: dict[str, Any] = entry if isinstance(entry, dict) else {}
        if not isinstance(entry, dict):
            self._fault("", "wants a table")

    def over(self, base: Provider | None) -> Provider | None:
        """The provider that this entry makes, laid over the built-in one of that name."""
        self._refuse_unknown(self._entry, (*TEXTS, *ENDPOINTS, *OTHER_KEYS), "")
        values = self._texts() | self._endpoints() | self._choices() | self._lists() | self._pace()
        probe = self._probe(base.probe if base else None)
        if base is None:
            for key in ("title", "authorization_endpoint", "token_endpoint"):
                if not values.get(key):
                    self._fault("name" if key == "title" else key, "is needed")
        if self.faults or probe is None:
            return None
        if base is not None:
            return replace(base, probe=probe, **values)
        return Provider(name=self.name, probe=probe, **values)

    def _texts(self) -> dict[str, Any]:
        texts = {key: self._text(key, self._entry[key]) for key in TEXTS if key in self._entry}
        if "name" in texts:
            texts["title"] = texts.pop("name")
        if texts.get("icon") and texts["icon"] not in _icons():
            self._fault("icon", "wants a symbol of static/icons.svg, like bi-plug or bi-shop")
        if texts.get("ca_file"):
            self._authorities(texts["ca_file"])
        return texts

    def _authorities(self, file: str) -> None:
        try:
            ssl.create_default_context(cafile=file)
        except OSError as error:  # ssl.SSLError is one of them
            self._fault("ca_file", f"wants a readable PEM file ({error.strerror or error})")

    def _endpoints(self) -> dict[str, Any]:
        return {
            key: self._address(key, self._entry[key]) for key in ENDPOINTS if key in self._entry
        }

    def _choices(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "token_endpoint_auth_method" in self._entry:
            method = values["token_endpoint_auth_method"] = self._entry[
                "token_endpoint_auth_method"
            ]
            if method not in (BASIC, POST, NONE):
                self._fault("token_endpoint_auth_method", f"wants {BASIC}, {POST} or {NONE}")
        if "refresh" in self._entry:
            values["refresh"] = self._entry["refresh"]
            if values["refresh"] not in (AHEAD, ON_EXPIRED, NEVER):
                self._fault("refresh", f"wants {AHEAD}, {ON_EXPIRED} or {NEVER}")
        for key in ("pkce", "rotates"):
            if key in self._entry:
                values[key] = self._entry[key]
                if not isinstance(values[key], bool):
                    self._fault(key, "wants true or false")
        if "max_concurrency" in self._entry:
            bound = values["max_concurrency"] = self._entry["max_concurrency"]
            if not isinstance(bound, int) or isinstance(bound, bool) or not 1 <= bound <= 1000:
                self._fault("max_concurrency", "wants a whole number from 1 to 1000")
        return values

    def _pace(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "max_rate" in self._entry:
            rate = values["max_rate"] = self._number("max_rate")
            if rate is None or not 0 < rate <= HIGHEST_RATE:
                self._fault("max_rate", f"wants a number above 0, at most {HIGHEST_RATE:.0f}")
        if "min_interval" in self._entry:
            least = values["min_interval"] = self._number("min_interval")
            if least is None or not 0 <= least <= LONGEST_INTERVAL:
                self._fault("min_interval", f"wants seconds, from 0 to {LONGEST_INTERVAL:.0f}")
        if "quota" in self._entry:
            values["quota"] = self._quota(self._entry["quota"])
        return values

    def _number(self, key: str) -> float | None:
        value = self._entry[key]
        good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        return float(value) if good else None

    def _quota(self, table: Any) -> Quota | None:
        if not isinstance(table, dict) or set(table) != {"requests", "period"}:
            self._fault("quota", 'wants { requests = N, period = "day" }')
            return None
        requests, period = table["requests"], table["period"]
        if not isinstance(requests, int) or isinstance(requests, bool) or requests < 1:
            self._fault("quota.requests", "wants a whole number above 0")
        if period not in tuple(PERIODS):
            self._fault("quota.period", f"wants one of {', '.join(PERIODS)}")
        return None if self.faults else Quota(requests, period)

    def _lists(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if "scopes" in self._entry:
            scopes = self._entry["scopes"]
            if not isinstance(scopes, list) or not all(isinstance(each, str) for each in scopes):
                self._fault("scopes", "wants a list of texts")
            else:
                values["scopes"] = tuple(scopes)
        if "authorization_params" in self._entry:
            extra = self._table("authorization_params", self._entry["authorization_params"])
            values["authorization_params"] = extra
            for key in sorted(RESERVED & set(extra)):
                self._fault(f"authorization_params.{key}", "is set by the dashboard itself")
        return values

    def _probe(self, base: Probe | None) -> Probe | None:
        table = self._entry.get("probe", {})
        if not isinstance(table, dict):
            self._fault("probe", "wants a table")
            return None
        self._refuse_unknown(table, PROBE_KEYS, "probe.")
        values: dict[str, Any] = {}
        if "url" in table:
            values["url"] = self._address("probe.url", table["url"])
        elif base is None:
            self._fault("probe.url", "is needed")
        if "method" in table:
            values["method"] = table["method"]
            if table["method"] not in ("GET", "POST", "HEAD"):
                self._fault("probe.method", "wants GET, POST or HEAD")
        if "headers" in table:
            values["headers"] = headers = self._table("probe.headers", table["headers"])
            for name, text in headers.items():
                if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(text):
                    self._fault(f"probe.headers.{name}", "cannot be sent as a header")
        if "auth" in table or "header" in table:
            values["carriers"] = (self._carrier(table),)
        values |= {key: self._expression(key, table[key]) for key in EXPRESSIONS if key in table}
        if self.faults:
            return None
        return replace(base, **values) if base else Probe(**values)

    def _carrier(self, table: dict[str, Any]) -> Carrier:
        header = self._text("probe.header", table.get("header", Carrier.header))
        value = self._text("probe.auth", table.get("auth", Carrier.value))
        if not HEADER_NAME.fullmatch(header):
            self._fault("probe.header", "wants the name of a header")
        if "{token}" not in value or not HEADER_VALUE.fullmatch(value):
            self._fault("probe.auth", "wants a text of ASCII with {token} in it")
        return Carrier(header, value)

    def _expression(self, key: str, value: Any) -> str:
        text = self._text(f"probe.{key}", value)
        try:
            jmespath.compile(text or "@")
        except jmespath.exceptions.JMESPathError:
            self._fault(f"probe.{key}", "wants a JMESPath expression")
        return text

    def _address(self, key: str, value: Any) -> str:
        text = self._text(key, value)
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname or "", parts.port
            host.encode("idna")
        except ValueError:  # UnicodeError is one of them
            host = ""
        secure = text.startswith("https://") and host not in LOOPBACK and not is_special(host)
        loopback = self._insecure and text.startswith(("http://", "https://")) and host in LOOPBACK
        if not host or not (secure or loopback) or parts.username is not None:
            loop = " (loopback needs ALLOW_INSECURE_PROVIDERS=1)"
            hint = loop if host in LOOPBACK and not self._insecure else ""
            self._fault(key, f"wants an https address of a public host{hint}")
        return text

    def _text(self, key: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        self._fault(key, "wants a text")
        return ""

    def _table(self, key: str, value: Any) -> dict[str, str]:
        if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
            return value
        self._fault(key, "wants a table of texts")
        return {}

    def _refuse_unknown(self, table: dict[str, Any], known: Iterable[str], prefix: str) -> None:
        for key in sorted(set(table) - set(known)):
            self._fault(prefix + key, "is not a key of a provider")

    def _fault(self, key: str, expected: str) -> None:
        place = f"providers.{self.name}" + (f".{key}" if key else "")
        fault = f"{place} {expected}"
        if fault not in self.faults:
            self.faults.append(fault)
