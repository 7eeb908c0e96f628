"""The live page: the whole list first, then every change at once, for one's own eyes only."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, text, update

from app.accounts import users
from app.database.engine import Database, open_database
from app.models.account import Session
from app.models.history import ProviderOutage
from app.models.monitor import MonitorHeartbeat
from app.realtime import hub
from app.realtime.events import announce_provider
from app.realtime.hub import PAGES_OF_SESSION, Mailbox
from app.web.context import Dashboard
from app.web.stream import banner
from tests.support.people import OTHER_SHOP, Person, Sandbox
from tests.support.streams import listening, watching
from tests.support.waiting import until

LISTENERS = "application_name LIKE 'svyazka % listener %'"


async def heard(app: Dashboard) -> None:
    """The listener listens, so that nothing from now on is missed."""

    async def look() -> bool:
        return app.listener.connected

    await until(look)


async def test_the_first_bytes_come_at_once_and_tell_the_time(person: Person) -> None:
    async with listening(person) as stream:
        first = await stream.event()
    assert first.startswith("event: heartbeat\ndata: ")
    assert int(first.rpartition(" ")[2]) > 1_700_000_000


async def test_it_is_an_event_stream_that_nobody_keeps(person: Person) -> None:
    async with listening(person) as stream:
        await stream.event()
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store"
        assert "nosniff" in stream.headers["X-Content-Type-Options"]


async def test_the_first_list_is_everything_once(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with listening(person) as stream:
        await stream.event()
        snapshot = await stream.event()
        assert 'hx-target="#cards" hx-swap="innerMorph"' in snapshot
        assert f'id="connection-{card["id"]}"' in snapshot
        assert 'id="provider-sklad"' in snapshot
        await stream.until("#banner")
        assert await stream.silent(0.2)


async def test_every_line_of_html_is_data(person: Person) -> None:
    await person.connect()
    async with listening(person) as stream:
        await stream.event()
        lines = (await stream.event()).splitlines()
    assert len(lines) > 5
    assert all(line.startswith("data: ") for line in lines)


async def test_a_recorded_check_sends_its_card(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        await person.sandbox.set("error")
        await person.check(card)
        event = await stream.until(f'hx-target="#connection-{card["id"]}" hx-swap="outerMorph"')
        assert 'data-status="degraded"' in event
        await person.check(card)
        assert 'data-status="offline"' in await stream.event()
        await person.sandbox.set("ok")
        await person.check(card)
        assert 'data-status="online"' in await stream.event()


async def test_a_check_without_news_sends_its_card_too(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        versions = []
        for _ in range(3):
            await person.check(card)
            event = await stream.until(f"#connection-{card['id']}")
            versions.append(int(event.partition('data-version="')[2].partition('"')[0]))
    assert versions == sorted(set(versions))


async def test_what_is_connected_appears_on_every_page(person: Person) -> None:
    await heard(person.app)
    async with watching(person) as one, watching(person) as other:
        card = await person.connect()
        for stream in (one, other):
            await stream.until("#cards", f"connection-{card['id']}")


async def test_what_is_disconnected_leaves_the_list(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        await person.post("/evotor/disconnect", connection=card["id"])
        event = await stream.until("#cards", 'id="provider-evotor"')
        assert card["id"] not in event


async def test_a_second_account_makes_a_second_card(person: Person) -> None:
    first = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        second = await person.connect(account=OTHER_SHOP)
        await stream.until("#cards", first["id"], second["id"])


async def test_nothing_of_other_people_is_sent(person: Person, other_person: Person) -> None:
    await heard(person.app)
    async with watching(person) as stream:
        card = await other_person.connect()
        await other_person.check(card)
        await person.connect()
        seen = ""
        while "connection-" not in seen:
            seen += await stream.event()
        assert card["id"] not in seen


async def test_a_log_out_ends_every_page_of_that_session_and_no_other(
    person: Person, dashboard: Dashboard, sandbox: Sandbox
) -> None:
    await heard(dashboard)
    elsewhere = Person(dashboard, dashboard.test_client(), sandbox)
    await elsewhere.post("/login", email="anna@example.ru", password="a long enough password")
    async with watching(person) as one, watching(person) as two, watching(elsewhere) as other:
        assert (await person.post("/logout")).status_code == 303
        for stream in (one, two):
            assert (await stream.rest())[-1].startswith("event: session-expired")
        assert await other.silent(0.2)
        assert not other.ended


async def test_a_new_password_ends_every_page(person: Person, database: Database) -> None:
    await heard(person.app)
    async with watching(person) as stream:
        async with database.sessions.begin() as session:
            user = await users.with_email(session, "anna@example.ru")
            assert user is not None
            await users.change_password(session, user.id, "another hash")
        assert "session-expired" in (await stream.rest())[-1]


async def test_a_disabled_person_sees_nothing_more(person: Person, database: Database) -> None:
    await heard(person.app)
    async with watching(person) as stream:
        async with database.sessions.begin() as session:
            user = await users.with_email(session, "anna@example.ru")
            assert user is not None
            await users.disable(session, user)
        assert "session-expired" in (await stream.rest())[-1]


async def test_a_session_that_ended_while_nobody_listened_is_noticed_after(
    person: Person, database: Database
) -> None:
    await heard(person.app)
    async with watching(person) as stream:
        async with database.sessions.begin() as session:
            await session.execute(delete(Session))  # without a word
            await session.execute(
                text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENERS}")
            )
        assert "session-expired" in (await stream.rest())[-1]


async def test_after_a_break_the_whole_list_comes_again(person: Person, database: Database) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        async with database.sessions.begin() as session:
            await session.execute(
                text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENERS}")
            )
        await stream.until("#cards", card["id"])


async def test_a_session_ends_by_age(person: Person, database: Database) -> None:
    async with database.sessions.begin() as session:
        soon = func.now() + timedelta(seconds=1)
        await session.execute(update(Session).values(expires_at=soon))
    async with listening(person) as stream:
        assert "session-expired" in (await stream.rest())[-1]


async def test_who_is_not_signed_in_is_told_so_by_the_stream(dashboard: Dashboard) -> None:
    headers = {"Accept": "text/event-stream"}
    answer = await dashboard.test_client().get("/connections/stream", headers=headers)
    assert answer.status_code == 200
    assert await answer.get_data() == b"event: session-expired\ndata: \n\n"


async def test_a_process_that_goes_ends_its_streams_without_logging_anybody_out(
    person: Person,
) -> None:
    async with watching(person) as stream:
        person.app.hub.close()
        assert not [event for event in await stream.rest() if "session-expired" in event]


async def test_a_page_that_is_closed_is_forgotten(person: Person) -> None:
    async with watching(person):
        assert len(person.app.hub.pages) == 1

    async def nobody_there() -> bool:
        return not person.app.hub.pages

    await until(nobody_there)


async def test_many_changes_at_once_reach_every_page(person: Person) -> None:
    cards = [await person.connect(), await person.connect(account=OTHER_SHOP)]
    await heard(person.app)
    async with watching(person) as one, watching(person) as two:
        await asyncio.gather(*(person.check(card) for card in cards))
        for stream in (one, two):
            seen = ""
            while not all(card["id"] in seen for card in cards):
                seen += await stream.event()


async def test_a_database_that_is_away_shows_on_every_open_page(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_database("postgresql://nobody@127.0.0.1:1/away") as away:
        with dashboard.hub.subscribe(Mailbox(1, b"a session")) as page:
            monkeypatch.setattr(dashboard, "database", away)
            dashboard.checks_run = True
            await banner.update_banner(dashboard)
            assert "Проверки сейчас не идут" in page.take().decode()


async def test_a_monitor_that_starts_with_the_pages_is_waited_for(dashboard: Dashboard) -> None:
    with dashboard.hub.subscribe(Mailbox(1, b"a session")) as page:
        await banner.update_banner(dashboard, just_started=True)
        assert not page.take()
        await banner.update_banner(dashboard)
        assert "Проверки сейчас не идут" in page.take().decode()


async def test_a_provider_wide_outage_is_told_to_those_who_have_it_and_taken_back(
    person: Person, other_person: Person, database: Database
) -> None:
    await person.connect("evotor")
    await heard(person.app)
    async with watching(person) as mine, watching(other_person) as theirs:
        async with database.sessions.begin() as session:
            outage = ProviderOutage(
                provider="evotor", cause="timeout", evidence="", opened_at=func.now()
            )
            session.add(outage)
            await announce_provider(session, "evotor")
        strip = await mine.until("#outages", "Сбой на стороне «Эвотор»")
        assert "затронуто 1 подключение" in strip
        assert "Сбой на стороне" in await person.page()
        assert "Сбой на стороне" not in await other_person.page()
        assert await theirs.silent(0.3)
        async with database.sessions.begin() as session:
            outage.closed_at = func.now()
            session.add(outage)
            await announce_provider(session, "evotor")
        assert "Сбой" not in await mine.until("#outages")


async def test_that_nobody_has_connectivity_shows_on_every_open_page(
    dashboard: Dashboard, database: Database
) -> None:
    said = "Проверки приостановлены: нет связи у сервиса"
    await banner.update_banner(dashboard)  # nobody checks yet
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(cut_off_since=func.now()))
    with dashboard.hub.subscribe(Mailbox(1, b"a session")) as page:
        await banner.update_banner(dashboard)
        assert said in page.take().decode()
        async with database.sessions.begin() as session:
            session.add(MonitorHeartbeat())  # one of two is enough
        await banner.update_banner(dashboard)
        assert "приостановлены" not in page.take().decode()


async def test_a_browser_that_opens_ever_more_pages_loses_the_first_ones(
    person: Person,
) -> None:
    other = await person.back("anna@example.ru")
    async with AsyncExitStack() as pages:
        elsewhere = await pages.enter_async_context(watching(other))
        opened = []
        for _ in range(PAGES_OF_SESSION + 2):
            opened.append(await pages.enter_async_context(listening(person)))
            assert await opened[-1].event()  # it is open
        for first in opened[:2]:
            assert not any("session-expired" in event for event in await first.rest())
            assert first.ended
        await until(lambda: _open(person.app, PAGES_OF_SESSION + 1))
        assert await elsewhere.silent(0.1)
        assert not elsewhere.ended
        await opened[2].until("#banner")


async def test_where_too_many_pages_are_open_the_next_one_comes_back_later(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MOST_PAGES", 1)
    async with watching(person):
        answer = await person.get("/connections/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


async def _open(app: Dashboard, count: int) -> bool:
    return sum(not page.closed for page in app.hub.pages) == count
