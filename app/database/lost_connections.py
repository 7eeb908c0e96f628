"""A statement over a connection that PostgreSQL has cut a moment ago is tried once more.

Connections that were idle for a while are tested before use; one that was used just now is not.
When PostgreSQL goes down, that one fails the statement of whoever is next.
"""

import re
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine

READS = re.compile(r"\s*(SELECT|WITH(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b))\b", re.I | re.DOTALL)
LOST = ("08", "57P")  # classes of SQLSTATE: connection exceptions, the server's shutdown


def repeat_once(engine: AsyncEngine, connect_args: dict[str, Any]) -> None:
    """Have the engine do so, over a new connection by `connect_args`, where that repeats nothing.

    So it is with a read outside of transactions, and with the first statement of a transaction:
    nothing of it can have been committed. No row has come yet, as rows are fetched all at once.
    """

    @event.listens_for(engine.sync_engine, "do_execute")
    def _execute(cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> bool:
        adapted: Any = context.root_connection.connection.dbapi_connection
        if not _may_repeat(adapted, statement):
            return False  # SQLAlchemy does it
        try:
            cursor.execute(statement, parameters)
        except context.dialect.loaded_dbapi.Error as error:
            if not _is_lost(adapted, error):
                raise
            _replace(adapted, context, connect_args)
            cursor._connection = adapted.driver_connection
            cursor.execute(statement, parameters)
        return True


def _may_repeat(adapted: Any, statement: str) -> bool:
    if adapted.autocommit:
        return READS.match(statement) is not None
    return adapted._transaction is None  # BEGIN goes with the first statement


def _is_lost(adapted: Any, error: Any) -> bool:
    return adapted.driver_connection.is_closed() or (error.sqlstate or "").startswith(LOST)


def _replace(adapted: Any, context: ExecutionContext, connect_args: dict[str, Any]) -> None:
    """Put a new connection of the driver under SQLAlchemy's, whose transaction has not begun.

    What SQLAlchemy offers instead is to begin anew from outside, in every place that reads.
    """
    fresh: Any = context.dialect.connect(**connect_args)
    if on_connect := context.dialect.on_connect():
        on_connect(fresh)
    adapted.driver_connection.terminate()
    for name in ("_connection", "_prepared_statement_cache", "_invalidate_schema_cache_asof"):
        setattr(adapted, name, getattr(fresh, name))
    adapted._transaction = None
