"""The body of an answer as it was before it was packed: bounded, and read as browsers read it."""

import struct
import zlib

from app.outbound.failures import MAX_BODY
from app.outbound.http1 import Garbled, RawResponse, TooLarge

GZIP, DEFLATE = ("gzip", "x-gzip"), "deflate"
# All that there are (IANA's registry, RFC 9110 section 8.4.1). Any other word means that nothing
# was packed: servers write the letters or the media type here, and browsers pass over it.
CODINGS = frozenset(
    {*GZIP, DEFLATE, "aes128gcm", "br", "compress", "x-compress", "dcb", "dcz", "exi"}
    | {"pack200-gzip", "zstd"}
)
MOST_PARTS = 16  # of a gzip body that was packed in several
RAW = -15  # zlib's wbits: deflate without a head
MAGIC = b"\x1f\x8b\x08"
TRAILER = 8  # bytes: CRC-32 and length (RFC 1952 section 2.3.1)
FHCRC, FEXTRA, FNAME, FCOMMENT = 2, 4, 8, 16  # flags (RFC 1952 section 2.3.1)


def unpacked(response: RawResponse) -> RawResponse:
    """Raises Garbled, TooLarge."""
    said = response.headers.get("content-encoding", "").split(",")
    codings = [each for each in map(_plain, said) if each in CODINGS]
    if not codings or not response.body:
        return response
    if len(codings) > 1:  # each may grow a thousandfold unseen
        raise Garbled
    try:
        response.body = _unpack(codings[0], response.body)
    except (zlib.error, struct.error, IndexError, ValueError) as error:
        if isinstance(error, (Garbled, TooLarge)):
            raise
        raise Garbled from None
    return response


def _plain(coding: str) -> str:
    return coding.strip().strip('"').lower()


def _unpack(coding: str, body: bytes) -> bytes:
    if coding in GZIP:
        return _gunzip(body)
    if coding != DEFLATE:
        raise Garbled
    # Some servers have always sent it without zlib's own head.
    has_head = body[0] & 0xF == zlib.DEFLATED
    return _inflated(zlib.decompressobj(zlib.MAX_WBITS if has_head else RAW), body, MAX_BODY)[0]


def _gunzip(body: bytes) -> bytes:
    """Any number of members; the check at the end of the last may be missing, as it is where a
    server or a proxy cuts it off.
    """
    unpacked_bytes, rest = b"", body
    for _ in range(MOST_PARTS):
        inflate = zlib.decompressobj(RAW)
        piece, rest = _inflated(inflate, rest[_head_length(rest) :], MAX_BODY - len(unpacked_bytes))
        trailer, rest = rest[:TRAILER], rest[TRAILER:]
        if len(trailer) == TRAILER and struct.unpack("<I", trailer[:4])[0] != zlib.crc32(piece):
            raise Garbled
        unpacked_bytes += piece
        if not rest.startswith(MAGIC[:2]):  # the end, or padding after it
            return unpacked_bytes
    raise Garbled


def _inflated(inflate: "zlib._Decompress", packed: bytes, most: int) -> tuple[bytes, bytes]:
    """What it was, at most so many bytes, and what follows it."""
    plain = inflate.decompress(packed, most + 1)
    if len(plain) > most:
        raise TooLarge
    if not inflate.eof:
        raise Garbled
    return plain, inflate.unused_data


def _head_length(piece: bytes) -> int:
    """Of a member of a gzip file (RFC 1952 section 2.3)."""
    if not piece.startswith(MAGIC):
        raise Garbled
    flags, length = piece[3], 10
    if flags & FEXTRA:
        length += 2 + struct.unpack_from("<H", piece, length)[0]
    for flag in (FNAME, FCOMMENT):
        if flags & flag:
            length = piece.index(b"\0", length) + 1
    return length + (2 if flags & FHCRC else 0)
