"""What a line of the log looks like, what never stands in it, and that a thousand equal ones do
not bury the others.
"""

import io
import json
import logging
import os
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.logging import REPEAT_WINDOW, CountingHandler, JsonLines, LogEvent, TextLines, request_id
from app.version import VERSION


class Log:
    """What a handler wrote, and the clock that it reads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.written = io.StringIO()
        self.handler = CountingHandler(lambda: self.now)
        self.handler.setStream(self.written)
        self.handler.setFormatter(TextLines("worker"))
        self.logger = logging.Logger("app.test")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        """Without what stands before the message."""
        return [line.partition(f"{VERSION} ")[2] for line in self.written.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.handler.close()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (LogEvent("status", provider="evotor", ms=12.345), "status provider=evotor ms=12.3"),
        (LogEvent("status", cause=None, http=0), "status http=0"),
        (LogEvent("failed", error="no route"), 'failed error="no route"'),
        (LogEvent("failed", error=""), 'failed error=""'),
        (LogEvent("failed", error="a\nlevel=info x"), 'failed error="a\\nlevel=info x"'),
        (LogEvent("failed", error='"'), 'failed error="\\""'),
    ],
)
def test_fields_are_written_so_that_one_can_search_for_them(event: LogEvent, line: str) -> None:
    assert str(event) == line


def test_the_same_error_of_a_thousand_rows_is_one_line_with_a_count(log: Log) -> None:
    for _ in range(1257):
        log.logger.error(LogEvent("unreadable", connection=uuid4(), error="no key 'k1'"))
        log.now += 0.02
    log.now = REPEAT_WINDOW
    log.logger.info("something else")
    first, counted, other = log.lines
    assert re.fullmatch(r"unreadable connection=[\w-]{36} error=\"no key 'k1'\"", first)
    assert counted == "unreadable error=\"no key 'k1'\" repeated=1256 seconds=30.0"
    assert other == "something else"


def test_what_is_counted_is_told_when_the_program_ends(log: Log) -> None:
    for _ in range(3):
        log.logger.warning("the same")
    log.handler.close()
    assert log.lines == ["the same", "the same repeated=2 seconds=0.0"]


def test_what_differs_in_more_than_its_row_is_written(log: Log) -> None:
    log.logger.error(LogEvent("unreadable", connection=1, error="no key 'k1'"))
    log.logger.error(LogEvent("unreadable", connection=1, error="no key 'k2'"))
    log.logger.warning(LogEvent("unreadable", connection=1, error="no key 'k1'"))
    for error in (ValueError, KeyError):
        try:
            raise error
        except error:
            log.logger.exception(LogEvent("crashed"))
    assert sum(line.startswith("unreadable") for line in log.lines) == 3
    assert sum(line.startswith("crashed") for line in log.lines) == 2


def test_what_is_no_warning_is_never_counted_together(log: Log) -> None:
    for _ in range(3):
        log.logger.info(LogEvent("status", connection=1))
    assert log.lines == ["status connection=1"] * 3


def test_a_thousand_different_warnings_are_not_kept_for_ever(log: Log) -> None:
    for number in range(1000):
        log.logger.warning("warning %d", number)
    assert len(log.lines) == 1000
    assert len(log.handler._repeated) <= 200


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("mail to anna@example.ru failed", "mail to … failed"),
        ("postgresql://svyazka:secret@db.example.ru/x", "postgresql://…db.example.ru/x"),
        ("@svyazka_bot, 3 @ 4", "@svyazka_bot, 3 @ 4"),
    ],
)
def test_an_address_of_a_person_is_never_written(log: Log, message: str, shown: str) -> None:
    log.logger.info(message)
    assert log.lines == [shown]


def test_an_exception_does_not_quote_values(log: Log) -> None:
    said = "duplicate key\nDETAIL:  Key (email)=(anna) exists for boris@example.ru"
    try:
        raise ValueError(said)
    except ValueError:
        log.logger.exception("failed")
    assert "ValueError: duplicate key" in log.written.getvalue()
    assert not re.search("anna|boris", log.written.getvalue())


def test_a_line_says_when_to_the_millisecond_and_who() -> None:
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO", "name": "app"})
    record.created, record.msecs = 0.9996, 999.6
    token = request_id.set("abc")
    line = json.loads(JsonLines("web").format(record))
    text = TextLines("web").format(record)
    request_id.reset(token)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.999[+-]\d{4}", line.pop("time"))
    assert line == {
        "level": "info",
        "role": "web",
        "pid": os.getpid(),
        "version": VERSION,
        "logger": "app",
        "message": "hello",
        "request": "abc",
    }
    pattern = rf"\d\d:\d\d:\d\d\.999 INFO    web\[{os.getpid()}\] {VERSION} hello request=abc"
    assert re.fullmatch(pattern, text)
