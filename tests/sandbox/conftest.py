from collections.abc import AsyncIterator

import httpx
import pytest

from app.sandbox import SandboxSettings
from app.sandbox._app import Sandbox
from app.sandbox.factory import create_sandbox
from tests.sandbox.caller import Caller, reach


class Clock:
    """Unix seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(clock: Clock) -> Sandbox:
    settings = SandboxSettings(issuer="http://localhost", slow_seconds=0.05, hang_seconds=0.05)
    return create_sandbox(settings, clock)


@pytest.fixture
async def http(app: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with reach(app) as client:
        yield client


@pytest.fixture
def evotor(http: httpx.AsyncClient) -> Caller:
    return Caller(http)


@pytest.fixture
def sklad(http: httpx.AsyncClient) -> Caller:
    return Caller(http, "sklad")
