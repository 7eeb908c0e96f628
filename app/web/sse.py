"""One server-sent event (WHATWG HTML, section 9.2)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    event: str  # "" for one that htmx swaps in
    data: str

    def encode(self) -> bytes:
        # A line break ends a field, so every line of data needs its own prefix.
        lines = [f"event: {self.event}"] if self.event else []
        lines += [f"data: {line}" for line in self.data.splitlines() or [""]]
        return ("\n".join(lines) + "\n\n").encode()
