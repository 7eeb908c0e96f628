"""A page that a browser opens by itself, and a HEAD, must not spend what the person may need."""

from typing import Any

from quart import request
from quart.typing import ResponseReturnValue

# Chromium, older WebKit, older Firefox, Safari's previews (https://wicg.github.io/nav-speculation/).
ANNOUNCED_IN = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
SPECULATION = ("prefetch", "prerender", "preview")
SPENDS = ("providers.callback",)  # endpoints whose GET does something that can be done once
UNCACHED = {"Cache-Control": "no-store"}


def is_speculative(headers: Any) -> bool:
    """Does nobody look at the answer yet?"""
    announced = [headers.get(name, "").lower() for name in ANNOUNCED_IN]
    return any(word in each for word in SPECULATION for each in announced)


async def spend_nothing() -> ResponseReturnValue | None:
    """A refused prefetch is asked anew when the person really goes there; one that was answered
    with 2xx would be shown instead of asking.
    """
    if request.endpoint not in SPENDS:
        return None
    if is_speculative(request.headers):
        return "", 503, UNCACHED
    return ("", 200, UNCACHED) if request.method == "HEAD" else None
