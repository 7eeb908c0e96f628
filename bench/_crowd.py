"""Any number of connections with sealed tokens of their own."""

from collections.abc import Iterator
from uuid import UUID

import asyncpg

from app.database.encryption import Keys

EACH = 10  # connections of one person
PIECE = 50_000  # rows of one COPY

OVERDUE = "now() - interval '60 seconds' * random()"
LOOKED = "now() - interval '60 seconds'"
WATCHED = "now() + interval '1 day'"

PEOPLE = """
INSERT INTO users (email, password_hash)
SELECT $1 || n, '' FROM generate_series(1, $2::int) n RETURNING id
"""
ROWS = f"""
INSERT INTO connections (id, user_id, provider, status, last_checked_at, next_check_at,
                         watched_until)
SELECT lpad(to_hex($3::int + n), 32, '0')::uuid, $2::int + (n - 1) / {EACH}, $1, 'online',
       {{looked}}, {{due}}, {{watched}}
FROM generate_series(1, $4::int) n
"""


async def fill(
    url: str,
    keys: Keys,
    provider: str,
    count: int,
    due: str = OVERDUE,
    after: int = 0,
    looked: str = LOOKED,
    watched: str = WATCHED,
) -> None:
    """`count` connections, numbered from `after` + 1. SQL: when each one's next check is due, when
    its last one was, and until when it counts as watched.
    """
    database = await asyncpg.connect(url)
    try:
        people = await database.fetch(PEOPLE, provider, count // EACH + 1)
        first_id = min(each["id"] for each in people)
        rows = ROWS.format(due=due, looked=looked, watched=watched)
        await database.execute(rows, provider, first_id, after, count)
        for first in range(after + 1, after + count + 1, PIECE):
            await database.copy_records_to_table(
                "grants",
                records=_grants(keys, first, min(first + PIECE, after + count + 1)),
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
