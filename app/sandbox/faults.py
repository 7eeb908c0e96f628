"""The switches: which endpoint misbehaves for whom, how, and how many times more."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

RETRY_AFTER = 5  # seconds

ANYBODY = ""  # the subject of a request that shows no known client or account


class Mode(StrEnum):
    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    DENIED = "denied"
    UNPAID = "unpaid"
    GARBAGE = "garbage"
    UNAUTHORIZED = "unauthorized"


class Endpoint(StrEnum):
    API = "api"
    TOKEN = "token"  # noqa: S105 - the endpoint's name
    REVOKE = "revoke"


OUTAGES = frozenset({Mode.ERROR, Mode.TIMEOUT, Mode.SLOW, Mode.RATE_LIMITED, Mode.GARBAGE})
REFUSALS = frozenset({Mode.DENIED, Mode.UNPAID, Mode.UNAUTHORIZED})  # said to good tokens only


@dataclass(eq=False)
class Fault:
    """One order; shared by all whom it concerns, so that `left` counts their requests together."""

    mode: Mode = Mode.OK
    left: int | None = None  # None: until the next order
    retry_after: int = RETRY_AFTER

    @property
    def current(self) -> Mode:
        return Mode.OK if self.left == 0 else self.mode

    def strike(self) -> None:
        if self.left:
            self.left -= 1


class Faults:
    def __init__(self) -> None:
        self._faults: dict[tuple[Endpoint, str], Fault] = {}

    def put(self, fault: Fault, endpoint: Endpoint, subjects: Iterable[str]) -> None:
        self._faults |= {(endpoint, subject): fault for subject in subjects}

    def clear(self) -> None:
        self._faults.clear()

    def of(self, endpoint: Endpoint, subject: str) -> Fault:
        """`subject` is an account's id, else a client's id, else ANYBODY."""
        return self._faults.get((endpoint, subject)) or Fault()
