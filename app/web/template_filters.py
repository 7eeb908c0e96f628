"""What templates call with `|`: every filter of ours by its name. No name may be given twice."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any

from jinja2 import Environment

from app.i18n.connection_titles import full_title, quoted
from app.i18n.formatting import (
    every,
    lower_first,
    milliseconds,
    of_connections,
    short_span,
    time_to_wait,
)
from app.web.accounts.audit_labels import actor_text, event_text, subject_text
from app.web.accounts.receipt_labels import receipt_lines
from app.web.accounts.user_agents import device, is_hand_held
from app.web.connections import grant_labels
from app.web.connections.cards import row_title
from app.web.connections.down_providers import down_providers
from app.web.connections.form_labels import field_fault
from app.web.connections.labels import (
    advice,
    advised_button,
    cause_text,
    status_wording,
    summary,
    waiting_text,
)
from app.web.connections.reconnect_labels import pending_text
from app.web.history import labels as history_labels
from app.web.history.charts import chart
from app.web.history.sparklines import half_hour_bars, long_bars, spark
from app.web.reader_times import Now, time_filters, utc_now

Filters = Mapping[str, Callable[..., Any]]

TEXT: Filters = {
    "every": every,
    "full_title": full_title,
    "quoted": quoted,
    "lower_first": lower_first,
    "milliseconds": milliseconds,
    "of_connections": of_connections,
    "short_span": short_span,
    "time_to_wait": time_to_wait,
    "utc": lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
}
ACCOUNTS: Filters = {
    "actor_text": actor_text,
    "device": device,
    "event_text": event_text,
    "is_hand_held": is_hand_held,
    "receipt_lines": receipt_lines,
    "subject_text": subject_text,
}
CONNECTIONS: Filters = {
    "advice": advice,
    "advised_button": advised_button,
    "cause_text": cause_text,
    "down_providers": down_providers,
    "field_fault": field_fault,
    "leaves": grant_labels.leaves,
    "leaving": grant_labels.LEAVING.__getitem__,
    "move": grant_labels.move,
    "pending_text": pending_text,
    "row_title": row_title,
    "status_icon": lambda card: status_wording(card).icon,
    "status_lasts": lambda card: status_wording(card).lasts,
    "status_text": lambda card: status_wording(card).text,
    "status_tone": lambda card: status_wording(card).tone,
    "summary": summary,
    "waiting_text": waiting_text,
}
HISTORY: Filters = {
    "availability": history_labels.availability,
    "chart": chart,
    "outage_text": lambda each: history_labels.outage_text(
        each.cause, each.lasted, each.ended is not None
    ),
    "downtime": history_labels.downtime,
    "faster": lambda timeline: history_labels.faster(timeline.today, timeline.yesterday),
    "half_hour_bars": half_hour_bars,
    "long_bars": long_bars,
    "proof": lambda each: history_labels.proof(each.evidence, each.last_evidence, each.checks),
    "reason": history_labels.reason,
    "slowness": history_labels.slowness,
    "spark": spark,
    "tone_of": history_labels.tone_of,
}


def add_filters(environment: Environment, now: Now = utc_now) -> None:
    """Raises ValueError where a name is given twice, by us or by Jinja."""
    add_groups(environment, (TEXT, ACCOUNTS, CONNECTIONS, HISTORY, time_filters(now)))


def add_groups(environment: Environment, groups: Iterable[Filters]) -> None:
    for group in groups:
        if twice := environment.filters.keys() & group.keys():
            raise ValueError(f"a template filter is named twice: {', '.join(sorted(twice))}")
        environment.filters.update(group)
