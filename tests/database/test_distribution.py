"""How far the tables are from being distributed by person, as docs/beyond-one-database.md says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from app.config import ROOT, Settings
from app.database.engine import Database
from app.models.base import Base
from tests.support.applications import Applications
from tests.support.people import Person, Sandbox
from tests.support.waiting import until

DOCUMENT = (ROOT / "docs" / "beyond-one-database.md").read_text(encoding="utf-8")
KEY = "user_id"
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
CROSSING = re.compile(r"^\| `([A-Z]+)` \| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)
TOUCHED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(\w+)", re.IGNORECASE)
BY_PERSON = re.compile(r"\buser_id\s*=\s*(\$|CAST|ANY)|\busers\.id = \$", re.IGNORECASE)

PLACES = {name: (place, why.strip()) for name, place, why in ROW.findall(DOCUMENT)}
TABLES = Base.metadata.tables
DISTRIBUTED = {name for name, (place, _) in PLACES.items() if place == "by person"}


def test_every_table_has_its_place() -> None:
    assert set(PLACES) == set(TABLES)
    assert {place for place, _ in PLACES.values()} == {"by person", "everywhere", "one server"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_persons_table_has_the_person_in_its_key_or_the_reason_is_written(name: str) -> None:
    place, why = PLACES[name]
    has_key = KEY in TABLES[name].primary_key.columns or name == "users"
    assert place != "by person" or has_key != bool(why), (place, why)


async def test_statements_that_would_cross_shards_are_listed(
    applications: Applications, database: Database, settings: Settings, sandbox: Sandbox
) -> None:
    """Those of a connect, checks, an outage, the pages of it and a disconnect."""
    with _statements(database) as seen:
        async with applications.started(replace(settings, run_monitor=True)) as app:
            person = await Person.signed_up(app, sandbox, "anna@example.ru")
            card = await person.connect()
            await until(lambda: _stands(person, "online"))
            await sandbox.set("error")
            await until(lambda: _broken_after_a_press(person, card))
            for page in (f"/connections/{card['id']}", "/connections", "/outages", "/alerts"):
                assert (await person.get(page)).status_code == 200
            await person.post("/evotor/disconnect")
    crossing = {found for sql in seen if (found := _crossing(sql))}
    listed = {(verb, names.replace("`", "")) for verb, names in CROSSING.findall(DOCUMENT)}
    print(*sorted(crossing - listed), sep="\n")
    assert not crossing - listed


async def _stands(person: Person, status: str) -> bool:
    return [card["status"] for card in await person.connected()] == [status]


async def _broken_after_a_press(person: Person, card: dict[str, Any]) -> bool:
    await person.check(card)
    return not await _stands(person, "online")


@contextmanager
def _statements(database: Database) -> Iterator[set[str]]:
    seen: set[str] = set()

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.add(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _crossing(sql: str) -> tuple[str, str] | None:
    """Its verb and the tables that it touches, if no person is named."""
    names = sorted({name for name in TOUCHED.findall(sql) if name in TABLES})
    verb = sql.split()[0].upper()
    names_person = BY_PERSON.search(sql) or (verb == "INSERT" and KEY in sql)
    if not DISTRIBUTED & set(names) or names_person:
        return None
    return verb, ", ".join(names)
