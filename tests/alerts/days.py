"""A day that a test tells: people, connections, and what happens to them, hour by hour."""

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from app.alerts.outbox import DELIVERY_LEASE
from app.database.engine import Database, open_database
from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.monitor.results import record
from app.monitor.verdict import Verdict
from tests.alerts.clock import Clock
from tests.alerts.receivers import BOT_TOKEN, Receivers
from tests.support.postbox import Postbox
from tests.support.processes import Program, environment
from tests.support.waiting import until

DATES = {"Thu": "2026-11-26", "Fri": "2026-11-27", "Sat": "2026-11-28"}  # in Moscow
INTERVAL = 600.0  # seconds
EVIDENCE = {Cause.REVOKED: "POST /token → 400 invalid_grant", None: "GET /stores → 200 за 40 мс"}
# Everything that is due by the clock of the database was done, and nobody is at it.
BUSY = text(
    """
    SELECT EXISTS (SELECT FROM alert_states WHERE look_at <= now())
        OR EXISTS (SELECT FROM alert_preferences WHERE digest_at <= now())
        OR EXISTS (SELECT FROM alert_channels c WHERE lease_until > now()
                   OR (state = 'on' AND next_try_at <= now() AND EXISTS
                       (SELECT FROM deliveries WHERE channel_id = c.id AND state = 'waiting')))
        OR EXISTS (SELECT FROM alert_states t JOIN connections c ON c.id = t.connection_id
                   LEFT JOIN provider_outages o ON o.provider = c.provider AND o.closed_at IS NULL
                   WHERE t.outage_id IS DISTINCT FROM o.id)
    """
)
# With the clock: a check that is overdue for a moment puts alerts off by two minutes.
CHECKED = (
    "UPDATE connections SET next_check_at = now() + interval '10 minutes', last_checked_at = now()"
)


@dataclass
class Line:
    """One line of the transcript."""

    at: datetime
    to: str
    title: str


@dataclass
class Day:
    """The clock, two processes that tell people, and all that arrived."""

    database: Database
    clock: Clock
    postbox: Postbox
    receivers: Receivers
    workers: list[Program]
    chance: random.Random
    kills: int = 0
    transcript: list[Line] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    async def at(self, clock: str, *, kill: bool = False) -> None:
        """Time passes until "Thu 14:05", and all that is due by then is done; checks go on."""
        moment = moment_of(clock)
        await self.clock.go_to(moment, CHECKED)
        if kill:
            await self.kill_one()
        await self.settle(moment)

    async def settle(self, moment: datetime) -> None:
        async def quiet() -> bool:
            async with self.database.sessions() as session:
                return not await session.scalar(BUSY)

        await until(quiet)
        self._write_down(moment)

    async def become(
        self, connections: Iterable[UUID], status: Status, cause: Cause | None = None
    ) -> None:
        """What a check records when it finds this."""
        for connection in connections:
            async with self.database.sessions.begin() as session:
                lease = await claim_one(session, connection)
                assert lease is not None
                began = lease.row.status != status.value
                verdict = Verdict(status, cause, 0, began, INTERVAL)
                evidence = EVIDENCE.get(cause, "GET /stores → 503 за 12 мс")
                await record(session, [Checked(lease, Answer(evidence, 12, 503), verdict)])

    async def kill_one(self) -> None:
        """kill -9, wherever it is; its lease runs out, and another process takes its place."""
        index = self.chance.randrange(len(self.workers))
        await self.workers[index].kill()
        self.workers[index].start()
        self.kills += 1
        await self.clock.pass_(DELIVERY_LEASE)

    def _write_down(self, moment: datetime) -> None:
        to = self.receivers
        groups = {
            "mail": [(str(each["To"]), str(each["Subject"])) for each in self.postbox.letters],
            "telegram": [(f"telegram {m.to}", m.title) for m in to.telegram.messages],
            "push": [("push", m.title) for m in to.browser.messages],
            "webhook": [("webhook", m.title) for m in to.webhook.messages],
        }
        for name, arrived in groups.items():
            for where, title in sorted(arrived[self._seen.get(name, 0) :]):
                self.transcript.append(Line(moment, where, title))
            self._seen[name] = len(arrived)


@asynccontextmanager
async def open_day(
    url: str, postbox: Postbox, receivers: Receivers, vapid_key: str, seed: int, workers: int = 2
) -> AsyncIterator[Day]:
    environ = environment(
        url,
        8000,
        SMTP_URL=f"smtp://127.0.0.1:{postbox.port}",
        MAIL_FROM="Связка <mail@example.ru>",
        TELEGRAM_BOT_TOKEN=BOT_TOKEN,
        TELEGRAM_API_BASE=receivers.telegram.url,
        VAPID_PRIVATE_KEY=vapid_key,
        ALLOW_INSECURE_PROVIDERS="1",
        ALLOW_LOOPBACK_TARGETS="1",
    )
    command = (environ["PATH"].split(":")[0] + "/python", "-m", "tests.alerts.worker")
    programs = [Program(command, environ).start() for _ in range(workers)]
    try:
        async with open_database(url) as database:
            yield Day(database, Clock(url), postbox, receivers, programs, random.Random(seed))
    finally:
        for program in programs:
            await program.close()


def moment_of(clock: str) -> datetime:
    day, time = clock.split()
    return datetime.fromisoformat(f"{DATES[day]}T{time}:00+03:00")


def shown(lines: Sequence[Line]) -> str:
    """One line for each message; sent twice by a process that died in between, it is still one."""
    told = [f"{line.at:%a %H:%M}  {line.to:<18} {line.title}" for line in lines]
    return "\n".join(dict.fromkeys(told))
