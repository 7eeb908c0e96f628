"""The JSON that one of our scripts posts, or anybody else in its name."""

import json
from typing import Any

from quart import request

from app.i18n.plain_text import storable


async def json_body() -> Any:
    """None where the body is no JSON, or none that can be read: not UTF-8, nested too deeply."""
    try:
        return _storable(json.loads(await request.get_data(as_text=False)))
    except (ValueError, RecursionError):
        return None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): _storable(each) for name, each in value.items()}
    return value
