"""An alert's message, the same for every channel, and its plain text."""

from dataclasses import dataclass

from app.alerts.types import Kind


@dataclass(frozen=True)
class Button:
    text: str
    url: str


@dataclass(frozen=True)
class Line:
    """One connection: its name, what is wrong, and the evidence."""

    name: str
    text: str
    evidence: str = ""


@dataclass(frozen=True)
class AlertMessage:
    kind: Kind
    title: str
    lead: str  # what happened, and since when
    move: str  # whose move it is
    button: Button
    lines: tuple[Line, ...] = ()
    tone: str = "idle"  # ok, warn, bad or idle
    held: tuple[str, ...] = ()  # titles of waiting messages that are merged into this one

    @property
    def short(self) -> str:
        """For notifications that show one or two sentences."""
        return " ".join(part for part in (self.lead, self.move) if part)


HELD_HEADING = "За это время накопились и другие сообщения:"


def as_text(letter: AlertMessage, footer: str = "") -> str:
    parts = [letter.lead, "\n".join(_line(each) for each in letter.lines), letter.move]
    parts.append(f"{letter.button.text}: {letter.button.url}")
    if letter.held:
        parts.append("\n".join([HELD_HEADING, *(f"— {title}" for title in letter.held)]))
    parts.append(footer)
    return "\n\n".join(part for part in parts if part) + "\n"


def _line(line: Line) -> str:
    proof = f"\n  {line.evidence}" if line.evidence else ""
    return f"— {line.name}: {line.text}{proof}" if line.text else f"— {line.name}{proof}"
