"""People who are looking: logged in, each with connections at one provider and some open pages."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from quart import Quart
from quart_auth import QuartAuth

from app.history.latency_ring import RING_SIZE

PROVIDER = "evotor"

PEOPLE = """
INSERT INTO users (email, password_hash)
SELECT $2 || n || '@example.ru', '' FROM generate_series(1, $1::int) n RETURNING id
"""
SESSIONS = """
INSERT INTO sessions (id_hash, user_id, expires_at)
SELECT h, u, now() + interval '1 day' FROM unnest($1::bytea[], $2::bigint[]) AS s(h, u)
"""
CONNECTIONS = f"""
INSERT INTO connections (user_id, provider, account, label, status, latency_ms, since, connected_at,
                         last_checked_at, next_check_at, watched_until, check_count,
                         recent_latencies, id)
SELECT u, '{PROVIDER}', 'shop-' || n, 'Магазин № ' || n, 'online', 148, now() - interval '60 days',
       now() - interval '60 days', now(), now() + interval '1 day', now() + interval '2 days',
       {RING_SIZE}, array_fill(600 << 16 | 1 << 15 | 148, ARRAY[{RING_SIZE}]), gen_random_uuid()
FROM unnest($1::bigint[]) u, generate_series(1, $2::int) n RETURNING user_id, id
"""

# What a browser sends along, so that memory is measured with it.
HEADERS = """\
Host: 127.0.0.1\r
Connection: keep-alive\r
sec-ch-ua-platform: "Linux"\r
HX-Request: true\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0\r
Accept: text/event-stream\r
HX-Current-URL: http://127.0.0.1:8000/connections\r
Sec-Fetch-Site: same-origin\r
Sec-Fetch-Mode: cors\r
Sec-Fetch-Dest: empty\r
Referer: http://127.0.0.1:8000/connections\r
Accept-Encoding: gzip, deflate, br, zstd\r
Accept-Language: ru-RU,ru;q=0.9\r
"""


@dataclass(frozen=True)
class Looker:
    user_id: int
    connections: list[UUID]
    request: bytes  # what one of their pages asks for its stream with


async def lookers(url: str, secret: str, people: int, cards: int) -> list[Looker]:
    """New people with a session and so many connections each, all online for 60 days.

    `secret`: what the web process signs its cookies with.
    """
    database = await asyncpg.connect(url)
    try:
        async with database.transaction():
            ids = [row["id"] for row in await database.fetch(PEOPLE, people, secrets.token_hex(4))]
            tokens = [secrets.token_urlsafe(32) for _ in ids]
            hashes = [hashlib.sha256(token.encode()).digest() for token in tokens]
            await database.execute(SESSIONS, hashes, ids)
            own: dict[int, list[UUID]] = {}
            for row in await database.fetch(CONNECTIONS, ids, cards):
                own.setdefault(row["user_id"], []).append(row["id"])
        await database.execute("ANALYZE")
    finally:
        await database.close()
    app = Quart("bench")
    app.secret_key, cookies = secret, QuartAuth(app)
    return [
        Looker(each, own[each], _request(cookies.dump_token(token, app)))
        for each, token in zip(ids, tokens, strict=True)
    ]


def _request(cookie: str) -> bytes:
    line = "GET /connections/stream HTTP/1.1\r\n"
    return f"{line}{HEADERS}Cookie: session={cookie}\r\n\r\n".encode()
