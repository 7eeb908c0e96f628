"""CSV files that Russian Excel opens with a double click: cells are separated by semicolons,
numbers have a decimal comma, and a byte order mark says that it is UTF-8.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from quart import Response

MARK = "\ufeff"
# A formula at the start of a cell, whichever separator the reading program splits cells by.
FORMULA = re.compile(r"""(^|[,;|"'])(\s*[=+\-@＝＋－＠])""")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A file `name`.csv with these rows."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow(headings)
    writer.writerows([cell(value) for value in row] for row in rows)
    answer = Response(MARK + file.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def cell(value: object) -> str:
    """Text that no spreadsheet takes for a formula; times to the second, with their offset."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, float):
        return f"{value:.2f}".replace(".", ",")
    return _harmless(str(value))


@lru_cache(maxsize=4_096)
def _harmless(text: str) -> str:
    """Cached, because the same few names and answers stand in every row."""
    return FORMULA.sub(r"\1'\2", CONTROL.sub(" ", text))
