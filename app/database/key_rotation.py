"""Key rotation: every stored token is sealed under the first key, in batches, while we run. And
whether every one opens, which a restored back-up is asked.

Restartable: a sealed value begins with the id of its key. A row that changes meanwhile is sealed
under the first key by whoever changes it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import FORMAT_VERSION, Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.models.account import SecondFactor
from app.models.alert import AlertChannel
from app.models.connection import Grant, OAuthState, Pairing, PushedToken, Revocation

ROWS_AT_ONCE = 200  # rows in one transaction


@dataclass(frozen=True)
class Sealed:
    """A table with sealed columns; `key` is the column that they are bound to."""

    table: Any
    key: str
    columns: tuple[str, ...]

    def old(self, keys: Keys) -> Any:
        """SQL: is any of the columns sealed under another key than the first?"""
        head = bytes([FORMAT_VERSION, len(keys.first)]) + keys.first.encode()
        return or_(
            *(
                func.substr(getattr(self.table, column), 1, len(head)) != cast(head, LargeBinary)
                for column in self.columns
            )
        )


EVERYTHING = (
    Sealed(Grant, "connection_id", ("access_token", "refresh_token", "secrets")),
    Sealed(Revocation, "id", ("token",)),
    Sealed(PushedToken, "id", ("token",)),
    Sealed(Pairing, "id", ("code",)),
    Sealed(OAuthState, "state_hash", ("code_verifier",)),
    Sealed(SecondFactor, "user_id", ("secret",)),
    Sealed(AlertChannel, "id", ("target",)),
)


async def rotate(sessions: Sessions, keys: Keys) -> AsyncIterator[tuple[int, int]]:
    """Yields (rows done, rows to do). Raises UnknownKey when a needed key is missing."""
    async with sessions() as session:
        total = sum([await _count(session, each, keys) for each in EVERYTHING])
    done = 0
    yield done, total
    for sealed in EVERYTHING:
        last = None
        while True:
            async with sessions.begin() as session:
                rows = await _next(session, sealed, keys, last)
                for row in rows:
                    _seal_anew(keys, sealed, row)
            if not rows:
                break
            last = getattr(rows[-1], sealed.key)
            done += len(rows)
            yield done, max(done, total)


async def verify(sessions: Sessions, keys: Keys) -> Counter[str]:
    """Opens every stored value. By table and reason: how many do not open; "": how many do."""
    found: Counter[str] = Counter()
    for sealed in EVERYTHING:
        last = None
        while True:
            async with sessions() as session:
                rows = list(await session.scalars(_in_order(sealed, last)))
            found.update(reason for row in rows for reason in _opened(keys, sealed, row))
            if not rows:
                break
            last = getattr(rows[-1], sealed.key)
    return found


async def missing_keys(session: AsyncSession, keys: Keys) -> dict[str, int]:
    """How many stored values need a key that is not in the ring, by key id."""
    used = await used_keys(session)
    return {key_id: rows for key_id, rows in used.items() if not keys.has(key_id)}


async def used_keys(session: AsyncSession) -> dict[str, int]:
    """How many stored values are sealed under each key, by its id. Reads every row."""
    used: dict[str, int] = {}
    for sealed in EVERYTHING:
        for column in sealed.columns:
            value = getattr(sealed.table, column)
            key_id = key_id_column(value)
            query = select(key_id, func.count()).where(value.is_not(None)).group_by(key_id)
            for raw, rows in await session.execute(query):
                name = raw.decode("ascii", "replace")
                used[name] = used.get(name, 0) + rows
    return used


def key_id_column(value: Any) -> Any:
    """SQL: the id of the key that a sealed value begins with."""
    return func.substr(value, 3, func.get_byte(value, 1))


def binding_of(sealed: Sealed, row: Any) -> object:
    """What a row's sealed values are bound to."""
    bound_to = getattr(row, sealed.key)
    return bound_to.hex() if isinstance(bound_to, bytes) else bound_to


async def _count(session: AsyncSession, sealed: Sealed, keys: Keys) -> int:
    query = select(func.count()).select_from(sealed.table).where(sealed.old(keys))
    return await session.scalar(query) or 0


async def _next(session: AsyncSession, sealed: Sealed, keys: Keys, last: Any) -> list[Any]:
    query = _in_order(sealed, last).where(sealed.old(keys)).with_for_update()
    return list(await session.scalars(query))


def _in_order(sealed: Sealed, last: Any) -> Any:
    """The next rows in the order of the primary key, so that none is read twice."""
    key = getattr(sealed.table, sealed.key)
    query = select(sealed.table).order_by(key).limit(ROWS_AT_ONCE)
    return query if last is None else query.where(key > last)


def _seal_anew(keys: Keys, sealed: Sealed, row: Any) -> None:
    place = binding_of(sealed, row)
    for column in sealed.columns:
        value = getattr(row, column)
        if value is not None:
            token = keys.open(value, sealed.table.__tablename__, place, column)
            setattr(row, column, keys.seal(token, sealed.table.__tablename__, place, column))


def _opened(keys: Keys, sealed: Sealed, row: Any) -> Iterator[str]:
    """For each sealed value of the row: "", or why it does not open."""
    table, place = sealed.table.__tablename__, binding_of(sealed, row)
    for column in sealed.columns:
        if (value := getattr(row, column)) is not None:
            try:
                keys.open(value, table, place, column)
                yield ""
            except SealingError as error:
                yield f"{table}.{column}: {error}"
