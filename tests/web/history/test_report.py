"""The report of a month: exact, to be printed, and of one's own connections only."""

import re
from typing import Any

import pytest
from sqlalchemy import update

from app.database.engine import Database
from app.i18n.formatting import percent
from app.models.connection import Cause, Connection
from tests.support.past import HOUR, MINUTE, MOSCOW, age, last_month, name_of, was
from tests.support.people import JSON, Person
from tests.web.connections.test_past import rows_of_bars

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def card(person: Person, database: Database) -> dict[str, Any]:
    card = await person.connect()
    await age(database, card)
    return card


async def of_last_month(person: Person, card: dict[str, Any]) -> str:
    page = await person.page(f"/connections/{card['id']}/report?month={name_of(last_month())}")
    return page.replace("\u00a0", " ")


async def test_a_month_is_told_in_one_sentence(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    month = last_month()
    await was(database, card, month.began + 100 * HOUR, 17 * MINUTE)
    uptime = percent(1 - 17 * MINUTE / month.whole).replace("\u00a0", " ")
    page = await of_last_month(person, card)
    assert f": {uptime}, простой 17 мин, из них по вине сервиса 17 мин</h2>" in page


async def test_whose_fault_it_was_adds_up(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    began = last_month().began
    await was(database, card, began + 50 * HOUR, 17 * MINUTE)
    await was(database, card, began + 60 * HOUR, 2 * HOUR, Cause.PAYMENT_REQUIRED)
    await was(database, card, began + 70 * HOUR, 3 * HOUR, None)
    page = await of_last_month(person, card)
    told = "простой 2 ч 17 мин, из них по вине сервиса 17 мин, ждало вас 2 ч, нет данных 3 ч"
    assert told in page
    lasted = re.findall(r'<td class="r">(\d+):(\d\d):(\d\d)</td>', page)
    *parts, whole = [int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in lasted]
    assert sum(parts) == whole == last_month().whole.total_seconds()


async def test_what_began_earlier_counts_from_the_first_on(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    month = last_month()
    await was(database, card, month.began - HOUR, 2 * HOUR)
    await was(database, card, month.ended - HOUR, 2 * HOUR)
    page = await of_last_month(person, card)
    assert "простой 2 ч," in page
    assert page.count('<td class="lasted">1 ч</td>') == 2


async def test_a_month_without_trouble_is_a_hundred(person: Person, card: dict[str, Any]) -> None:
    page = await of_last_month(person, card)
    assert "100 %, без простоев" in page
    assert "Ни одного сбоя не записано." in page


async def test_every_day_of_the_month_has_its_bar(person: Person, card: dict[str, Any]) -> None:
    month = last_month()
    page = await of_last_month(person, card)
    (bars,) = rows_of_bars(page)
    assert len(bars) == month.whole.days


async def test_without_a_month_it_is_the_one_that_goes_on(
    person: Person, card: dict[str, Any]
) -> None:
    page = await person.page(f"/connections/{card['id']}/report")
    newest, *_ = re.findall(r'<option value="([\d-]+)"( selected)?>', page)
    assert newest[1] == " selected"
    assert 'rel="next"' not in page
    assert (
        f'rel="prev" href="/connections/{card["id"]}/report?month={name_of(last_month())}' in page
    )


async def test_before_it_was_connected_there_is_nothing_to_tell(person: Person) -> None:
    card = await person.connect()
    page = await of_last_month(person, card)
    assert "подключения тогда ещё не было" in page
    assert "100 %" not in page


@pytest.mark.parametrize(
    ("month", "told"),
    [
        *[(each, "пишется так") for each in ("x", "2026-13", "2026-1", "0000-01", "2026-01-01")],
        ("9999-12", "ещё не наступило"),
        ("2001-01", "хранится 400 дней"),
    ],
)
async def test_a_month_that_cannot_be_is_refused_kindly(
    person: Person, card: dict[str, Any], month: str, told: str
) -> None:
    answer = await person.get(f"/connections/{card['id']}/report?month={month}")
    assert answer.status_code == 400
    assert told in await answer.get_data(as_text=True)
    answer = await person.get(f"/connections/{card['id']}/report?month={month}", **JSON)
    assert told in (await answer.get_json())["text"]


async def test_nobody_reads_what_is_somebody_elses(
    person: Person, other_person: Person, card: dict[str, Any]
) -> None:
    for connection_id in (card["id"], NOBODYS):
        answer = await other_person.get(f"/connections/{connection_id}/report")
        assert answer.status_code == 404


async def test_a_day_is_the_reader_s(
    person: Person, database: Database, card: dict[str, Any]
) -> None:
    """Midnight in Vladivostok is seven hours before that in Moscow."""
    month = last_month()
    await was(database, card, month.began - 3 * HOUR, HOUR)
    assert "без простоев" in await of_last_month(person, card)
    await person.post("/account/zone", zone="Asia/Vladivostok")
    page = await of_last_month(person, card)
    assert "простой 1 ч" in page
    assert "Владивосток, Хабаровск (МСК+7), UTC+10" in page
    first, last_day = re.findall(r"<span>(\d+) [а-я]+</span>", page)
    assert (first, last_day) == ("1", str((month.ended - HOUR).astimezone(MOSCOW).day))


async def test_a_time_that_nobody_watches_and_that_goes_on_has_its_row(
    person: Person, card: dict[str, Any], database: Database
) -> None:
    began = last_month().began
    await was(database, card, began, None)
    lost = {"last_checked_at": began + HOUR, "watched_until": began + 2 * HOUR}
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(lost))
    table = (await of_last_month(person, card)).partition('<table class="events">')[2]
    outage, gap = table.split("<tbody>")[1].split("</tr>")[:2]
    assert "сервис отвечал ошибкой" in outage
    assert '<td class="lasted">1 ч</td>' in outage
    assert "продолжается" not in outage
    assert "продолжается" in gap
    assert "нет данных: никто не проверял" in gap
    page = await person.page(f"/connections/{card['id']}")
    assert "Никто не проверяет уже" in page
    assert "отвечает ошибкой уже" not in page


async def test_the_page_of_a_connection_leads_to_it(person: Person, card: dict[str, Any]) -> None:
    page = await person.page(f"/connections/{card['id']}")
    assert f'href="/connections/{card["id"]}/report"' in page


async def test_it_needs_neither_a_script_nor_a_style_of_its_own(
    person: Person, card: dict[str, Any]
) -> None:
    page = await of_last_month(person, card)
    assert "style=" not in page
    assert re.search(r'<button class="btn" id="print" type="button" hidden>', page)
    assert "month" in page
    days = last_month()
    latest = (days.ended - HOUR).astimezone(MOSCOW).date()
    assert (
        f"/outages.csv?connection={card['id']}&amp;from={name_of(days)}-01&amp;to={latest}" in page
    )
