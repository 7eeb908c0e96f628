"""Which processes live, and which token keys they know: asked before tokens are sealed anew."""

import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import all_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.live_process import LiveProcess

PROCESS_GONE = timedelta(minutes=1)  # unseen for so long: it was killed
PROCESS_FORGOTTEN = timedelta(hours=1)  # rows of killed processes are kept for so long


async def touch(session: AsyncSession, process_id: UUID, role: str, key_ids: Sequence[str]) -> None:
    """Write that it lives, the first time as every other."""
    name = f"{role} {os.getpid()} on {socket.gethostname()}"
    row = insert(LiveProcess).values(id=process_id, name=name, key_ids=list(key_ids))
    await session.execute(
        row.on_conflict_do_update(index_elements=["id"], set_={"seen_at": func.now()})
    )


async def remove(session: AsyncSession, process_id: UUID) -> None:
    await session.execute(delete(LiveProcess).where(LiveProcess.id == process_id))


async def without_key(session: AsyncSession, key_id: str) -> list[str]:
    """Names of the live processes that could not open what is sealed under this key."""
    query = select(LiveProcess.name).where(
        LiveProcess.seen_at > func.now() - PROCESS_GONE,
        literal(key_id) != all_(LiveProcess.key_ids),
    )
    return list(await session.scalars(query.order_by(LiveProcess.name)))


async def forget_dead_processes(session: AsyncSession) -> None:
    gone = LiveProcess.seen_at < func.now() - PROCESS_FORGOTTEN
    await session.execute(delete(LiveProcess).where(gone))
