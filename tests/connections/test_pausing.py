"""A paused connection is left alone: no checks, no figures, no alerts, until its pause is over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from app.alerts.worker import AlertWorker
from app.database.engine import Database
from app.models.alert import Alert
from app.models.connection import Connection
from app.models.history import Outage
from app.models.pause import FOREVER
from app.monitor.leases import claim_due
from app.web.connections.pausing import end_of_pause
from tests.support.people import HTMX, Person

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)  # half past one in Moscow, on the first
AGES = {"connected_at": "10 hours", "last_checked_at": "5 hours", "since": "10 hours"}
IS_DUE = text("UPDATE connections SET next_check_at = now() - interval '1 minute'")
IS_OVER = text("UPDATE connections SET paused_until = now(), next_check_at = now()")


async def paused(person: Person, until: str = "forever") -> dict[str, Any]:
    card = await person.connect()
    assert (await person.post(f"/connections/{card['id']}/pause", until=until)).status_code == 303
    return card


async def run(database: Database, statement: Any) -> None:
    async with database.sessions.begin() as session:
        await session.execute(statement)


async def claimed(database: Database) -> int:
    async with database.sessions() as session:  # rolled back
        return len(await claim_due(session, "evotor", 10))


@pytest.mark.parametrize(
    ("chosen", "end"),
    [
        ("hour", NOW + timedelta(hours=1)),
        ("morning", datetime(2026, 12, 2, 6, tzinfo=UTC)),
        ("week", NOW + timedelta(days=7)),
        ("forever", FOREVER),
        ("", None),
        ("for ever and a day", None),
    ],
)
def test_a_pause_ends_when_its_owner_said(chosen: str, end: datetime | None) -> None:
    assert end_of_pause(chosen, NOW, MOSCOW) == end


async def test_nobody_checks_it_however_long_it_is_due(person: Person, database: Database) -> None:
    await paused(person)
    await run(database, IS_DUE)
    assert await claimed(database) == 0
    await run(database, IS_OVER)
    assert await claimed(database) == 1


async def test_a_check_by_hand_is_refused_kindly(person: Person) -> None:
    card = await paused(person)
    answer = await person.client.post(f"/connections/{card['id']}/checks", headers=HTMX)
    assert answer.status_code == 409
    assert "%D0%9F%D0%BE%D0%B4%D0%BA%D0%BB" in answer.headers["Notice"]
    plain = await person.client.post(f"/connections/{card['id']}/checks")
    assert plain.status_code == 409
    assert "приостановлено" in await plain.get_data(as_text=True)


async def test_it_says_so_everywhere(person: Person) -> None:
    card = await paused(person, "week")
    for path in ("/connections", f"/connections/{card['id']}", "/evotor"):
        page = await person.page(path)
        assert "Приостановлено до" in page, path
        assert "data-paused" in page, path
    (told,) = [each for each in await person.cards() if each["id"] == card["id"]]
    assert told["paused_until"] is not None
    assert told["stale"] is False
    journal = await person.page("/journal")
    assert "Приостановлено" in journal


async def test_a_trouble_does_not_end_because_nobody_looks_any_more(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    await person.sandbox.set("error")
    for _ in range(2):
        await person.check(card)
    await tell(person, database)
    before = await alerts(database)
    await person.post(f"/connections/{card['id']}/pause", until="forever")
    async with database.sessions() as session:
        assert await session.scalar(select(Outage.closed_at)) is not None  # it is not counted
    await tell(person, database)
    assert await alerts(database) == before
    assert "Приостановлено, пока вы не возобновите" in await person.page()
    assert 'data-count="offline" hidden' in await person.page()


async def tell(person: Person, database: Database) -> None:
    """All that is due is evaluated, whatever its delay."""
    await run(database, text("UPDATE alert_states SET look_at = now()"))
    worker: AlertWorker = person.app.alerting
    await worker.tell()


async def alerts(database: Database) -> int:
    async with database.sessions() as session:
        return len((await session.scalars(select(Alert.id))).all())


async def test_reconnected_it_is_looked_at_all_the_same(person: Person) -> None:
    card = await paused(person)
    again = await person.connect(connection=card["id"])
    assert again["last_checked_at"] > card["last_checked_at"]
    assert again["paused_until"] is not None


async def test_resumed_it_is_due_at_once(person: Person, database: Database) -> None:
    card = await paused(person)
    assert (await person.post(f"/connections/{card['id']}/resume")).status_code == 303
    assert await claimed(database) == 1
    assert "Приостановлено до" not in await person.page()
    assert "Возобновлено" in await person.page("/journal")


async def test_the_time_of_a_pause_is_no_uptime(person: Person, database: Database) -> None:
    card = await person.connect()
    ago = {name: text(f"now() - interval '{age}'") for name, age in AGES.items()}
    await run(database, update(Connection).values(**ago))
    await person.post(f"/connections/{card['id']}/pause", until="forever")
    await run(database, update(Connection).values(watched_until=text("now() - interval '5 hours'")))
    page = await person.page(f"/connections/{card['id']}")
    assert "без простоев за 5 ч наблюдения, нет данных 5 ч" in page
    assert "следующая" not in page


async def test_what_is_somebody_elses_or_nonsense_is_refused(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    for deed in ("pause", "resume"):
        path = f"/connections/{card['id']}/{deed}"
        assert (await other_person.post(path, until="hour")).status_code == 404
    assert (await person.post(f"/connections/{card['id']}/pause", until="x")).status_code == 400
