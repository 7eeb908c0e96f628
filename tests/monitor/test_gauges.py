"""What an operator asks of the whole installation is in `/metrics`."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.models.monitor import MonitorHeartbeat
from app.monitor.gauges import Gauges
from tests.support import rows
from tests.support.servers import Acme


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"svyazka_{name}", labels)


@pytest.fixture
def gauges(database: Database, acme: Acme) -> Gauges:
    away = replace(acme.provider, name="away", client=None)
    return Gauges(database.sessions, {"acme": acme.provider, "away": away})


async def run(database: Database, *statements: str) -> None:
    async with database.sessions.begin() as session:
        for statement in statements:
            await session.execute(text(statement))


async def test_connections_are_counted_by_provider_and_status_and_how_late_they_are(
    database: Database, keys: Keys, gauges: Gauges
) -> None:
    user = await rows.add_person(database)
    for provider, status in (("acme", "online"), ("acme", "online"), ("away", "offline")):
        await rows.add_connection(database, keys, user, provider=provider, status=status)
    await run(database, "UPDATE connections SET next_check_at = now() - interval '5 minutes'")
    await gauges.refresh()
    assert value("connections", provider="acme", status="online") == 2
    assert value("connections", provider="away", status="offline") == 1
    assert value("overdue_seconds", provider="acme") == pytest.approx(300, abs=30)
    assert value("overdue_seconds", provider="away") is None  # nobody checks it
    assert value("database_up") == 1


async def test_what_is_not_due_is_not_late(database: Database, keys: Keys, gauges: Gauges) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user, provider="acme")
    await run(database, "UPDATE connections SET next_check_at = now() + interval '5 minutes'")
    await gauges.refresh()
    assert value("overdue_seconds", provider="acme") == 0


async def test_monitors_outages_and_alerts_are_counted(database: Database, gauges: Gauges) -> None:
    await rows.add_person(database)
    async with database.sessions.begin() as session:
        session.add_all([MonitorHeartbeat(), MonitorHeartbeat(cut_off_since=text("now()"))])
        session.add(MonitorHeartbeat(beat_at=text("now() - interval '1 minute'")))
    await run(
        database,
        "INSERT INTO provider_outages (provider, cause, evidence, opened_at)"
        " VALUES ('acme', 'timeout', '', now())",
        "INSERT INTO alert_channels (id, user_id, kind)"
        " SELECT gen_random_uuid(), id, 'email' FROM users",
        "INSERT INTO alerts (id, user_id, kind) SELECT gen_random_uuid(), id, 'test' FROM users",
        "INSERT INTO deliveries (id, alert_id, channel_id, channel_kind, channel_label, created_at)"
        " SELECT gen_random_uuid(), a.id, c.id, 'email', '', now() - interval '2 minutes'"
        " FROM alerts a, alert_channels c",
    )
    await gauges.refresh()
    assert (value("monitors", network="online"), value("monitors", network="offline")) == (1, 1)
    assert value("provider_outage", provider="acme") == 1
    assert value("provider_outage", provider="away") == 0
    assert value("alerts_waiting") == 1
    assert value("alerts_oldest_seconds") == pytest.approx(120, abs=30)


async def test_what_waits_for_quiet_hours_is_not_late(database: Database, gauges: Gauges) -> None:
    await test_monitors_outages_and_alerts_are_counted(database, gauges)
    await run(database, "UPDATE alert_channels SET next_try_at = now() + interval '8 hours'")
    later = Gauges(database.sessions, {})
    await later.refresh()
    assert (value("alerts_waiting"), value("alerts_oldest_seconds")) == (1, 0)


async def test_scrapes_share_an_answer(database: Database, gauges: Gauges, keys: Keys) -> None:
    await gauges.refresh()
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user, provider="acme", status="online")
    await gauges.refresh()
    assert value("connections", provider="acme", status="online") is None


async def test_a_database_that_is_away_is_told_and_nothing_of_before_is_kept(
    gauges: Gauges, acme: Acme
) -> None:
    await gauges.refresh()
    async with open_database("postgresql://nobody@127.0.0.1:1/nothing") as away:
        await Gauges(away.sessions, {"acme": acme.provider}).refresh()
    assert value("database_up") == 0
    assert value("provider_outage", provider="acme") is None


def test_the_build_is_named() -> None:
    names: list[Mapping[str, str]] = [
        sample.labels
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "svyazka_build_info"
    ]
    assert [sorted(each) for each in names] == [["python", "version"]]
