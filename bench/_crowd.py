"""Any number of connections with sealed tokens of their own, due over one interval."""

from collections.abc import Iterator
from uuid import UUID

import asyncpg

from app.sealing import Keys

EACH = 10  # connections of one person
PIECE = 50_000  # rows of one COPY

PEOPLE = (
    "INSERT INTO users (email, password_hash) SELECT 'p' || n, '' FROM generate_series(1, $1) n"
)
ROWS = f"""
INSERT INTO connections (id, user_id, provider, status, last_checked_at, next_check_at,
                         watched_until)
SELECT lpad(to_hex(n), 32, '0')::uuid,
       (SELECT min(id) FROM users) + (n - 1) / {EACH}, $1, 'online',
       now() - interval '60 seconds', now() - interval '60 seconds' * random(),
       now() + interval '1 day'
FROM generate_series($2::int, $3::int) n
"""


async def fill(url: str, keys: Keys, provider: str, count: int) -> None:
    """`count` connections that are all due."""
    database = await asyncpg.connect(url)
    try:
        await database.execute(PEOPLE, count // EACH + 1)
        await database.execute(ROWS, provider, 1, count)
        for first in range(1, count + 1, PIECE):
            await database.copy_records_to_table(
                "grants",
                records=_grants(keys, first, min(first + PIECE, count + 1)),
                columns=["connection_id", "access_token", "refresh_token"],
            )
        await database.execute("VACUUM ANALYZE connections")
        await database.execute("VACUUM ANALYZE grants")
    finally:
        await database.close()


def _grants(keys: Keys, first: int, end: int) -> Iterator[tuple[UUID, bytes, bytes]]:
    for number in range(first, end):
        own = UUID(int=number)
        yield (
            own,
            keys.seal(f"access-{number}", "grants", own, "access_token"),
            keys.seal(f"refresh-{number}", "grants", own, "refresh_token"),
        )
