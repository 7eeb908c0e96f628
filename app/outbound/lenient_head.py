"""The head of an answer that breaks RFC 9112 in a way that browsers and curl read all the same.

Only what can be read in one way: lines that end with a bare LF, folded lines, the same length said
twice, a length beside chunks (which win, section 6.3), control characters where nothing is framed.
The connection is closed after such an answer, so that one with two framings cannot be taken for
two.
"""

import re

END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
LONGEST_END = 4  # bytes
LINE_END = re.compile(rb"\r?\n")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] [0-9]{3}(?: |$)")
FRAMING = (b"content-length", b"transfer-encoding")
CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2


def split(received: bytes | bytearray, new: int) -> tuple[bytes, bytes] | None:
    """The head without its last empty line, and what follows it; None: it is not whole yet.

    `new`: how many bytes at the end have not been looked at.
    """
    found = END_OF_HEAD.search(received, max(0, len(received) - new - LONGEST_END + 1))
    if found is None:
        return None
    return bytes(received[: found.start()]), bytes(received[found.end() :])


def mended(head: bytes) -> bytes | None:
    """The same head as RFC 9112 wants it, with its empty line; None where nobody can tell."""
    status, *lines = LINE_END.split(head)
    if not STATUS_LINE.match(status) or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        return None
    fields = _unfolded(lines)
    if fields is None:
        return None
    lengths = {each.strip() for value in _values(fields, b"content-length") for each in value}
    is_chunked = [b"chunked"] in [
        [each.strip().lower() for each in value] for value in _values(fields, b"transfer-encoding")
    ]
    kept = [each for each in fields if _name(each) != b"content-length"]
    if not is_chunked and lengths:
        if len(lengths) > 1:
            return None
        kept.append(b"Content-Length: " + lengths.pop())
    return b"\r\n".join([status, *map(_without_controls, kept)]) + b"\r\n\r\n"


def _unfolded(lines: list[bytes]) -> list[bytes] | None:
    fields: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if not fields:
                return None
            fields[-1] += b" " + line.strip()
        elif NAME.fullmatch(line.partition(b":")[0]) and b":" in line:
            fields.append(line)
        else:
            return None
    return fields


def _without_controls(field: bytes) -> bytes:
    return field if _name(field) in FRAMING else CONTROL.sub(b" ", field)


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].lower()


def _values(fields: list[bytes], name: bytes) -> list[list[bytes]]:
    return [each.partition(b":")[2].split(b",") for each in fields if _name(each) == name]
