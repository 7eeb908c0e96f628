"""What a connection is called, wherever people read of it, and its tags. Pure."""

from collections.abc import Iterable, Sequence

from app.i18n.plain_text import isolated, one_line

LONGEST_NAME = 80  # characters
LONGEST_TAG = 40
MOST_TAGS = 10  # of one connection
INNER_QUOTES = str.maketrans("«»", "„“")


def title_of(name: str | None, label: str | None, service: str) -> str:
    """What its owner calls it, else what the service calls the account, else the service."""
    return name or label or service


def subtitle_of(title: str, service: str) -> str:
    """The service; "" where the title says it already."""
    return service if service != title else ""


def full_title(title: str, service: str) -> str:
    """Title and subtitle in one line."""
    subtitle = subtitle_of(title, service)
    return f"{isolated(title)}, {subtitle}" if subtitle else title


def quoted(title: str) -> str:
    """In «…», with other quotation marks inside, as Russian has them."""
    return f"«{isolated(title.translate(INNER_QUOTES))}»"


def read_name(text: str) -> str | None:
    """A name as somebody typed it; None: they want none of their own."""
    return one_line(text, LONGEST_NAME) or None


def read_tags(text: str) -> list[str]:
    """Tags as somebody typed them, with commas between; may be more than MOST_TAGS."""
    return distinct_tags(one_line(each, LONGEST_TAG) for each in text.split(","))


def distinct_tags(tags: Iterable[str]) -> list[str]:
    """Each once, whatever its case, as it was written first."""
    found: dict[str, str] = {}
    for tag in tags:
        if tag:
            found.setdefault(tag.casefold(), tag)
    return list(found.values())


def has_tag(tags: Iterable[str], wanted: Sequence[str]) -> bool:
    """Is one of the `wanted` among them? Without any wanted, yes."""
    keys = {each.casefold() for each in wanted}
    return not keys or any(each.casefold() in keys for each in tags)
