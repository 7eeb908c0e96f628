"""People, their connections and the monitor's steps, in a time that passes as fast as it can."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import Template
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts.worker import AlertWorker
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.history import provider_outages
from app.models.alert import Alert
from app.models.history import ProviderOutage
from app.monitor.checked import Checked
from app.monitor.checker import Checker
from app.monitor.leases import Lease, claim_due, claim_sample
from app.oauth.token_response import Tokens
from app.outbound.client import HttpClient
from app.outbound.pool import HttpPool
from app.providers.provider import Provider
from app.providers.spec_parts import Probe
from tests.monitor.scripted.provider import RawProviders, Scripts
from tests.support import rows
from tests.support.servers import CLIENT

TIMEOUT = 30.0  # seconds that a probe waits; of the world outside, so not moved
MOVE = text("UPDATE clock SET shift = CAST(:moment AS timestamptz) - pg_catalog.now()")
NOW = text("SELECT now()")
NEXT = text(
    """
    SELECT least(
        (SELECT min(next_check_at) FROM connections c WHERE NOT EXISTS
            (SELECT FROM provider_outages o
             WHERE o.provider = c.provider AND o.closed_at IS NULL)),
        (SELECT min(sampled_at) + CAST(:pause AS interval) FROM provider_outages
         WHERE closed_at IS NULL),
        (SELECT min(look_at) FROM alert_states))
    """
)
DUE = text(
    """
    SELECT DISTINCT provider FROM connections c WHERE next_check_at <= now() AND NOT EXISTS
        (SELECT FROM provider_outages o WHERE o.provider = c.provider AND o.closed_at IS NULL)
    UNION SELECT provider FROM provider_outages
    WHERE closed_at IS NULL AND sampled_at <= now() - CAST(:pause AS interval)
    """
)
SEEN = text("SELECT id, status, cause FROM connections")
TO_BE_TOLD = text("SELECT EXISTS (SELECT FROM alert_states WHERE look_at <= now())")
EMPTY = [text(f"DELETE FROM {name}") for name in ("users", "provider_outages", "refusal_counts")]


@dataclass
class Scene:
    """One provider with its people; connections are numbered like their grants, from 0."""

    name: str
    connections: list[UUID] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    # Of every connection: seconds since the world began, status, cause.
    changes: list[list[tuple[float, str, str | None]]] = field(default_factory=list)
    letters: list[tuple[float, int, str]] = field(default_factory=list)  # when, to whom, what kind
    outages: list[ProviderOutage] = field(default_factory=list)

    def at(self, seconds: float, number: int = 0) -> tuple[str, str | None]:
        """Status and cause that it had then."""
        return next(each[1:] for each in reversed(self.changes[number]) if each[0] <= seconds)

    def when(self, status: str, number: int = 0, after: float = 0.0) -> float | None:
        """Seconds at which it was first seen with this status."""
        found = (at for at, each, _ in self.changes[number] if each == status and at >= after)
        return next(found, None)

    def ever(self, *statuses: str) -> set[int]:
        """Which connections ever had one of these statuses."""
        return {
            number
            for number, changes in enumerate(self.changes)
            if any(each in statuses for _, each, _ in changes)
        }

    def kinds(self, number: int | None = None) -> list[str]:
        """What was written to the owner of this connection, or to everybody."""
        whose = None if number is None else self.people[number % len(self.people)]
        return [kind for _, person, kind in self.letters if whose in (None, person)]


@dataclass
class World:
    """`run` moves time on, for all scenes at once."""

    database: Database
    providers: RawProviders
    checker: Checker
    alerts: AlertWorker
    began: datetime
    now: datetime
    step: float  # seconds between two looks at what is due, at least
    scenes: dict[str, Scene] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return (self.now - self.began).total_seconds()

    async def add(
        self,
        name: str,
        scripts: Scripts,
        connections: int = 1,
        people: int = 1,
        *,
        refreshable: bool = True,
        life: float | None = 86_400.0,
        probe: dict[str, Any] | None = None,
        **entry: Any,
    ) -> Scene:
        """A provider with so many connections of so many people, in turn.

        `life`: seconds that their access tokens are said to be good for. `probe`: keys of it; the
        address may name `$base`, `$name` and `$port`, and `{tenant}` and `{endpoint}` of a grant.
        """
        self.providers.scripts[name] = scripts
        self._catalogue[name] = _entry(name, self.providers.address, probe or {}, entry)
        scene = self.scenes[name] = Scene(name)
        async with self.database.sessions.begin() as session:
            for number in range(people):
                email = f"{name}-{number}@example.ru"
                scene.people.append(await rows.new_person(session, email))
            for number in range(connections):
                await self._connect(session, scene, number, life, refreshable)
        return scene

    async def reconnect(self, scene: Scene, number: int) -> None:
        """Its owner gives a new grant, as a reconnect does that has taken the old one's place."""
        async with self.database.sessions.begin() as session:
            await session.execute(
                text(
                    "UPDATE grants SET granted_at = now() + interval '1 ms', version = version + 1"
                    " WHERE connection_id = :id"
                ),
                {"id": scene.connections[number]},
            )
            await session.execute(
                text("UPDATE connections SET next_check_at = now() WHERE id = :id"),
                {"id": scene.connections[number]},
            )

    async def run(self, seconds: float) -> None:
        """Everything that is due within these seconds is done, each at its time."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            moment = await self._next()
            if moment is None or moment >= end:
                break
            await self._go_to(max(moment, self.now + timedelta(seconds=self.step)))
            await self._step()
        await self._go_to(end)
        await self._write_down()

    async def _connect(
        self,
        session: AsyncSession,
        scene: Scene,
        number: int,
        life: float | None,
        refreshable: bool,
    ) -> None:
        refresh = f"refresh-{number}-0" if refreshable else None
        base = f"{self.providers.address}/{scene.name}"
        kept = {"tenant": "1", "endpoint": f"{base}/"}
        tokens = Tokens(f"access-{number}-0", refresh, life, kept=kept)
        owner = scene.people[number % len(scene.people)]
        columns = {"account": f"shop-{number}", "label": f"Shop {number}"}
        scene.connections.append(
            await rows.new_connection(
                session, self.checker.keys, owner, tokens, provider=scene.name, **columns
            )
        )
        scene.changes.append([])

    @property
    def _catalogue(self) -> dict[str, Provider]:
        catalogue = self.checker.catalogue
        assert isinstance(catalogue, dict)
        return catalogue

    async def _step(self) -> None:
        checker = self.checker
        if not checker.watch.known:
            await checker.watch.look(checker.sessions, checker.catalogue, checker.interval)
        leases = await self._claim(await self._due())
        found = await asyncio.gather(*map(checker.check, leases))
        batch = [each for each in found if isinstance(each, Checked)]
        if batch:
            await checker.write(batch)
        out = checker.watch.out
        await checker.watch.look(checker.sessions, checker.catalogue, checker.interval)
        await self._note()
        if checker.watch.out != out or await self._reads(TO_BE_TOLD):
            await self.alerts.tell()

    async def _due(self) -> list[str]:
        """Providers with something to be asked: most have nothing in most steps."""
        async with self.database.reading() as connection:
            return list(await connection.scalars(DUE, {"pause": self._pause}))

    async def _claim(self, names: list[str]) -> list[Lease]:
        async with self.database.sessions.begin() as session:
            return [each for name in names for each in await self._claim_of(session, name)]

    async def _claim_of(self, session: AsyncSession, name: str) -> list[Lease]:
        checker = self.checker
        if name not in checker.watch.out:
            return await claim_due(session, name, 500)
        if not await provider_outages.take_turn(session, name, checker.interval):
            return []
        checker.watch.want(name)
        return await claim_sample(session, checker.catalogue[name], provider_outages.SAMPLE)

    async def _note(self) -> None:
        async with self.database.reading() as connection:
            found = {id_: (status, cause) for id_, status, cause in await connection.execute(SEEN)}
        for scene in self.scenes.values():
            for changes, each in zip(scene.changes, scene.connections, strict=True):
                if not changes or changes[-1][1:] != found[each]:
                    changes.append((self.seconds, *found[each]))

    async def _write_down(self) -> None:
        async with self.database.sessions() as session:
            alerts = list(await session.scalars(select(Alert).order_by(Alert.created_at)))
            outages = list(
                await session.scalars(select(ProviderOutage).order_by(ProviderOutage.opened_at))
            )
        for scene in self.scenes.values():
            scene.letters = [
                ((each.created_at - self.began).total_seconds(), each.user_id, each.kind)
                for each in alerts
                if each.user_id in scene.people
            ]
            scene.outages = [each for each in outages if each.provider == scene.name]

    async def _next(self) -> datetime | None:
        moment: datetime | None = await self._reads(NEXT, pause=self._pause)
        return moment

    @property
    def _pause(self) -> timedelta:
        """Between two samples of a provider that is out."""
        return timedelta(seconds=min(provider_outages.SAMPLE_PAUSE, self.checker.interval))

    async def _reads(self, query: TextClause, **values: object) -> Any:
        async with self.database.reading() as connection:
            return await connection.scalar(query, values)

    async def _go_to(self, moment: datetime) -> None:
        if moment <= self.now:
            return
        async with self.database.reading() as connection:
            await connection.execute(MOVE, {"moment": moment})
        self.now = moment


@asynccontextmanager
async def open_world(
    database: Database,
    providers: RawProviders,
    http: HttpClient,
    pool: HttpPool,
    keys: Keys,
    settings: Settings,
    *,
    interval: float = 600.0,
    step: float = 5.0,
    timeout: float = TIMEOUT,
) -> AsyncIterator[World]:
    """`database`: one whose clock can be moved; it is emptied."""
    async with database.sessions.begin() as session:
        for statement in EMPTY:
            await session.execute(statement)
        now: datetime = await session.scalar(NOW)
    checker = Checker(database.sessions, http, pool, keys, {}, interval, timeout, replica_lag=0.01)
    alerts = AlertWorker(
        settings, database.sessions, http, keys, checker.catalogue, checker.unfinished
    )
    world = World(database, providers, checker, alerts, now, now, step)
    providers.clock = lambda: world.seconds
    yield world
    await checker.unfinished.drain(5)


def _entry(name: str, address: str, probe: dict[str, Any], entry: dict[str, Any]) -> Provider:
    base = f"{address}/{name}"
    reads = {"url": "$base/me", "label": "name", "account": "sub"} | probe
    port = address.rpartition(":")[2]
    reads["url"] = Template(reads["url"]).substitute(base=base, name=name, port=port)
    return Provider(
        name,
        name.title(),
        f"{base}/auth",
        f"{base}/token",
        Probe(**reads),
        client=CLIENT,
        **entry,
    )
