"""Reconnect, disconnect, deletion, refresh and checks meet on one connection: nothing is lost."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.accounts import users
from app.background import Unfinished
from app.connections import disconnect as connections
from app.connections.account_matching import match_account
from app.connections.oauth_states import ConnectError
from app.database.encryption import Keys
from app.database.engine import Database
from app.grants import revocation
from app.models.account import User
from app.models.connection import Connection, Grant, Revocation, Status
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.monitor.no_verdict import NoVerdict
from app.oauth.token_response import Tokens
from app.web.context import Dashboard
from tests.support import rows
from tests.support.people import MAIN_SHOP, OTHER_SHOP, Person, Sandbox
from tests.support.waiting import until

LOST_KEY = Keys((("lost", b"9" * 32),))


async def count(database: Database, table: Any) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_two_who_let_go_of_one_account_at_once_revoke_it(
    dashboard: Dashboard, database: Database, keys: Keys
) -> None:
    provider = dashboard.catalogue["evotor"]
    both = [await rows.add_person(database, f"{name}@example.ru") for name in "ab"]
    ids = [await rows.add_connection(database, keys, user, account=MAIN_SHOP) for user in both]

    async def disconnect(user_id: int, connection_id: UUID) -> connections.Disconnected | None:
        async with database.sessions.begin() as session:
            return await connections.disconnect(session, keys, provider, user_id, connection_id)

    gone = await asyncio.gather(*map(disconnect, both, ids))
    assert sorted(each.shared for each in gone if each) == [False, True]
    assert await count(database, Revocation) == 1


async def test_settling_and_deleting_a_person_wait_for_each_other(
    dashboard: Dashboard, database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user, account=MAIN_SHOP)
    unnamed = await rows.add_connection(database, keys, user)

    async def settle_it() -> None:
        async with database.sessions.begin() as session:
            await match_account(session, keys, unnamed, MAIN_SHOP)

    async def delete() -> None:
        async with database.sessions.begin() as session:
            await connections.delete_person(session, keys, dashboard.catalogue, user)

    await asyncio.gather(settle_it(), delete())
    assert await count(database, User) == await count(database, Connection) == 0
    assert await count(database, Revocation) >= 1


async def test_what_is_connected_while_its_person_is_deleted_is_not_lost(
    person: Person, database: Database, keys: Keys, dashboard: Dashboard
) -> None:
    query = await person.sandbox.consent(await person.go_to_provider())
    async with database.sessions.begin() as session:
        user_id = (await session.scalars(select(User.id))).one()
        await users.lock(session, user_id, for_deletion=True)
        coming_back = asyncio.create_task(person.come_back("evotor", query))

        async def stored_or_waiting() -> bool:
            return bool((await person.sandbox.state())["grants"])

        await until(stored_or_waiting)
        await connections.delete_person(session, keys, dashboard.catalogue, user_id)
    assert await coming_back == f"/evotor?error={ConnectError.EXPIRED}"
    assert await count(database, Revocation) == 1


async def test_two_settle_one_grant_and_it_finds_one_place(
    dashboard: Dashboard, database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    target = await rows.add_connection(database, keys, user, account=MAIN_SHOP)
    unnamed = await rows.add_connection(database, keys, user, Tokens("access-2", "refresh-2"))

    async def settle_it() -> UUID | None:
        async with database.sessions.begin() as session:
            return await match_account(session, keys, unnamed, MAIN_SHOP)

    assert set(await asyncio.gather(settle_it(), settle_it())) == {target, None}
    assert await count(database, Grant) == 1


async def test_a_verdict_about_the_old_grant_is_not_written_on_the_new_one(
    dashboard: Dashboard, database: Database, keys: Keys
) -> None:
    checker = dashboard.checker
    user = await rows.add_person(database)
    target = await rows.add_connection(
        database, keys, user, Tokens("unknown", None), account=MAIN_SHOP
    )
    async with database.sessions.begin() as session:
        old = await claim_one(session, target)
    assert old is not None
    late = await checker.check(old)  # 401: the sandbox never gave out such a token
    assert isinstance(late, Checked)
    assert late.verdict.status is Status.DEGRADED
    newer = await rows.add_connection(
        database,
        keys,
        user,
        Tokens("access-2", "refresh-2"),
        status="online",
        replaces_connection_id=target,
    )
    async with database.sessions.begin() as session:
        assert await match_account(session, keys, newer, MAIN_SHOP) == target
    await checker.write([late])
    assert (await rows.found(database, target)).status == "online"


async def test_a_grant_that_is_being_refreshed_is_not_moved(
    database: Database, keys: Keys, dashboard: Dashboard
) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user, account=MAIN_SHOP)
    unnamed = await rows.add_connection(database, keys, user)
    async with database.sessions.begin() as session:
        assert await claim_one(session, unnamed) is not None
    async with database.sessions.begin() as session:
        assert await match_account(session, keys, unnamed, MAIN_SHOP) is None
    assert await count(database, Grant) == 2


async def test_a_reconnect_with_another_account_that_was_not_named_is_told_on_its_card(
    person: Person, database: Database
) -> None:
    card = await person.connect(account=MAIN_SHOP)
    await person.sandbox.set("unpaid")  # the provider knows the grant, and names nobody
    await person.connect(account=OTHER_SHOP, connection=card["id"])
    await person.sandbox.set("ok")
    after = await person.check(card)
    assert (after["status"], after["cause"]) == ("degraded", "account_changed")
    assert (await rows.found(database, UUID(card["id"]))).account == MAIN_SHOP


async def test_a_browser_that_leaves_in_the_middle_loses_no_grant(
    person: Person, sandbox: Sandbox, database: Database
) -> None:
    query = await sandbox.consent(await person.go_to_provider())
    await sandbox.set("slow", endpoint="token")
    began = time.time()
    request = asyncio.create_task(person.come_back("evotor", query))

    async def exchanging() -> bool:
        return await sandbox.requests("/oauth/token", began) > 0

    await until(exchanging)
    request.cancel()

    async def stored() -> bool:
        return [card["status"] for card in await person.connected()] == ["online"]

    await until(stored)


async def test_a_connection_whose_key_is_lost_can_still_be_disconnected(
    person: Person, database: Database
) -> None:
    user = await person_id(database)
    connection_id = await rows.add_connection(database, LOST_KEY, user)
    answer = await person.post("/evotor/disconnect", connection=str(connection_id))
    assert answer.status_code == 303
    assert await person.connected() == []


async def test_a_revocation_whose_key_is_lost_stops_no_other(
    dashboard: Dashboard, database: Database, keys: Keys, sandbox: Sandbox
) -> None:
    provider = dashboard.catalogue["evotor"]
    user = await rows.add_person(database)
    for ring in (LOST_KEY, keys):
        connection_id = await rows.add_connection(database, ring, user)
        async with database.sessions.begin() as session:
            await connections.disconnect(session, ring, provider, user, connection_id)
    assert await count(database, Revocation) == 2
    app = dashboard
    await revocation.send_due(app.database.sessions, app.http, app.keys, app.catalogue)
    assert await count(database, Revocation) == 1
    old = func.now() - timedelta(hours=25)
    async with database.sessions.begin() as session:
        await session.execute(update(Revocation).values(created_at=old))
    await revocation.send_due(app.database.sessions, app.http, app.keys, app.catalogue)
    assert await count(database, Revocation) == 0


async def test_a_stopping_process_begins_no_refresh(
    person: Person, sandbox: Sandbox, database: Database, dashboard: Dashboard
) -> None:
    checker = dashboard.checker
    card = await person.connect()
    await sandbox.order("expire")
    began = time.time()
    checker.unfinished.stopping = True
    assert await checker.check_now(UUID(card["id"])) is NoVerdict.STOPPING
    assert await sandbox.requests("/oauth/token", began) == 0
    assert (await rows.found(database, UUID(card["id"]))).lease_id is None


async def test_unfinished_work_goes_on_when_the_asker_leaves() -> None:
    unfinished, gate, ends = Unfinished(), asyncio.Event(), list[str]()

    async def work() -> None:
        await gate.wait()
        ends.append("done")

    asker = asyncio.create_task(unfinished.run(work()))
    await asyncio.sleep(0)
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    gate.set()
    await unfinished.drain(1)
    assert ends == ["done"]


async def person_id(database: Database) -> int:
    async with database.sessions() as session:
        return (await session.scalars(select(User.id))).one()


async def test_work_that_nobody_waits_for_is_drained_and_its_fault_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unfinished, ends = Unfinished(), list[str]()

    async def work(end: str) -> None:
        if not end:
            raise ValueError("no end")
        ends.append(end)

    for end in ("one", "", "two"):
        unfinished.start(work(end))
    assert ends == [], "it begins after whoever asked has gone on"
    await unfinished.drain(5)
    assert ends == ["one", "two"]
    assert "work in the background failed" in caplog.text
