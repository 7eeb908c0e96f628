"""What `doctor` found out about one thing."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    NOTE = "note"  # it may be meant so
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    name: str
    state: State
    said: str
    remedy: str = ""  # what to do

    @classmethod
    def ok(cls, name: str, said: str) -> "Finding":
        return cls(name, State.OK, said)

    @classmethod
    def note(cls, name: str, said: str, remedy: str = "") -> "Finding":
        return cls(name, State.NOTE, said, remedy)

    @classmethod
    def wrong(cls, name: str, said: str, remedy: str) -> "Finding":
        return cls(name, State.WRONG, said, remedy)

    @property
    def line(self) -> str:
        return f"{self.state:<6} {self.name:<20} {self.said}" + (
            f": {self.remedy}" if self.remedy else ""
        )
