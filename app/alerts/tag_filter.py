"""What a channel that is limited to tags is told of. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.i18n.connection_titles import has_tag

Facts = Mapping[str, Any]  # as `outbox.facts_of` stores them, or a digest's


def facts_for(facts: Facts, tags: Sequence[str]) -> Facts:
    """The facts about connections with one of these tags; {} if there are none. No tags: all.

    The tags are those that a connection had when the alert was written.
    """
    if not tags:
        return facts
    parts = {
        "items": [each for each in facts.get("items", []) if has_tag(each.get("tags", []), tags)],
        "alerts": [
            {**part, "facts": own}
            for part in facts.get("alerts", [])
            if (own := facts_for(part["facts"], tags))
        ],
    }
    kept = {name: part for name, part in parts.items() if part}
    return {**facts, **kept} if kept else {}
