"""Static files, read, hashed and compressed once at start and served from memory. A URL with the
current hash (`?v=…`) may be cached for ever; any other URL of the same file must be revalidated.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from quart import Response, abort, request

from app.web.middleware.compression import accepts_gzip

FOR_EVER = "public, max-age=31536000, immutable"  # its address changes with its content
ASK_AGAIN = "no-cache"
HARDEST = 9  # gzip's level: it is done once
# Scripts that are sent as one: the headers of an answer are as long as most of them are.
BUNDLES = {
    "live.js": (
        "trusted_types.js",
        "relative_time.js",
        "link_state.js",
        "stream.js",
        "waiting.js",
        "card_counts.js",
        "status_announcer.js",
        "copy.js",
        "card_filter.js",
        "card_order.js",
        "disconnect_dialog.js",
    )
}


@dataclass(frozen=True)
class StaticFile:
    version: str
    mimetype: str
    plain: bytes
    packed: bytes | None  # by gzip; None where that would be larger


class StaticFiles:
    """All files of a folder as they were at start."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in folder.rglob("*")
            if path.is_file()
        }
        for name, parts in BUNDLES.items():
            whole = b"".join(self._files[part].plain for part in parts)
            self._files[name] = _static_file(name, whole)

    def url(self, name: str) -> str:
        """The URL with the hash, `static_url` in templates. KeyError for an unknown file."""
        return f"/static/{quote(name)}?v={self._files[name].version}"

    async def serve(self, filename: str) -> Response:
        """The view of `/static/<path:filename>`. No range requests: the files are small."""
        file = self._files.get(filename)
        if file is None:
            abort(404)
        packed = file.packed is not None and accepts_gzip(request.accept_encodings)
        tag = file.version + ("-gzip" if packed else "")
        known = request.if_none_match.contains_weak(tag)
        body = b"" if known else file.packed if packed else file.plain
        response = Response(body, 304 if known else 200, mimetype=file.mimetype)
        response.set_etag(tag)
        if file.packed is not None:
            response.vary.add("Accept-Encoding")
        if packed and not known:
            response.content_encoding = "gzip"
        exact = request.query_string == f"v={file.version}".encode()
        response.headers["Cache-Control"] = FOR_EVER if exact else ASK_AGAIN
        return response


def _read(path: Path) -> StaticFile:
    return _static_file(path.name, path.read_bytes())


def _static_file(name: str, plain: bytes) -> StaticFile:
    packed = gzip.compress(plain, HARDEST, mtime=0)
    return StaticFile(
        hashlib.sha256(plain).hexdigest()[:10],
        mimetypes.guess_type(name)[0] or "application/octet-stream",
        plain,
        packed if len(packed) < len(plain) else None,
    )
