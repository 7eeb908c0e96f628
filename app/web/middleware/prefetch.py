"""A prefetch and a HEAD request must not use up a one-time code that the user still needs."""

from typing import Any

from quart import request
from quart.typing import ResponseReturnValue

# Chromium, older WebKit, older Firefox, Safari's previews (https://wicg.github.io/nav-speculation/).
ANNOUNCED_IN = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
SPECULATION = ("prefetch", "prerender", "preview")
SPENDS = ("providers.callback",)  # endpoints whose GET can be done only once
UNCACHED = {"Cache-Control": "no-store"}


def is_speculative(headers: Any) -> bool:
    """Is it a prefetch, a prerender or a preview?"""
    announced = [headers.get(name, "").lower() for name in ANNOUNCED_IN]
    return any(word in each for word in SPECULATION for each in announced)


async def spend_nothing() -> ResponseReturnValue | None:
    """A prefetch is refused, not answered with 2xx: the browser repeats a refused one when the user
    navigates, and shows a successful one without asking again.
    """
    if request.endpoint not in SPENDS:
        return None
    if is_speculative(request.headers):
        return "", 503, UNCACHED
    return ("", 200, UNCACHED) if request.method == "HEAD" else None
