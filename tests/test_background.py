"""A step that is done again and again, and what the log says when it cannot be."""

import asyncio
import logging

import pytest

from app import background as forever_
from app.background import forever, running
from app.database.engine import open_database
from tests.support.waiting import until


async def test_a_database_that_is_away_is_a_line_and_not_a_page(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forever_, "AFTER_FAULT", 0.01)
    tries, let_in = 0, asyncio.Event()

    async def step() -> None:
        nonlocal tries
        tries += 1
        wrong = database_url.replace("svyazka:", "svyazka:wrong", 1)
        async with open_database(database_url if let_in.is_set() else wrong) as database:
            await (await database.engine.connect()).close()

    async def tried(times: int) -> None:
        async def look() -> bool:
            return tries >= times

        await until(look)

    with caplog.at_level(logging.INFO):
        async with running(forever(step, 0.01)):
            await tried(3)
            let_in.set()
            await tried(tries + 3)
    # The last step may be cancelled while it closes a connection, of which the pool tells.
    ours = [each for each in caplog.records if each.name == forever_.__name__]
    said = [each.getMessage().rpartition(".")[2] for each in ours]
    assert said == ["step: no database (InvalidPasswordError)", "step goes on"]
    assert not any(each.exc_info for each in ours)
