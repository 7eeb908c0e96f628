"""The `error` of an answer (RFC 6749 sections 4.1.2.1 and 5.2), and what in it means none."""

from collections.abc import Mapping

NO_ERROR = ("", "0", "false", "none", "null", "undefined")


def has_error(answer: Mapping[str, object]) -> bool:
    """Providers write `"error": null`, `""` or `false` beside a code or a token."""
    return str(answer.get("error") or "").strip().lower() not in NO_ERROR
