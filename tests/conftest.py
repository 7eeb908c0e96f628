"""How pytest goes about it; what tests stand on is in `tests/fixtures.py`."""

import gc
import signal
from collections.abc import Iterator

import pytest

from app.cli.garbage_collector import collect_seldom


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM is an orderly end, as Ctrl-C is: nothing that a test has started stays behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if _runs_tests(config):
        config.pluginmanager.import_plugin("tests.fixtures")


def _runs_tests(config: pytest.Config) -> bool:
    """The process that hands them out to others need not load the application."""
    hands_out = config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))
    return hasattr(config, "workerinput") or not hands_out


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing of what is collected is garbage until the end, so nobody needs to look for it."""
    gc.disable()
    yield
    collect_seldom()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL, so that `python3 -m tests fast` can leave it out."""
    for item in items:
        if "database_url" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
