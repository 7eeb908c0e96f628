"""A control request, from JSON or a form, checked: what is to be switched, and for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from app.sandbox.catalogue import CLIENTS, Account, SandboxClient, everyone
from app.sandbox.errors import BadOrderError
from app.sandbox.faults import ANYBODY, RETRY_AFTER, Endpoint, Fault, Mode

Fields = Mapping[str, object]
Choice = TypeVar("Choice", bound=StrEnum)

WHOM = {"account", "client", "grant"}
ORDER = {"mode", "account", "client", "count", "endpoint", "access_token_lifetime", "retry_after"}


@dataclass(frozen=True)
class ControlTarget:
    """Whom an order concerns; nothing chosen means everybody."""

    client: SandboxClient | None = None
    account: Account | None = None
    grant: str | None = None

    def subjects(self) -> list[str]:
        if self.account:
            return [self.account.id]
        if self.client:
            return [self.client.id, *(account.id for account in self.client.accounts)]
        return [ANYBODY, *CLIENTS, *(account.id for _, account in everyone())]

    def covers(self, client: SandboxClient, account: Account, grant: str) -> bool:
        return (
            self.client in (None, client)
            and self.account in (None, account)
            and self.grant in (None, grant)
        )


@dataclass(frozen=True)
class ControlRequest:
    target: ControlTarget
    endpoint: Endpoint
    fault: Fault | None  # None: only the lifetime is set
    access_token_lifetime: int | None


def order(fields: Fields) -> ControlRequest:
    """Raises BadOrderError."""
    _check_names(fields, ORDER)
    lifetime = _whole(fields, "access_token_lifetime", least=0)
    fault = None
    if lifetime is None or _given(fields, "mode"):
        mode = _one_of(Mode, fields, "mode", "")
        retry_after = _whole(fields, "retry_after", least=0)
        fault = Fault(
            mode,
            _whole(fields, "count", least=1),
            RETRY_AFTER if retry_after is None else retry_after,
        )
    endpoint = _one_of(Endpoint, fields, "endpoint", "api")
    return ControlRequest(_target(fields), endpoint, fault, lifetime)


def target(fields: Fields) -> ControlTarget:
    """Raises BadOrderError."""
    _check_names(fields, WHOM)
    return _target(fields)


def _target(fields: Fields) -> ControlTarget:
    grant = str(fields["grant"]) if _given(fields, "grant") else None
    client = None
    if _given(fields, "client"):
        client = CLIENTS.get(str(fields["client"]))
        if client is None:
            raise BadOrderError(f"No client {fields['client']}; known: {', '.join(CLIENTS)}.")
    return ControlTarget(client, _account(fields, client), grant)


def _account(fields: Fields, client: SandboxClient | None) -> Account | None:
    if not _given(fields, "account"):
        return None
    for its_client, account in everyone():
        if fields["account"] in (account.id, account.name) and client in (None, its_client):
            return account
    raise BadOrderError(f"No account {fields['account']}; GET /control lists them.")


def _check_names(fields: Fields, known: set[str]) -> None:
    for name in fields:
        if name not in known:
            raise BadOrderError(f"Unknown field {name}; known: {', '.join(sorted(known))}.")


def _one_of(kind: type[Choice], fields: Fields, name: str, default: str) -> Choice:
    value = str(fields[name]) if _given(fields, name) else default
    try:
        return kind(value)
    except ValueError:
        raise BadOrderError(f"{name} must be one of {', '.join(kind)}.") from None


def _whole(fields: Fields, name: str, least: int) -> int | None:
    if not _given(fields, name):
        return None
    text = str(fields[name])  # a form's "3" is as good as 3; True, 1.5 and "many" are not
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise BadOrderError(f"{name} must be a whole number of {least} or more.")
    return int(text)


def _given(fields: Fields, name: str) -> bool:
    return fields.get(name) not in (None, "")
