"""The application as a whole: built once, it can be started again."""

from app.config import Settings
from app.database.engine import Database
from tests.support.applications import new_application
from tests.support.people import Person, Sandbox
from tests.support.streams import watching


async def test_an_application_that_starts_again_is_as_good_as_new(
    settings: Settings, database: Database, sandbox: Sandbox
) -> None:
    app = new_application(settings, database)
    async with app.test_app():
        await Person.signed_up(app, sandbox, "anna@example.ru")
        app.bursts.attempt("a-shop")
        first = (app.hub, app.unfinished, app.checker, app.listener, app.bursts)
    async with app.test_app():
        anna = await Person(app, app.test_client(), sandbox).back("anna@example.ru")
        card = await anna.connect()
        async with watching(anna) as stream:
            await anna.check(card)
            assert await stream.until(card["id"])
        second = (app.hub, app.unfinished, app.checker, app.listener, app.bursts)
    assert not any(old is new for old, new in zip(first, second, strict=True))


async def test_a_database_that_was_handed_in_stays_open(
    settings: Settings, database: Database
) -> None:
    app, pool = new_application(settings, database), database.engine.pool
    async with app.test_app():
        assert app.database is database
    assert database.engine.pool is pool, "a closed engine would have a new one"
