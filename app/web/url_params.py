"""Parsing of query parameters; None for a value that makes no sense."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

Choice = TypeVar("Choice")


def choice_of(known: Iterable[Choice], given: str | None) -> Choice | None:
    return next((each for each in known if str(each) == given), None)


def uuid_of(given: str | None) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError:
        return None
