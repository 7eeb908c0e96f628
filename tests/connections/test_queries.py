"""What is known of a connection, as pages and programs get it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.connections import queries
from app.connections.queries import CardRow
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.connection import Cause, Status
from app.providers.provider import Provider
from app.providers.registry import BUILT_IN
from app.providers.spec_parts import Probe
from app.web.connections.cards import (
    Descriptor,
    describe,
    describe_all,
    not_connected,
)
from app.web.connections.down_providers import DownProvider, down_providers
from tests.support import rows
from tests.support.servers import CLIENT

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INTERVAL = 600.0  # seconds
CONTRACT = {
    "id",
    "provider",
    "name",
    "icon",
    "connected",
    "is_online",
    "status",
    "cause",
    "fault",
    "evidence",
    "since",
    "stale",
    "last_checked_at",
    "next_check_at",
    "latency_ms",
    "slow",
    "paused_until",
    "details",
    "title",
    "tags",
    "flapping",
    "expires_at",
    "connect_url",
    "disconnect_url",
}


class Row(dict[str, Any]):
    __getattr__ = dict.__getitem__


def row(**columns: Any) -> CardRow:
    values = {
        "id": UUID(int=1),
        "user_id": 1,
        "provider": "acme",
        "status": "online",
        "cause": None,
        "evidence": None,
        "since": NOW,
        "is_online": True,
        "last_checked_at": NOW,
        "next_check_at": NOW,
        "latency_ms": 5,
        "baseline_ms": None,
        "slow_since": None,
        "label": "Shop",
        "connected_at": NOW,
        "paused_until": None,
        "name": None,
        "tags": [],
        "version": 3,
        "expires_at": None,
        "refreshable": True,
        "recent_latencies": [],
        "check_count": 0,
        "read_at": NOW,
        "flapping": False,
        "provider_down_since": None,
        "provider_outage_kind": None,
        "zone": None,
        "grant_kind": "oauth2",
    }
    return Row(values | columns)  # type: ignore[return-value]


def provider(name: str, client: Any = CLIENT) -> Provider:
    return Provider(
        name,
        name.title(),
        "https://a/auth",
        "https://a/token",
        Probe("https://a/me"),
        client=client,
    )


CATALOGUE = {name: provider(name) for name in ("acme", "beta", "gamma")}


def described(**columns: Any) -> Descriptor:
    return describe(row(**columns), CATALOGUE, INTERVAL)


@pytest.mark.parametrize(
    ("overdue", "stale"), [(-600, False), (0, False), (600, False), (601, True), (9999, True)]
)
def test_stale_is_overdue_by_more_than_an_interval(overdue: float, stale: bool) -> None:
    assert described(next_check_at=NOW - timedelta(seconds=overdue)).stale is stale


def test_nothing_is_stale_while_its_provider_is_out_for_everybody() -> None:
    card = described(next_check_at=NOW - timedelta(days=1), provider_down_since=NOW)
    assert (card.stale, card.stale_at) == (False, None)


def test_a_provider_that_is_not_asked_any_more_has_no_outage_and_its_cards_turn_stale() -> None:
    gone = row(next_check_at=NOW - timedelta(days=1), provider_down_since=NOW)
    for catalogue in ({}, {"acme": provider("acme", client=None)}):
        card = describe(gone, catalogue, INTERVAL)
        assert (card.stale, down_providers([card])) == (True, [])


def test_provider_wide_outages_are_told_once_with_the_number_of_cards() -> None:
    out = described(provider_down_since=NOW)
    assert down_providers([out, described(), replace(out, id=UUID(int=2))]) == [
        DownProvider("Acme", NOW, 2)
    ]
    assert down_providers([described()]) == []


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_its_fault(cause: Cause) -> None:
    assert described(cause=cause.value).fault in ("you", "provider", "us")


def test_whose_move_it_is_follows_the_contract() -> None:
    faults = {cause.value: cause.fault for cause in Cause}
    assert {cause for cause, fault in faults.items() if fault == "you"} == {
        "access_denied",
        "account_changed",
        "payment_required",
        "revoked",
    }
    assert {cause for cause, fault in faults.items() if fault == "us"} == {
        "rate_limited",
        "misconfigured",
    }


def test_no_cause_is_nobodys_fault() -> None:
    assert described().fault is None


def test_the_json_has_every_key_of_the_contract() -> None:
    for card in (described(), not_connected(CATALOGUE["acme"])):
        content = card.as_json()
        assert set(content) == CONTRACT
        assert json.loads(json.dumps(content)) == content


def test_times_are_iso_and_ids_are_texts() -> None:
    content = described().as_json()
    assert content["since"] == "2026-11-23T12:00:00+00:00"
    assert content["id"] == "00000000-0000-0000-0000-000000000001"


def test_what_is_not_connected_says_so() -> None:
    content = not_connected(CATALOGUE["acme"]).as_json()
    assert (content["id"], content["connected"], content["is_online"]) == (None, False, False)
    assert content["status"] == Status.DISCONNECTED
    assert content["connect_url"] == "/acme/connect"


def test_cards_are_in_the_catalogues_order_with_grey_ones_between() -> None:
    own = [row(id=UUID(int=2), provider="gamma"), row(id=UUID(int=3), provider="acme")]
    cards = describe_all(own, CATALOGUE, INTERVAL)
    assert [card.provider for card in cards] == ["acme", "beta", "gamma"]
    assert [card.connected for card in cards] == [True, False, True]


def test_several_accounts_stay_in_the_order_of_connecting() -> None:
    own = [row(id=UUID(int=number)) for number in (5, 2, 9)]
    cards = describe_all(own, {"acme": CATALOGUE["acme"]}, INTERVAL)
    assert [card.id for card in cards] == [UUID(int=5), UUID(int=2), UUID(int=9)]


def test_a_provider_without_a_client_keeps_its_connections_and_offers_no_new_ones() -> None:
    catalogue = {"acme": replace(CATALOGUE["acme"], client=None)}
    (card,) = describe_all([row()], catalogue, INTERVAL)
    assert (card.connected, card.configured) == (True, False)
    assert describe_all([], catalogue, INTERVAL) == []


def test_a_provider_that_nobody_knows_any_more_keeps_its_connections() -> None:
    (card,) = describe_all([row(provider="gone")], {}, INTERVAL)
    assert (card.provider, card.name, card.configured) == ("gone", "gone", False)


def test_built_in_providers_have_what_a_card_needs() -> None:
    for each in BUILT_IN:
        assert each.title
        assert each.icon.startswith("bi-")
        assert each.about


async def test_everybody_gets_their_own_in_one_query(database: Database, keys: Keys) -> None:
    anna, boris = [await rows.add_person(database, f"{name}@x.ru") for name in ("anna", "boris")]
    first = await rows.add_connection(database, keys, anna)
    second = await rows.add_connection(database, keys, anna)
    his = await rows.add_connection(database, keys, boris)
    async with database.sessions() as session:
        own = await queries.of_users(session, [anna, boris, 99])
    assert [each.id for each in own[anna]] == [first, second]
    assert [each.id for each in own[boris]] == [his]
    assert 99 not in own


async def test_a_connection_is_its_owners_only(database: Database, keys: Keys) -> None:
    anna, boris = [await rows.add_person(database, f"{name}@x.ru") for name in ("anna", "boris")]
    connection_id = await rows.add_connection(database, keys, anna)
    async with database.sessions() as session:
        assert await queries.owned(session, anna, connection_id) is not None
        assert await queries.owned(session, boris, connection_id) is None
        assert await queries.owned(session, anna, uuid4()) is None


async def test_a_reconnect_on_its_way_is_not_shown(database: Database, keys: Keys) -> None:
    anna = await rows.add_person(database)
    shown = await rows.add_connection(database, keys, anna)
    hidden = await rows.add_connection(database, keys, anna, replaces_connection_id=shown)
    async with database.sessions() as session:
        own = await queries.of_users(session, [anna])
        assert [each.id for each in own[anna]] == [shown]
        assert await queries.owned(session, anna, hidden) is None


@pytest.mark.parametrize(
    ("refresh", "refreshable", "told"),
    [("ahead", True, False), ("ahead", False, True), ("never", True, True)],
)
def test_a_last_day_is_told_where_nothing_renews_the_grant(
    refresh: str, refreshable: bool, told: bool
) -> None:
    catalogue = {"acme": replace(provider("acme"), refresh=refresh)}
    card = describe(row(expires_at=NOW, refreshable=refreshable), catalogue, INTERVAL)
    assert card.expires_at == (NOW if told else None)
    assert card.as_json()["expires_at"] == (NOW.isoformat() if told else None)


def test_a_connection_without_an_end_has_no_last_day() -> None:
    assert describe(row(refreshable=False), {}, INTERVAL).expires_at is None
