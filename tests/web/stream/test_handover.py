"""However many pages come at once, few are let in at a time, and nothing else waits for them."""

import asyncio
from typing import Any

from app.realtime.hub import Hub
from app.web.stream.handover import OPENING, Streams
from tests.support.waiting import until

CROWD = 40 * OPENING


class Counted:
    """An application whose answers wait until they may end."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.inside = self.most = self.served = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if scope["path"].endswith("/stream"):
            await self.may_end.wait()
        self.inside -= 1
        self.served += 1


async def _ask(app: Streams, path: str) -> None:
    async def nothing(*_: Any) -> Any:
        return None

    await app({"type": "http", "path": path, "headers": []}, nothing, nothing)


async def test_a_crowd_of_streams_opens_few_at_a_time() -> None:
    inner = Counted()
    app = Streams(inner, Hub)
    crowd = [asyncio.create_task(_ask(app, "/connections/stream")) for _ in range(CROWD)]

    async def some_are_inside() -> bool:
        return inner.inside >= OPENING

    await until(some_are_inside)
    await _ask(app, "/healthz")  # which comes last, and is answered first
    assert inner.served == 1
    inner.may_end.set()
    await asyncio.gather(*crowd)
    assert inner.served == CROWD + 1
    assert inner.most <= OPENING + 1
