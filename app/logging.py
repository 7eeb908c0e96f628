"""Logging: lines for people on a terminal, JSON elsewhere. No queries, no tokens, no bodies, no
addresses of people.

What happened to a connection, an outage or a delivery is a `LogEvent`: a name and fields, written
as `key=value`, so that a log can be searched for them.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Timer
from time import monotonic

from app.version import VERSION

REPEAT_WINDOW = 30.0  # seconds within which the same warning of many rows is one line and a count
MOST_REPEATED = 200  # kinds of warnings that are counted at once
# What tells one row from another: warnings that differ in these alone are the same one.
ROW_FIELDS = frozenset({"connection", "channel", "rows", "ms"})
PLAIN_VALUE = re.compile(r'[^\s"=]+')
# Libraries quote what they were given: the user of a URL, an address, the values of a broken rule.
PRIVATE = re.compile(
    r"(?<=://)[^/\s@]+@|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|^DETAIL:.*$|(?<=query argument )\$\d+.*$",
    re.MULTILINE,
)
PRIVATE_WORDS = (
    "@",
    "DETAIL:",
    "query argument",
)  # one is in all that PRIVATE finds
NOISY = ("httpx", "httpcore", "alembic", "uvicorn.access")

# The request under way, which every line that it causes names
request_id: ContextVar[str] = ContextVar("request_id", default="")


class LogEvent:
    """A message with fields; what is None is left out."""

    def __init__(self, name: str, **fields: object) -> None:
        self.name = name
        self.fields = {key: value for key, value in fields.items() if value is not None}

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={_shown(self.fields[key])}" for key in self.fields)])

    @property
    def without_row(self) -> "LogEvent":
        kept = {key: value for key, value in self.fields.items() if key not in ROW_FIELDS}
        return LogEvent(self.name, **kept)


def set_up_logging(level: str, form: str, role: str = "app") -> "CountingHandler":
    """`form` is "text", "json", or "" for text on a terminal and JSON elsewhere. `role`: which of
    our processes this is.
    """
    text = form == "text" or (not form and sys.stderr.isatty())
    handler = CountingHandler()
    handler.setFormatter(TextLines(role) if text else JsonLines(role))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handler


def without_addresses(text: str) -> str:
    return PRIVATE.sub("…", text) if any(word in text for word in PRIVATE_WORDS) else text


class _Lines(logging.Formatter):
    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def message_of(self, record: logging.LogRecord) -> str:
        return without_addresses(record.getMessage())

    def exception_of(self, record: logging.LogRecord) -> str:
        return without_addresses(self.formatException(record.exc_info)) if record.exc_info else ""

    def moment_of(self, record: logging.LogRecord, form: str) -> str:
        return f"{self.formatTime(record, form)}.{int(record.msecs):03d}"


class TextLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        moment = self.moment_of(record, "%H:%M:%S")
        process = f"{self.role}[{os.getpid()}] {VERSION}"
        request = f" request={request_id.get()}" if request_id.get() else ""
        line = f"{moment} {record.levelname:<7} {process} {self.message_of(record)}{request}"
        exception = self.exception_of(record)
        return f"{line}\n{exception}" if exception else line


class JsonLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.moment_of(record, "%Y-%m-%dT%H:%M:%S") + self.formatTime(record, "%z"),
            "level": record.levelname.lower(),
            "role": self.role,
            "pid": os.getpid(),
            "version": VERSION,
            "logger": record.name,
            "message": self.message_of(record),
        }
        if request_id.get():
            line["request"] = request_id.get()
        if record.exc_info:
            line["exception"] = self.exception_of(record)
        return json.dumps(line, ensure_ascii=False)


@dataclass
class _Repeated:
    first: logging.LogRecord
    began: float
    more: int = 0


class CountingHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes the first of many equal warnings at once, and how many came after it when
    REPEAT_WINDOW is over.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self.also: logging.Handler | None = None  # gets what is written
        self._clock = clock
        self._repeated: dict[object, _Repeated] = {}
        self._timer: Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self._end_counts(self._clock() - REPEAT_WINDOW)
        if record.levelno < logging.WARNING or self._is_first(record):
            self._write(record)

    def close(self) -> None:
        self._count_now(float("inf"))
        if self.also is not None:
            self.also.flush()
        super().close()

    def _is_first(self, record: logging.LogRecord) -> bool:
        kind = _kind_of(record)
        if known := self._repeated.get(kind):
            known.more += 1
            self._tell_in_time()
            return False
        if len(self._repeated) >= MOST_REPEATED:
            self._end_counts(float("inf"))
        self._repeated[kind] = _Repeated(record, self._clock())
        return True

    def _tell_in_time(self) -> None:
        """Nothing else may be logged for hours. At most one timer, and none without a count."""
        if self._timer is None:
            self._timer = Timer(REPEAT_WINDOW, self._count_now, [float("inf")])
            self._timer.daemon = True
            self._timer.start()

    def _count_now(self, before: float) -> None:
        with self.lock:  # type: ignore[union-attr]
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._end_counts(before)

    def _end_counts(self, before: float) -> None:
        for kind, each in [*self._repeated.items()]:
            if each.began <= before:
                del self._repeated[kind]
                if each.more:
                    self._write(_count_of(each, self._clock()))

    def _write(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if self.also is not None and record.levelno >= self.also.level:
            self.also.handle(record)


def _kind_of(record: logging.LogRecord) -> tuple[object, ...]:
    error = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, str(_same_for_all(record)), error


def _same_for_all(record: logging.LogRecord) -> object:
    message: object = record.msg
    return message.without_row if isinstance(message, LogEvent) else record.getMessage()


def _count_of(repeated: _Repeated, now: float) -> logging.LogRecord:
    first = repeated.first
    said = f"{_same_for_all(first)} repeated={repeated.more} seconds={now - repeated.began:.1f}"
    return logging.LogRecord(first.name, first.levelno, first.pathname, 0, said, (), None)


def _shown(value: object) -> str:
    """A value with spaces is quoted; no value can begin a line of its own."""
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return text if PLAIN_VALUE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
