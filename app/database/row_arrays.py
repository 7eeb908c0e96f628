"""Many rows as the parameters of one statement: an array for each column."""

from collections.abc import Mapping


def unnest(alias: str, types: Mapping[str, str]) -> str:
    """SQL for a FROM clause: rows named `alias`, whose columns have these names and SQL types.

    The statement takes one array for each column, in a parameter that is named like the column.
    """
    arrays = ", ".join(f"CAST(:{name} AS {sql_type}[])" for name, sql_type in types.items())
    return f"unnest({arrays}) AS {alias}({', '.join(types)})"
