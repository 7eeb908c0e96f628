"""What every route of the sandbox may reach for: the typed app and this request's log entry."""

import asyncio
from typing import cast

from quart import Quart, current_app, g
from quart.json.provider import DefaultJSONProvider

from app.sandbox.catalogue import Account, SandboxClient
from app.sandbox.faults import Faults
from app.sandbox.journal import Journal, LoggedRequest
from app.sandbox.ledger import Ledger
from app.sandbox.settings import SandboxSettings


class ReadableJson(DefaultJSONProvider):
    ensure_ascii = False  # people read these answers in a terminal


class Sandbox(Quart):
    json_provider_class = ReadableJson
    settings: SandboxSettings
    ledger: Ledger
    faults: Faults
    journal: Journal
    stopping: asyncio.Event  # set by the server: whoever hangs on purpose stops doing so


def sandbox() -> Sandbox:
    return cast(Sandbox, current_app)


def note(client: SandboxClient | None, account: Account | None) -> None:
    """Write into the log who asks."""
    entry = cast(LoggedRequest, g.entry)
    entry.client = client.id if client else None
    entry.account = account.id if account else None
