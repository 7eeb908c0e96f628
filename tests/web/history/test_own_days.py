"""Days, wherever they are shown, begin at their owner's midnight."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.database.engine import Database
from app.history import latency as latencies
from app.history.latency import LatencyBatch, points
from app.history.latency_ring import RING_SIZE
from app.history.periods import days, midnight
from app.i18n.formatting import day_name
from app.models.account import User
from app.models.history import Latencies
from tests.support.past import HOUR, MINUTE, MOSCOW, age, was
from tests.support.people import Person
from tests.support.streams import watching
from tests.web.connections.test_past import rows_of_bars
from tests.web.stream.test_routes import heard

HALF_HOUR = timedelta(minutes=30)
ZONES = ("America/New_York", "Asia/Vladivostok")
everywhere = pytest.mark.parametrize("zone", [ZoneInfo(name) for name in ZONES], ids=str)


def days_ago(count: int, zone: ZoneInfo) -> datetime:
    """A midnight there."""
    return midnight(datetime.now(zone).date() - timedelta(days=count), zone)


async def lives_in(database: Database, zone: ZoneInfo) -> None:
    async with database.sessions.begin() as session:
        await session.execute(update(User).values(zone=zone.key))


async def down_around_midnight(
    person: Person, database: Database, zone: ZoneInfo
) -> dict[str, Any]:
    """An hour, half of it on either side of the midnight that began the day before yesterday."""
    card = await person.connect()
    await age(database, card)
    await was(database, card, days_ago(2, zone) - 30 * MINUTE, HOUR)
    await lives_in(database, zone)
    return card


def assert_half_an_hour_on_either_side(bars: list[str], zone: ZoneInfo) -> None:
    today = datetime.now(zone).date()
    for back in (3, 2):
        name = day_name(today - timedelta(days=back))
        assert f"<title>{name}: не работало 30 мин</title>" in bars[-1 - back]
    assert sum("не работало" in bar for bar in bars) == 2


def ends_at_the_next_half_hour(bars: list[str], zone: ZoneInfo) -> bool:
    now = datetime.now(zone)
    end = now.replace(minute=now.minute - now.minute % 30) + HALF_HOUR  # of a run of bars, too
    return any(re.search(rf"<title>.*– ?.*{end:%H:%M}: ", bar) for bar in bars[-2:])


@everywhere
async def test_bars_of_the_page_of_a_connection(
    person: Person, database: Database, zone: ZoneInfo
) -> None:
    card = await down_around_midnight(person, database, zone)
    page = await person.page(f"/connections/{card['id']}")
    assert_half_an_hour_on_either_side(rows_of_bars(page)[-1], zone)
    first_day = day_name(datetime.now(zone).date() - timedelta(days=89))
    assert f"<span>{first_day}</span><span>сегодня</span>" in page


@everywhere
async def test_bars_that_come_over_the_stream(
    person: Person, database: Database, zone: ZoneInfo
) -> None:
    card = await down_around_midnight(person, database, zone)
    await heard(person.app)
    async with watching(person) as stream:
        await person.check(card)
        fragment = await stream.until(f'hx-target="#connection-{card["id"]}"')
    (halves,) = rows_of_bars(fragment.replace("\ndata: ", "\n"))
    assert ends_at_the_next_half_hour(halves, zone)


@everywhere
async def test_times_of_day_of_bars_lists_and_charts(
    person: Person, database: Database, zone: ZoneInfo
) -> None:
    card = await down_around_midnight(person, database, zone)
    evening = day_name(datetime.now(zone).date() - timedelta(days=3))
    for path in ("/outages", f"/connections/{card['id']}"):
        assert f"{evening}, 23:30" in await person.page(path)
    (halves,) = rows_of_bars(await person.page())
    assert ends_at_the_next_half_hour(halves, zone)
    chart = await person.page(f"/connections/{card['id']}?chart=7d")
    assert re.search(rf"<title>{evening}, 23:30 – [^<]+, 00:30: простой 1 час", chart)


@everywhere
async def test_days_of_what_is_taken_away(
    person: Person, database: Database, zone: ZoneInfo
) -> None:
    await down_around_midnight(person, database, zone)
    answer = await person.get("/uptime.json?by=day&days=7")
    days_told = (await answer.get_json())["uptime"]
    down = {
        each["began_at"]: each["down_seconds"]
        for each in days_told
        if each["down_seconds"] and each["connection"]
    }
    began = [days_ago(back, zone).astimezone(zone).isoformat() for back in (3, 2)]
    assert down == dict.fromkeys(began, 1800.0)


@everywhere
async def test_days_of_latencies(person: Person, database: Database, zone: ZoneInfo) -> None:
    card = await person.connect()
    await lives_in(database, zone)
    connection_id = UUID(card["id"])
    for minutes, latency in ((-90, 100), (90, 400)):
        at = days_ago(2, zone) + minutes * MINUTE
        async with database.sessions.begin() as session:
            await latencies.fold(
                session, [LatencyBatch(connection_id, at, [latency], zone.key)], MOSCOW
            )
    async with database.sessions() as session:
        windows = days(datetime.now(UTC), zone, 4)
        found = await points(session, connection_id, windows, zone)
        medians = [point.median for point in found[:2]]
        assert [round(each or 0, -2) for each in medians] == [100, 400]


async def test_a_check_folds_into_its_owners_day(person: Person, database: Database) -> None:
    zone = ZoneInfo("Asia/Vladivostok")
    card = await person.connect()
    await lives_in(database, zone)
    for _ in range(RING_SIZE):
        await person.app.checker.check_now(UUID(card["id"]))
    async with database.sessions() as session:
        began = await session.scalar(
            select(Latencies.began).where(Latencies.slot >= latencies.HOUR_SLOTS)
        )
    assert began == days_ago(0, zone)


async def test_a_day_counted_in_another_zone_is_shown_where_it_mostly_was(
    person: Person, database: Database
) -> None:
    zone = ZoneInfo("Asia/Vladivostok")
    card = await person.connect()
    connection_id, began = UUID(card["id"]), days_ago(2, MOSCOW)
    async with database.sessions.begin() as session:
        batch = LatencyBatch(connection_id, began + 5 * HOUR, [100] * 3)
        await latencies.fold(session, [batch], MOSCOW)
        there = days(datetime.now(UTC), zone, 6)
        found = await points(session, connection_id, there, zone)
    (point,) = [point for point in found if point.counts.total() >= 3]
    assert point.window.began < began + 12 * HOUR < point.window.ended
