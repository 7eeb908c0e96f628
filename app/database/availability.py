"""Is it the database that fails, and not what it was asked? Then the same may work later."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Classes of SQLSTATE: connection, authorization, resources (a full disk), operator, system.
SQLSTATE_CLASSES = ("08", "28", "53", "57", "58")


def is_away(error: BaseException) -> bool:
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError):
        return True
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return str(state or "").startswith(SQLSTATE_CLASSES)


def name_of(error: BaseException) -> str:
    """The driver's own word where there is one; never its text, which may quote what was sent."""
    origin = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    return type(origin or error).__name__
