"""What texts of alerts are made from: the facts, and phrases that several kinds share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.alerts.message import Button, Line
from app.alerts.types import Kind
from app.i18n.cause_texts import CAUSE_TEXTS
from app.i18n.connection_titles import quoted, subtitle_of, title_of
from app.i18n.formatting import day_and_time, of_connections

MOST_LINES = 12  # connections that have a line; the rest are counted
LONGEST_EVIDENCE = 300  # characters


@dataclass(frozen=True)
class Setting:
    """What a message takes from its reader and from the settings."""

    titles: Mapping[str, str]  # provider's name → what people call it
    zone: ZoneInfo
    public_url: str
    now: datetime


@dataclass(frozen=True)
class TextContext:
    """One alert, with what its text says about the connections that it is about."""

    kind: Kind
    provider: str | None
    facts: Mapping[str, Any]  # as `outbox.facts_of` stores them
    setting: Setting

    @property
    def name(self) -> str:
        return self.setting.titles.get(self.provider or "", self.provider or "")

    @property
    def items(self) -> list[Mapping[str, Any]]:
        """One for each connection."""
        return list(self.facts.get("items", []))

    @property
    def first(self) -> Mapping[str, Any]:
        return self.items[0] if self.items else {}

    @property
    def cause(self) -> str:
        return str(self.first.get("cause", ""))

    @property
    def subject(self) -> str:
        """ "«Магазин на Ленина» (Эвотор)", or "«Эвотор», 3 подключения"."""
        if len(self.items) != 1:
            return f"«{self.name}», {of_connections(len(self.items))}"
        title = self.label(self.first)
        service = subtitle_of(title, self.name)
        return f"{quoted(title)} ({service})" if service else quoted(title)

    @property
    def whom(self) -> str:
        """ "«Магазин на Ленина»", or "3 подключения"."""
        if len(self.items) == 1:
            return quoted(self.label(self.first))
        return of_connections(len(self.items))

    @property
    def since(self) -> str:
        """When the first of them began."""
        begun = [str(each["since"]) for each in self.items if each.get("since")]
        return self.moment(min(begun)) if begun else ""

    def moment(self, text: object) -> str:
        return day_and_time(datetime.fromisoformat(str(text)), self.setting.zone)

    def label(self, item: Mapping[str, Any]) -> str:
        return title_of(item.get("title"), item.get("label"), self.name)

    def button(self, text: str, many: str = "Открыть подключения") -> Button:
        """A link to the connection, if there is one only; else to all of them."""
        url = f"{self.setting.public_url}/connections"
        if len(self.items) == 1:
            return Button(text, f"{url}/{self.first['connection_id']}")
        return Button(many, url)

    def cause_phrase(self, unknown: str = "") -> str:
        return _cause_phrase(self.cause) or unknown

    def your_move(self, *causes: str) -> str:
        """What the owner has to do about the first of these causes that is their move."""
        step = next(filter(None, map(_next_step, causes)))
        return f"Ваш ход. {step.format(name=self.name)}"

    def lines(self, text: str | None = None) -> tuple[Line, ...]:
        """A line for each connection with its cause (or `text`) and its evidence.

        What all have in common stands in the message already and is not repeated.
        """
        causes = {each.get("cause") for each in self.items}
        if text is None and len(self.items) > 1 and len(causes) == 1:
            text = ""
        lines: list[Line] = []
        evidence_above = ""
        for each in self.items[:MOST_LINES]:
            said = _cause_phrase(each.get("cause")) if text is None else text
            evidence = str(each.get("evidence", ""))[:LONGEST_EVIDENCE]
            repeated = evidence == evidence_above
            lines.append(Line(self.label(each), said, "" if repeated else evidence))
            evidence_above = evidence
        return (*lines, *self.rest())

    def rest(self) -> tuple[Line, ...]:
        """How many connections have no line of their own."""
        rest = len(self.items) - MOST_LINES
        return (Line(f"и ещё {of_connections(rest)}", ""),) if rest > 0 else ()


def blame(item: Mapping[str, Any]) -> str:
    """Whose fault an outage was that has ended."""
    cause = item.get("cause")
    if cause == "revoked":
        return "доступ был отозван"
    return "ждало ваших действий" if _next_step(cause) else "по вине сервиса"


def _cause_phrase(cause: object) -> str:
    texts = CAUSE_TEXTS.get(str(cause))
    return texts.alert if texts is not None else ""


def _next_step(cause: object) -> str:
    texts = CAUSE_TEXTS.get(str(cause))
    return texts.alert_next_step if texts is not None else ""
