"""gzip for answers, where the browser accepts it and where the length of an answer cannot reveal a
secret (BREACH; docs/decisions/0017). Streams are not compressed.
"""

import asyncio
import gzip

from quart import Quart, Response, request
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Accept

LEVEL = 5  # two thirds of what level 1 makes of a page, for twice its time
LEAST = 1_000  # bytes; less fits into one packet anyway
QUICK = 64 * 1024  # bytes; a larger body is compressed in a thread, so that others do not wait
MIMETYPES = ("text/html", "text/csv", "application/json")
# Blueprints whose pages show no secret; all large pages are among them.
PARTS = (
    *("connections", "connection", "outages", "audit_log", "report", "exports"),
    *("catalogue", "providers", "welcome"),
)


def compress_answers(app: Quart) -> None:
    @app.after_request
    async def compress(response: Response) -> Response:
        if not _may_be_packed(response):
            return response
        response.vary.add("Accept-Encoding")
        plain = await response.get_data(as_text=False)
        if len(plain) >= LEAST and accepts_gzip(request.accept_encodings):
            response.set_data(await _packed(plain))
            response.content_encoding = "gzip"
        return response


def accepts_gzip(encodings: Accept) -> bool:
    """RFC 9110, section 12.5.3: `gzip;q=0` is a refusal, and `*` means any."""
    return encodings.quality("gzip") > 0


def _may_be_packed(response: Response) -> bool:
    return (
        request.method in ("GET", "HEAD")
        and request.blueprint in PARTS
        and response.mimetype in MIMETYPES
        and isinstance(response.response, DataBody)
        and _is_asked_for_from_here()
    )


def _is_asked_for_from_here() -> bool:
    """False for a request that another site's page makes: it could choose the query and observe the
    length of the answer. Browsers send this header (Fetch Metadata, W3C); without it the client is
    no current browser.
    """
    return request.headers.get("Sec-Fetch-Site") in (None, "same-origin", "none")


async def _packed(plain: bytes) -> bytes:
    if len(plain) <= QUICK:
        return gzip.compress(plain, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, plain, LEVEL, mtime=0)
