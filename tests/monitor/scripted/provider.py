"""A provider that answers with bytes, as a script of the test says."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Asked:
    """A request, and what is known of whom it is about."""

    name: str  # of the provider: the first part of the path
    path: str  # the rest of it
    headers: Mapping[str, str]
    body: str
    connection: int  # of the transport: which one, counted from 0
    nth: int  # on that connection, counted from 0
    at: float  # seconds since the world began

    @property
    def grant(self) -> int:
        """The number of the grant: access tokens are `access-<grant>-<generation>`."""
        return int(self._token.split("-")[1])

    @property
    def generation(self) -> int:
        """How often it was refreshed."""
        return int(self._token.split("-")[2])

    @property
    def _token(self) -> str:
        form = parse_qs(self.body)
        if "refresh_token" in form:
            return form["refresh_token"][0]
        return self.headers["authorization"].rpartition(" ")[2]


Script = Callable[[Asked], "bytes | Hang"]


@dataclass(frozen=True)
class Hang:
    """No answer at all, for as long as the client waits."""


HANG = Hang()


def reply(
    status: int = 200, content: Any = None, headers: Mapping[str, str] | None = None, **json_: Any
) -> bytes:
    """A whole answer. `content`: text or bytes as they are; else JSON of it, or of the keywords."""
    if isinstance(content, (str, bytes)):
        body, media = content if isinstance(content, bytes) else content.encode(), "text/plain"
    else:
        body, media = json.dumps(json_ if content is None else content).encode(), "application/json"
    fields = {"content-type": media, "content-length": str(len(body))}
    fields |= {name.lower(): value for name, value in (headers or {}).items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


def well(asked: Asked) -> bytes:
    """The account is the grant's own."""
    return reply(sub=f"shop-{asked.grant}", name=f"Shop {asked.grant}")


def renewed(asked: Asked, life: float = 3_600.0) -> bytes:
    """The next generation of both tokens, good for so many seconds."""
    new = f"{asked.grant}-{asked.generation + 1}"
    return reply(
        access_token=f"access-{new}",
        refresh_token=f"refresh-{new}",
        token_type="Bearer",
        expires_in=life,
    )


@dataclass
class Scripts:
    """What one provider answers."""

    api: Script = well
    token: Script = renewed


@dataclass
class RawProviders:
    """One server for any number of providers, told apart by the first part of the path."""

    scripts: dict[str, Scripts] = field(default_factory=dict)
    address: str = ""
    clock: Callable[[], float] = lambda: 0.0
    asked: Counter[str] = field(default_factory=Counter)  # requests, by provider
    _connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._connections = self._connections, self._connections + 1
        nth = 0
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while (asked := await self._read(reader, number, nth)) is not None:
                self.asked[asked.name] += 1
                scripts = self.scripts[asked.name]
                answer = (scripts.token if asked.path == "token" else scripts.api)(asked)
                if isinstance(answer, Hang):
                    await reader.read()
                    break
                writer.write(answer)
                await writer.drain()
                if not _is_framed(answer):
                    break
                nth += 1
        self._writers.discard(writer)
        writer.transport.abort()

    def hang_up(self) -> None:
        for each in self._writers:
            each.transport.abort()

    async def _read(self, reader: asyncio.StreamReader, number: int, nth: int) -> Asked | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        pairs = (line.split(": ", 1) for line in lines if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        name, _, path = first.split()[1].partition("?")[0].lstrip("/").partition("/")
        return Asked(name, path, headers, body.decode(), number, nth, self.clock())


def _is_framed(answer: bytes) -> bool:
    head = answer.partition(b"\r\n\r\n")[0].lower()
    return b"content-length" in head and b"connection: close" not in head


@asynccontextmanager
async def open_raw_providers() -> AsyncIterator[RawProviders]:
    provider = RawProviders()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    provider.address = f"http://{host}:{port}"
    try:
        yield provider
    finally:
        server.close()
        provider.hang_up()
