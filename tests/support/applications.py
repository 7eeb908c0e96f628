"""Applications that are built once and started anew for every test: a start is cheap."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jinja2.bccache import Bucket, BytecodeCache

from app.config import Settings
from app.database.engine import Database
from app.web.app import create_app
from app.web.context import Dashboard


class Compiled(BytecodeCache):
    """Templates are compiled once, not once an application; not on disk, where they outlive a
    change of a filter.
    """

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class Applications:
    """Those that no test uses just now, by their settings; all share one open database."""

    def __init__(self, database_url: str, database: Database) -> None:
        self._database_url, self._database = database_url, database
        self._idle: list[Dashboard] = []

    @asynccontextmanager
    async def started(self, settings: Settings) -> AsyncIterator[Dashboard]:
        """One that runs. A test may put other parts into it: they are out again afterwards."""
        app = self._take(settings)
        as_built = dict(vars(app))
        try:
            async with app.test_app():
                yield app
        finally:
            vars(app).clear()
            vars(app).update(as_built)
        self._idle.append(app)

    def _take(self, settings: Settings) -> Dashboard:
        for app in self._idle:
            if app.settings == settings:
                self._idle.remove(app)
                return app
        assert settings.database_url == self._database_url
        return new_application(settings, self._database)


def new_application(settings: Settings, database: Database | None = None) -> Dashboard:
    """For settings that no other test has; not started yet."""
    app = create_app(settings, database)
    app.jinja_env.bytecode_cache = COMPILED
    return app
