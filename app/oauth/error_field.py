"""The `error` of an answer (RFC 6749 sections 4.1.2.1 and 5.2), and what in it means none."""

import re
from collections.abc import Mapping

NO_ERROR = ("", "0", "false", "none", "null", "undefined")
LONGEST_WORD = 100  # characters; a code is shorter
CODE_KEYS = ("code", "type", "error")  # where `error` is an object
BEFORE_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
BETWEEN_WORDS = re.compile(r"[\s-]+")


def has_error(answer: Mapping[str, object]) -> bool:
    """Providers write `"error": null`, `""` or `false` beside a code or a token."""
    return str(answer.get("error") or "").strip().lower() not in NO_ERROR


def error_word(answer: Mapping[str, object]) -> str:
    """Its code, spelled as the RFCs spell theirs; "" where there is none."""
    said = answer.get("error") if has_error(answer) else None
    if isinstance(said, list):
        said = said[0] if said else None
    if isinstance(said, dict):
        texts = (said.get(key) for key in CODE_KEYS)
        said = next((each for each in texts if isinstance(each, str) and each), None)
    return spelled(str(said)) if isinstance(said, (str, int)) else ""


def spelled(word: str) -> str:
    """`InvalidGrant`, `INVALID-GRANT` and `invalid grant` are `invalid_grant`."""
    parted = BEFORE_CAPITAL.sub("_", word[:LONGEST_WORD].strip())
    return BETWEEN_WORDS.sub("_", parted).lower()
