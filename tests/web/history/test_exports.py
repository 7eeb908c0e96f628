"""Outages and uptime to take away: the period that was asked for, exactly, and no formula in it."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update

from app.database.engine import Database
from app.models.connection import Cause, Connection
from tests.support.past import HOUR, MINUTE, MOSCOW, age, last_month, was
from tests.support.people import JSON, OTHER_SHOP, Person

TABLES = ("/outages.csv", "/outages.json", "/uptime.csv", "/uptime.json")


@pytest.fixture
async def card(person: Person, database: Database) -> dict[str, Any]:
    """A connection that was down for 17 minutes last month, and not watched for an hour."""
    card = await person.connect()
    await age(database, card)
    await was(database, card, last_month().began + 100 * HOUR, 17 * MINUTE)
    await was(database, card, last_month().began + 200 * HOUR, HOUR, None)
    return card


def month() -> str:
    window = last_month()
    began, latest = (at.astimezone(MOSCOW) for at in (window.began, window.ended - HOUR))
    return f"from={began:%Y-%m-%d}&to={latest:%Y-%m-%d}"


async def table(person: Person, path: str) -> list[dict[str, str]]:
    text = await person.page(path)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


async def records(person: Person, path: str) -> list[dict[str, Any]]:
    answer = await (await person.get(path)).get_json()
    found: list[dict[str, Any]] = answer[path.partition(".")[0].strip("/")]
    return found


async def test_outages_come_with_their_times_in_the_reader_s_zone(
    person: Person, card: dict[str, Any]
) -> None:
    (outage,) = await records(person, f"/outages.json?{month()}")
    began = last_month().began + 100 * HOUR
    assert (outage["connection"], outage["cause"]) == (card["id"], "provider_error")
    assert (outage["fault"], outage["seconds"]) == ("provider", 17 * 60)
    assert outage["opened_at"] == began.astimezone(MOSCOW).isoformat()
    assert outage["opened_at"].endswith("+03:00")
    await person.post("/account/zone", zone="Asia/Vladivostok")
    (outage,) = await records(person, f"/outages.json?{month()}")
    assert outage["opened_at"].endswith("+10:00")
    assert datetime.fromisoformat(outage["opened_at"]) == began


async def test_outages_open_in_a_russian_spreadsheet(person: Person, card: dict[str, Any]) -> None:
    (row,) = await table(person, f"/outages.csv?{month()}")
    assert (row["Сервис"], row["Длилось, мин"]) == ("Эвотор", "17,00")
    assert (row["Причина"], row["Чья вина"]) == ("сервис отвечал ошибкой", "сервис")
    assert row["Начало"].endswith("+03:00")
    assert row["Номер подключения"] == card["id"]


async def test_only_what_touches_the_period_is_in_it(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    window = last_month()
    await was(database, card, window.began - HOUR, 2 * HOUR)
    await was(database, card, window.began - 3 * HOUR, HOUR)
    await was(database, card, window.ended + MINUTE, HOUR)
    assert len(await records(person, f"/outages.json?{month()}")) == 2


async def test_uptime_of_a_period_is_exact(person: Person, card: dict[str, Any]) -> None:
    together, own = await records(person, f"/uptime.json?{month()}")
    whole = last_month().whole.total_seconds()
    assert (together["connection"], own["connection"]) == (None, card["id"])
    assert (own["seconds"], own["down_seconds"], own["no_data_seconds"]) == (whole, 1020, 3600)
    assert own["up_seconds"] == whole - 1020 - 3600
    assert own["uptime"] == pytest.approx(own["up_seconds"] / (whole - 3600))
    parts = ("up", "down_by_provider", "down_by_you", "down_by_us", "no_data")
    assert sum(own[f"{part}_seconds"] for part in parts) == whole
    assert {key: value for key, value in together.items() if "seconds" in key} == {
        key: value for key, value in own.items() if "seconds" in key
    }


async def test_all_together_is_the_sum_of_each(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    other = await person.connect(account=OTHER_SHOP)
    await age(database, other)
    await was(database, other, last_month().began, HOUR, Cause.ACCESS_DENIED)
    together, *own = await records(person, f"/uptime.json?{month()}")
    assert len(own) == 2
    for name in ("seconds", "up_seconds", "down_seconds", "no_data_seconds"):
        assert together[name] == sum(each[name] for each in own)
    assert together["down_seconds"] == 3600 + 1020
    (_, one) = await records(person, f"/uptime.json?{month()}&connection={other['id']}")
    assert one["down_by_you_seconds"] == 3600


async def test_days_and_months_add_up_to_the_whole(person: Person, card: dict[str, Any]) -> None:
    def sums(found: list[dict[str, Any]]) -> list[float]:
        own = [each for each in found if each["connection"]]
        return [sum(each[f"{part}_seconds"] for each in own) for part in ("up", "down", "no_data")]

    whole = await records(person, f"/uptime.json?{month()}&by=whole")
    by_day = await records(person, f"/uptime.json?{month()}&by=day")
    by_month = await records(person, f"/uptime.json?{month()}&by=month")
    assert sums(by_day) == sums(by_month) == sums(whole)
    assert len(by_day) == 2 * (last_month().whole + HOUR).days
    assert len(by_month) == 2


async def test_uptime_opens_in_a_russian_spreadsheet(person: Person, card: dict[str, Any]) -> None:
    together, own = await table(person, f"/uptime.csv?{month()}")
    assert (together["Сервис"], own["Сервис"]) == ("Все вместе", "Эвотор")
    assert (own["Доступность, %"], own["Простой, мин"]) == ("99,96", "17,00")
    assert (own["По вине сервиса, мин"], own["Нет данных, мин"]) == ("17,00", "60,00")


async def test_a_tag_picks_connections_and_an_own_name_is_their_title(
    person: Person, card: dict[str, Any]
) -> None:
    await person.connect(account=OTHER_SHOP)
    await person.post(f"/connections/{card['id']}/tags", tags="Тула, касса")
    await person.post(f"/connections/{card['id']}/name", name="Касса 1")
    for name in ("outages", "uptime"):
        row = (await table(person, f"/{name}.csv?{month()}&tag={quote('ТУЛА')}"))[-1]
        assert (row["Подключение"], row["Аккаунт"]) == ("Касса 1", card["details"])
        assert row["Метки"] == "Тула, касса"
        found = await records(person, f"/{name}.json?{month()}&tag={quote('тула')}")
        assert {each["connection"] for each in found} <= {None, card["id"]}
        assert (found[-1]["title"], found[-1]["tags"]) == ("Касса 1", ["Тула", "касса"])
        refused = await person.get(f"/{name}.csv?tag={quote('Псков')}")
        assert refused.status_code == 400
        assert "Есть: Тула, касса" in await refused.get_data(as_text=True)
    page = await person.page(f"/outages?tag={quote('Тула')}&days=90")
    assert "Касса 1, Эвотор</a>" in page
    assert "tag=%D0%A2%D1%83%D0%BB%D0%B0" in page


async def test_a_file_says_its_days(person: Person, card: dict[str, Any]) -> None:
    answer = await person.get(f"/uptime.csv?{month()}")
    days = month().replace("from=", "").replace("&to=", "-")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="uptime-{days}.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


async def test_what_goes_on_has_no_end_yet(person: Person) -> None:
    card = await person.connect()
    await person.sandbox.set("error")
    for _ in range(2):
        await person.check(card)
    (outage,) = await records(person, "/outages.json?days=1")
    assert outage["closed_at"] is None
    (row,) = await table(person, "/outages.csv?days=1")
    assert row["Конец"] == ""


async def test_before_it_was_connected_a_connection_has_no_rows(person: Person) -> None:
    card = await person.connect()
    assert await records(person, f"/uptime.json?{month()}&connection={card['id']}") == []


async def test_nobody_without_connections_has_anything_to_take(person: Person) -> None:
    assert [await records(person, path) for path in TABLES[1::2]] == [[], []]
    assert [await table(person, path) for path in TABLES[::2]] == [[], []]


@pytest.mark.parametrize("path", TABLES)
async def test_somebody_elses_connection_does_not_exist(
    person: Person, other_person: Person, card: dict[str, Any], path: str
) -> None:
    for connection_id in (card["id"], "00000000-0000-4000-8000-000000000000", "nonsense"):
        answer = await other_person.get(f"{path}?connection={connection_id}")
        assert answer.status_code == 404
    everything = await (await other_person.get(path)).get_data(as_text=True)
    assert card["id"] not in everything


@pytest.mark.parametrize("path", TABLES)
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("from=2026-10-01", "обе даты"),
        ("from=yesterday&to=today", "пишется так"),
        ("from=2026-02-30&to=2026-03-01", "пишется так"),
        ("from=0000-00-00&to=9999-12-31", "пишется так"),
        ("from=2026-10-02&to=2026-10-01", "позже его конца"),
        ("from=9999-12-31&to=9999-12-31", "не наступило"),
        ("from=0001-01-01&to=0001-01-01", "хранится 400 дней"),
        ("days=0", "от 1 до 400"),
        ("days=401", "от 1 до 400"),
        ("days=" + quote("٣٠"), "от 1 до 400"),
    ],
)
async def test_a_period_that_cannot_be_is_refused_kindly(
    person: Person, path: str, asked: str, told: str
) -> None:
    answer = await person.get(f"{path}?{asked}", **JSON)
    assert answer.status_code == 400
    assert told in (await answer.get_json())["text"]


async def test_other_nonsense_is_refused_too(person: Person) -> None:
    for path in ("/outages.csv?cause=x", "/outages.json?cause=x", "/uptime.csv?by=hour"):
        assert (await person.get(path)).status_code == 400


async def test_a_longer_period_is_cut_to_what_is_kept_and_over(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    await age(database, card, days=500)
    answer = await (await person.get("/uptime.json?from=0001-01-01&to=9999-12-31")).get_json()
    began, ended = (datetime.fromisoformat(answer[name]) for name in ("began_at", "ended_at"))
    assert ended - began == timedelta(days=400)
    assert answer["zone"] == "Europe/Moscow"


async def test_a_name_runs_nothing(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(label='=HYPERLINK("http://x")'))
    for path in (f"/outages.csv?{month()}", f"/uptime.csv?{month()}"):
        *_, row = await table(person, path)
        assert row["Подключение"] == '\'=HYPERLINK("http://x")'
