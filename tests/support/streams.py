"""An open page's stream, as the browser hears it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.people import Person
from tests.support.waiting import PATIENCE

LIST = "/connections/stream"


class Stream:
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rest = ""
        self.ended = False

    @property
    def headers(self) -> Any:
        return self._connection.headers

    async def event(self) -> str:
        """The next event; empty when the stream has ended."""
        async with asyncio.timeout(PATIENCE):
            while "\n\n" not in self._rest and not self.ended:
                piece = await self._connection.receive()
                self.ended = not piece
                self._rest += piece.decode()
        event, _, self._rest = self._rest.partition("\n\n")
        return event

    async def until(self, *words: str) -> str:
        """Read on until an event has all these words, and return it."""
        while event := await self.event():
            if all(word in event for word in words):
                return event
        raise AssertionError(f"the stream ended without {words}")

    async def rest(self) -> list[str]:
        """Everything up to the end of the stream."""
        events = []
        while event := await self.event():
            events.append(event)
        return events

    async def silent(self, seconds: float) -> bool:
        """Does nothing come for so long? Reads nothing away but what came."""
        try:
            async with asyncio.timeout(seconds):
                await self.event()
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def watching(person: Person, path: str = LIST) -> AsyncIterator[Stream]:
    """The page of all connections is open, or another one that has a stream."""
    async with listening(person, path) as stream:
        await stream.until("#banner")  # the last part of the first snapshot
        yield stream


@asynccontextmanager
async def listening(person: Person, path: str = LIST, **more: str) -> AsyncIterator[Stream]:
    """The stream is open, and nothing of it has been read; `more` are headers."""
    headers = {"Accept": "text/event-stream", **more}
    async with person.client.request(path, headers=headers) as connection:
        await connection.send_complete()
        try:
            yield Stream(connection)
        finally:
            await connection.disconnect()
