"""When a token ends, in each of the ways in which providers say so."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import nan
from typing import Any

from app.providers.provider import (
    EXPIRES_AT,
    EXPIRES_IN,
    JWT,
    NEVER,
    Provider,
)


def last_day(row: Any, provider: Provider | None) -> datetime | None:
    """Of a grant that nothing renews; `row` has `refreshable` and `expires_at`."""
    renewed = row.refreshable and (provider is None or provider.refresh != NEVER)
    return None if renewed else row.expires_at


FOREVER = 10 * 365 * 86_400.0  # seconds; whoever promises more does not say when a token ends


def life_of(
    expiry: str | int, access_token: str, answer: Mapping[str, Any], now: float
) -> float | None:
    """Seconds that an access token lives; None: nobody says."""
    if isinstance(expiry, int):
        return float(expiry)
    if expiry == EXPIRES_IN:
        return seconds(answer.get("expires_in"))
    if expiry == EXPIRES_AT:  # a new token has not ended: 0, or the year 1, is no moment
        return seconds_until(answer.get("expires_at"), now) or None
    return seconds_until(claims_of(access_token).get("exp"), now) if expiry == JWT else None


def seconds(value: object) -> float | None:
    """A number, or a text of one, of seconds from now. 0 means that nobody says: a token that has
    ended already is not given to anybody.
    """
    number = _number(value)
    return number if 0 < number <= FOREVER else None  # not for nan either


def seconds_until(moment: object, now: float) -> float | None:
    """From ISO 8601 or Unix seconds; 0 for what is past."""
    number = _number(moment)
    at = number if number >= 0 else _timestamp(moment)
    return max(0.0, at - now) if at is not None and at - now <= FOREVER else None


def claims_of(jwt: str) -> dict[str, Any]:
    """What a JWT says of itself, unproven (RFC 7519 section 3); {} for what is none."""
    try:
        _, payload, _ = jwt.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):  # binascii.Error and bad JSON are some of them
        return {}
    return claims if isinstance(claims, dict) else {}


def _number(value: object) -> float:
    try:
        usable = isinstance(value, (int, float, str)) and not isinstance(value, bool)
        return float(value) if usable else nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return nan


def _timestamp(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
