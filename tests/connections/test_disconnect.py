"""The way out: the row goes, and the provider is told to forget us."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.database.engine import Database
from app.grants import revocation
from app.models.connection import Connection, Grant, Revocation
from app.models.history import Outage
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.web.context import Dashboard
from tests.support.people import OTHER_SHOP, Person, Sandbox
from tests.support.servers import saying, serving


async def outbox(database: Database) -> list[Revocation]:
    async with database.sessions() as session:
        return list(await session.scalars(select(Revocation)))


async def disconnect(person: Person, provider: str = "evotor", **form: str) -> str:
    answer = await person.post(f"/{provider}/disconnect", **form)
    assert answer.status_code == 303, answer.status_code
    return await person.page()


async def test_disconnect_deletes_revokes_and_says_so(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    page = await disconnect(person, connection=card["id"])
    assert await person.connected() == []
    assert await outbox(database) == []
    assert (await sandbox.state())["grants"] == []
    assert "отозван и проверен" in page
    async with database.sessions() as session:
        for table in (Connection, Grant, Outage):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_a_revocation_that_cannot_be_proven_says_so(person: Person, sandbox: Sandbox) -> None:
    card = await person.connect()
    await sandbox.set("error")
    assert "Проверить это не вышло" in await disconnect(person, connection=card["id"])


async def test_a_403_does_not_prove_that_a_token_is_worth_nothing(
    person: Person, sandbox: Sandbox, dashboard: Dashboard
) -> None:
    card = await person.connect()
    await sandbox.set("denied")
    async with serving({"revoke": saying()}) as idle:  # says yes, and revokes nothing
        entry = replace(dashboard.catalogue["evotor"], revocation_endpoint=f"{idle}/revoke")
        dashboard.catalogue = {**dashboard.catalogue, "evotor": entry}
        assert "Проверить это не вышло" in await disconnect(person, connection=card["id"])


async def test_a_provider_without_revocation_says_where_to_do_it_by_hand(
    person: Person, dashboard: Dashboard
) -> None:
    card = await person.connect()
    entry = dashboard.catalogue["evotor"]
    silent = replace(entry, revocation_endpoint="")
    dashboard.catalogue = {**dashboard.catalogue, "evotor": silent}
    page = await disconnect(person, connection=card["id"])
    assert "удалите приложение в личном кабинете Эвотор" in page


async def test_the_only_connection_needs_no_name(person: Person) -> None:
    await person.connect()
    await disconnect(person)
    assert await person.connected() == []


async def test_one_of_several_must_be_named(person: Person) -> None:
    await person.connect()
    await person.connect(account=OTHER_SHOP)
    assert (await person.post("/evotor/disconnect")).status_code == 400
    assert len(await person.connected()) == 2


@pytest.mark.parametrize("given", ["not-a-uuid", "00000000-0000-0000-0000-000000000000"])
async def test_what_is_not_there_cannot_be_disconnected(person: Person, given: str) -> None:
    assert (await person.post("/evotor/disconnect", connection=given)).status_code == 404


async def test_somebody_elses_connection_does_not_exist(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    answer = await other_person.post("/evotor/disconnect", connection=card["id"])
    assert answer.status_code == 404
    assert len(await person.connected()) == 1


async def test_a_connection_of_another_provider_does_not_exist_here(person: Person) -> None:
    card = await person.connect("evotor")
    assert (await person.post("/sklad/disconnect", connection=card["id"])).status_code == 404


async def test_a_provider_that_cannot_take_the_revocation_gets_it_later(
    person: Person, database: Database, sandbox: Sandbox, dashboard: Dashboard
) -> None:
    card = await person.connect()
    await sandbox.set("error", endpoint="revoke")
    await disconnect(person, connection=card["id"])
    assert await person.connected() == []
    (left,) = await outbox(database)
    assert left.tries == 1
    await sandbox.set("ok", endpoint="revoke")
    async with database.sessions.begin() as session:
        await session.execute(update(Revocation).values(next_try_at=func.now()))
    await retry_due(dashboard)
    assert await outbox(database) == []


async def test_after_a_day_a_revocation_is_given_up(
    person: Person, database: Database, sandbox: Sandbox, dashboard: Dashboard
) -> None:
    card = await person.connect()
    await sandbox.set("error", endpoint="revoke")
    await disconnect(person, connection=card["id"])
    old = func.now() - timedelta(hours=25)
    async with database.sessions.begin() as session:
        await session.execute(update(Revocation).values(next_try_at=func.now(), created_at=old))
    await retry_due(dashboard)
    assert await outbox(database) == []


async def test_a_grant_that_another_connection_lives_on_is_not_revoked(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    others = await other_person.connect()
    await disconnect(person, connection=card["id"])
    assert (await other_person.check(others))["status"] == "online"


async def test_a_check_that_is_under_way_does_not_bring_it_back(
    person: Person, database: Database, dashboard: Dashboard
) -> None:
    card = await person.connect()
    async with database.sessions.begin() as session:
        lease = await claim_one(session, UUID(card["id"]))
    assert lease is not None
    checked = await dashboard.checker.check(lease)
    await disconnect(person, connection=card["id"])
    assert isinstance(checked, Checked)
    await dashboard.checker.write([checked])
    assert await person.connected() == []


async def retry_due(app: Dashboard) -> None:
    await revocation.send_due(app.database.sessions, app.http, app.keys, app.catalogue)
