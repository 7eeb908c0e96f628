"""Tells errors of an unavailable database, which may be tried again, from other errors."""

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
    """The name of the driver's exception; never its text, which may quote parameters."""
    origin = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    return type(origin or error).__name__
