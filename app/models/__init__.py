"""The tables, a file for each domain; no queries. Times are the database's, with zone."""

from app.models import (
    account,
    alert,
    audit,
    connection,
    history,
    live_process,
    monitor,
    token_key,
)

__all__ = [
    "account",
    "alert",
    "audit",
    "connection",
    "history",
    "live_process",
    "monitor",
    "token_key",
]
