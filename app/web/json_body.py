"""The JSON that one of our scripts posts, or anybody else in its name."""

import json
from typing import Any

from quart import request


async def json_body() -> Any:
    """None where the body is no JSON, or none that can be read: not UTF-8, nested too deeply."""
    try:
        return json.loads(await request.get_data(as_text=False))
    except (ValueError, RecursionError):
        return None
