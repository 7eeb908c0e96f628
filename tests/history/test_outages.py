"""History as intervals: dated from the first strike, one after the other, with their causes."""

from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text

from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.models.connection import Connection, Status
from app.models.history import Outage
from app.monitor.checker import Checker
from tests.support import rows
from tests.support.servers import Acme, saying

WELL = saying(sub="shop-1")
PLANS = text(
    r"""
    SELECT coalesce(sum(custom_plans), 0) AS anew, coalesce(sum(generic_plans), 0) AS kept
    FROM pg_prepared_statements WHERE statement ~ '^\s*UPDATE outages'
    """
)


@pytest.fixture
async def connection_id(database: Database, keys: Keys) -> UUID:
    user = await rows.add_person(database)
    return await rows.add_connection(database, keys, user, provider="acme")


async def look(checker: Checker, acme: Acme, connection_id: UUID, *statuses: int) -> None:
    """One check for each of these answers."""
    for status in statuses:
        acme.api_says = WELL if status == 200 else saying(status)
        assert isinstance(await checker.check_now(connection_id), Status)


async def test_what_works_has_no_history(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 200, 200, 200)
    assert await rows.outages(database, connection_id) == []


async def test_one_strike_is_no_outage(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 200, 503, 200, 503, 200)
    assert await rows.outages(database, connection_id) == []


async def test_an_outage_is_dated_from_its_first_strike(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 200, 503)
    first_strike = (await rows.found(database, connection_id)).since
    await look(checker, acme, connection_id, 503, 503)
    (outage,) = await rows.outages(database, connection_id)
    assert (outage.status, outage.cause) == ("offline", "provider_error")
    assert (outage.opened_at, outage.closed_at) == (first_strike, None)
    assert "→ 503" in outage.evidence


async def test_coming_back_closes_it(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 503, 503, 200)
    (outage,) = await rows.outages(database, connection_id)
    back = (await rows.found(database, connection_id)).since
    assert outage.closed_at == back
    assert outage.opened_at < back


async def test_another_cause_is_another_outage(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 402, 402, 403)
    first, second = await rows.outages(database, connection_id)
    assert (first.cause, second.cause) == ("payment_required", "access_denied")
    assert first.closed_at is not None
    assert second.opened_at >= first.closed_at
    assert second.closed_at is None


async def test_an_outage_is_one_however_long_it_lasts(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, *[503] * 6)
    assert len(await rows.outages(database, connection_id)) == 1


async def test_a_rate_limit_is_no_outage(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 200, 429, 429, 429, 200)
    assert await rows.outages(database, connection_id) == []


async def test_no_two_outages_of_a_connection_overlap(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    course = [503, 503, 403, 403, 200, 402, 402, 503, 503, 429, 503, 503, 403, 403, 401, 200, 500]
    await look(checker, acme, connection_id, *course)
    outages = await rows.outages(database, connection_id)
    assert len(outages) >= 4
    for before, after in pairwise(outages):
        assert before.closed_at is not None
        assert before.opened_at <= before.closed_at <= after.opened_at
    last = outages[-1]
    assert last.closed_at is not None


async def test_the_history_goes_with_its_connection(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await look(checker, acme, connection_id, 503, 503)
    async with database.sessions.begin() as session:
        await session.execute(delete(Connection))
        assert await session.scalar(select(func.count()).select_from(Outage)) == 0


async def test_no_plan_outlives_the_size_of_the_table(
    checker: Checker, database_url: str, acme: Acme, connection_id: UUID
) -> None:
    """What was planned while it was empty reads all of it, and it may grow in a minute."""
    async with open_database(database_url) as database, AsyncExitStack() as stack:
        own = replace(checker, sessions=database.sessions)  # no plans of other tests in them
        await look(own, acme, connection_id, *(200, 503, 503, 503) * 6)
        sessions = [database.sessions() for _ in range(database.engine.pool.checkedin())]  # type: ignore[attr-defined]
        every = [await stack.enter_async_context(each) for each in sessions]
        plans = [(await each.execute(PLANS)).one() for each in every]
    assert sum(each.anew for each in plans) > 10
    assert sum(each.kept for each in plans) == 0
