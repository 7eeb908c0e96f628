"""The board: what needs attention first, rows that open, and no more bytes than are needed."""

import gzip
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.account import User
from app.models.connection import Cause, Status
from app.web.connections.board_order import ATTENTION, FINE, MORE, PAUSED, group_of, order_of
from app.web.connections.cards import Descriptor
from app.web.context import Dashboard
from tests.support.people import HTMX, Person
from tests.support.rows import TOKENS, add_connection, new_connection
from tests.support.streams import listening
from tests.web.stream.test_routes import heard

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MANY = 200


def card(number: int, status: Status, hours: float = 1, **more: object) -> Descriptor:
    since = NOW - timedelta(hours=hours)
    known = {"connected": True, "since": since, "connected_at": NOW} | more
    return Descriptor(
        "evotor",
        "Эвотор",
        "",
        "",
        "",
        "",
        True,
        id=UUID(int=number),
        status=status.value,
        **known,  # type: ignore[arg-type]
    )


STRUCK = card(6, Status.DEGRADED, cause=Cause.TIMEOUT.value, fault="provider")
LIMITED = card(7, Status.DEGRADED, cause=Cause.RATE_LIMITED.value, fault="us")
GREY = Descriptor("evotor", "Эвотор", "", "", "", "", True)


@pytest.mark.parametrize(
    ("of", "group"),
    [
        *((card(1, each), ATTENTION) for each in (Status.OFFLINE, Status.REVOKED, Status.BLOCKED)),
        *((card(1, each), FINE) for each in (Status.ONLINE, Status.CHECKING)),
        (STRUCK, FINE),
        (LIMITED, ATTENTION),
        (card(9, Status.OFFLINE, paused_until=NOW), PAUSED),
        (GREY, MORE),
    ],
)
def test_a_first_strike_moves_no_card(of: Descriptor, group: str) -> None:
    assert group_of(of) == group


def test_the_worst_comes_first_and_of_equals_the_longest(dashboard: Dashboard) -> None:
    worst_first = [
        card(1, Status.REVOKED, hours=5),
        card(2, Status.REVOKED, hours=1),
        card(3, Status.OFFLINE, hours=9),
        card(4, Status.BLOCKED, hours=99),
        LIMITED,
        card(5, Status.ONLINE, connected_at=NOW - timedelta(days=2)),
        card(8, Status.ONLINE, connected_at=NOW),
        card(9, Status.REVOKED, paused_until=NOW),
        GREY,
    ]
    orders = [order_of(each, dashboard.catalogue) for each in worst_first]
    assert orders == sorted(orders)


async def with_many(person: Person, database: Database, keys: Keys, count: int = MANY) -> None:
    await person.connect()
    async with database.sessions() as session:
        user = await session.scalar(select(User.id))
    assert user is not None
    async with database.sessions.begin() as session:
        for number in range(count - 1):
            columns = {"account": f"shop-{number}", "label": f"Shop {number}"}
            await new_connection(session, keys, user, TOKENS, **columns)
        await session.execute(
            text(
                "UPDATE connections SET status = 'online', last_checked_at = now(),"
                " next_check_at = now() + interval '1 hour', latency_ms = 100,"
                " connected_at = now() - interval '3 days', since = now() - interval '3 days'"
            )
        )


async def test_200_connections_are_a_page_of_a_moderate_size(
    person: Person, database: Database, keys: Keys
) -> None:
    await with_many(person, database, keys)
    page = await person.page()
    assert len(re.findall(r"<[a-z]", page)) < 8_000
    assert len(gzip.compress(page.encode(), 5)) < 40_000
    assert page.count("<dialog") == 1
    assert 'data-view="rows"' in page


async def first_list(person: Person, **headers: str) -> str:
    """Everything that comes before the last part of it."""
    events: list[str] = []
    async with listening(person, **headers) as stream:
        while not (events and "#banner" in events[-1]):
            events.append(await stream.event())
    return "\n\n".join(events)


def known_by(page: str) -> dict[str, str]:
    """As static/stream.js says it."""
    found = re.findall(r'id="(?:connection|provider)-([^"]+)" data-sum="(\w+)"', page)
    return {"Known-Cards": ",".join(f"{name[:8]}:{known}" for name, known in found)}


async def test_who_has_everything_is_sent_next_to_nothing(
    person: Person, database: Database, keys: Keys
) -> None:
    await with_many(person, database, keys)
    await heard(person.app)
    known = known_by(await person.page())
    again = await first_list(person, **known)
    assert len(again.encode()) < 2_000
    assert "<article" not in again
    assert len((await first_list(person)).encode()) > 100_000  # who says nothing gets the list


async def test_who_has_almost_everything_is_sent_the_rest(person: Person) -> None:
    changed = await person.connect()
    await heard(person.app)
    known = known_by(await person.page())
    await person.sandbox.set("error")
    await person.check(changed)
    again = await first_list(person, **known)
    assert f'hx-target="#connection-{changed["id"]}" hx-swap="outerMorph"' in again
    assert again.count("<article") == 1
    assert 'hx-target="#cards"' not in again


@pytest.mark.parametrize("said", ["", "nonsense", "a:b,a:b", "evotor:00000000", "x:" * 20_000])
async def test_who_has_other_cards_gets_the_whole_list(person: Person, said: str) -> None:
    await person.connect()
    await heard(person.app)
    assert 'hx-target="#cards" hx-swap="innerMorph"' in await first_list(
        person, **{"Known-Cards": said}
    )


async def test_the_choice_of_rows_or_cards_is_kept(person: Person) -> None:
    await person.connect()
    assert 'data-view="cards"' in await person.page()  # there are few
    assert (await person.post("/connections/view", view="rows")).status_code == 303
    assert 'data-view="rows"' in await person.page()
    assert (await person.post("/connections/view", view="sideways")).status_code == 400


async def test_filters_are_for_those_who_have_many(
    person: Person, database: Database, keys: Keys
) -> None:
    await with_many(person, database, keys, 5)
    assert 'id="filters"' not in await person.page()
    assert 'id="filters"' in await person.page("/connections?show=online")
    async with database.sessions() as session:
        user = await session.scalar(select(User.id))
    assert user is not None
    await add_connection(database, keys, user, account="one more")
    assert 'id="filters"' in await person.page()


async def test_without_a_script_a_page_asks_before_a_disconnect(
    person: Person, other_person: Person
) -> None:
    connected = await person.connect()
    path = f"/connections/{connected['id']}/disconnect"
    asked = await person.page(path)
    assert "Отключить «Основной магазин»?" in asked
    assert 'action="/evotor/disconnect"' in asked
    assert (await other_person.get(path)).status_code == 404


async def test_the_answer_of_an_action_is_the_same_fragment(person: Person) -> None:
    connected = await person.connect()
    answer = await person.client.post(f"/connections/{connected['id']}/checks", headers=HTMX)
    assert re.search(r'data-sum="\w{8}"', await answer.get_data(as_text=True))
