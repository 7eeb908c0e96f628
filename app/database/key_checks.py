"""A check value for every key id, so that the same id with other bytes is found at the start.

Without it a wrong key is found one token at a time, by checks that fail.
"""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.database.key_rotation import EVERYTHING, Sealed, binding_of, key_id_column, used_keys
from app.errors import SealingError
from app.models.token_key import TokenKey


async def keys_with_other_bytes(session: AsyncSession, keys: Keys) -> list[str]:
    """Ids of the ring that stored values were sealed under with other bytes.

    Check values of ids that are new, or that nothing is sealed under, are written.
    """
    stored = {row.id: row.check_value for row in await session.scalars(select(TokenKey))}
    new = [each for each in keys.ids if stored.get(each) != keys.check_value(each)]
    used = await used_keys(session) if new else {}
    wrong = [
        each
        for each in new
        if used.get(each)
        and (each in stored or not await _opens_what_it_sealed(session, keys, each))
    ]
    for each in new:
        if each not in wrong:
            await _write(session, each, keys.check_value(each))
    return sorted(wrong)


async def _write(session: AsyncSession, key_id: str, check_value: bytes) -> None:
    row = insert(TokenKey).values(id=key_id, check_value=check_value)
    await session.execute(
        row.on_conflict_do_update(index_elements=["id"], set_={"check_value": check_value})
    )


async def _opens_what_it_sealed(session: AsyncSession, keys: Keys, key_id: str) -> bool:
    """Of a database from before there were check values: tried with one value."""
    for sealed in EVERYTHING:
        for column in sealed.columns:
            if (row := await _one_sealed(session, sealed, column, key_id)) is not None:
                return _opens(keys, sealed, column, row)
    return True


async def _one_sealed(session: AsyncSession, sealed: Sealed, column: str, key_id: str) -> Any:
    value = getattr(sealed.table, column)
    query = select(sealed.table).where(key_id_column(value) == func.convert_to(key_id, "UTF8"))
    return await session.scalar(query.limit(1))


def _opens(keys: Keys, sealed: Sealed, column: str, row: Any) -> bool:
    table, place = sealed.table.__tablename__, binding_of(sealed, row)
    try:
        keys.open(getattr(row, column), table, place, column)
    except SealingError:
        return False
    return True
