"""The whole product as its visitors meet it: web server and worker as processes of their own."""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import func, text, update
from sqlalchemy.exc import DBAPIError

from app.database.engine import Database
from app.grants.refresh import CHECK_LEASE
from app.models.connection import Cause, Connection, Status
from app.realtime.events import announce_cards
from tests.support.processes import Program, answers
from tests.support.waiting import until

NOBODY = ("DELETE FROM users", "DELETE FROM attempts")  # the worker's heartbeat stays
DEADLOCK = "40P01"  # SQLSTATE
LATE = "UPDATE monitors SET beat_at = now() - interval '1 minute'"


@dataclass(frozen=True)
class Site:
    url: str
    database: Database
    web: Program
    worker: Program

    async def start(self) -> None:
        self.worker.start()
        self.web.start()
        await self.ready()

    async def ready(self) -> None:
        await answers(self.web, f"{self.url}/readyz")

    async def forget_everybody(self) -> None:
        """Whatever the worker is doing with them: of two that wait for each other PostgreSQL sends
        one away, and that may be us.
        """

        async def forgotten() -> bool:
            try:
                await self.run(*NOBODY)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") != DEADLOCK:
                    raise
                return False
            return True

        await until(forgotten)

    async def lose_the_worker(self) -> None:
        """It dies without a word, and half a minute goes by."""
        await self.worker.kill()
        await self.run(LATE)

    async def turn(self, status: Status, cause: Cause | None = None, **where: str) -> None:
        """Change connections as a check would, at once; the worker leaves them for one lease."""
        held = {"lease_id": uuid4(), "lease_until": func.now() + CHECK_LEASE}
        change = (
            update(Connection)
            .filter_by(**where)
            .values(status=status, cause=cause, version=Connection.version + 1, **held)
            .returning(Connection.user_id, Connection.id)
        )
        async with self.database.sessions.begin() as session:
            changed = [(user_id, card) for user_id, card in await session.execute(change)]
            await announce_cards(session, changed)

    async def run(self, *statements: str) -> None:
        async with self.database.engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
