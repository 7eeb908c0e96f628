"""The last requests, for people who ask "what did it just send?"."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

LENGTH = 200  # requests


@dataclass(eq=False)
class LoggedRequest:
    """One request; `status` stays None while it hangs and when the client did not wait."""

    at: float
    method: str
    path: str  # without the query, which carries codes
    client: str | None = None
    account: str | None = None
    status: int | None = None
    ms: int | None = None  # None: still open
    _started: float = field(default_factory=time.perf_counter, repr=False)

    def close(self) -> None:
        self.ms = round((time.perf_counter() - self._started) * 1000)

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in asdict(self).items() if not key.startswith("_")}


class Journal:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.now = clock
        self.entries: deque[LoggedRequest] = deque(maxlen=LENGTH)

    def open(self, method: str, path: str) -> LoggedRequest:
        entry = LoggedRequest(self.now(), method, path)
        self.entries.append(entry)
        return entry
