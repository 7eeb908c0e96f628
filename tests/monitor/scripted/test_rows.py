"""Every scripted failure, end to end: status, cause, whose move, letters, time until it is seen.

Each at a provider of its own, checked every ten minutes. Time is moved.
"""

from functools import partial

import pytest

from app.models.connection import Cause
from tests.monitor.scripted.conftest import OpenWorld
from tests.monitor.scripted.provider import HANG, Asked, Hang, Script, Scripts, renewed, well
from tests.monitor.scripted.rows import BEGINS, ENDS, ROWS, Row, script
from tests.monitor.scripted.world import TIMEOUT, Scene

PARTS = 4  # worlds, so that several processes share the work
OTHERS = {"well": 3, "same": 3, "none": 0}  # connections of two other people
YOURS = {Cause.REVOKED, Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED, Cause.ACCOUNT_CHANGED}


def scripts_of(row: Row) -> Scripts:
    return Scripts(
        _from_then_on(row, script(row.api), well),
        _from_then_on(row, script(row.token or renewed), partial(renewed, life=row.life)),
    )


def _from_then_on(row: Row, then: Script, before: Script) -> Script:
    def answer(asked: Asked) -> bytes | Hang:
        concerned = asked.grant == 0 or row.others == "same"
        return then(asked) if concerned and asked.at >= BEGINS else before(asked)

    return answer


def faults_of(row: Row, scene: Scene) -> list[str]:
    """What is not as the row says."""
    faults = []
    status, cause = scene.at(ENDS)
    if status != row.status or (row.cause and cause != row.cause):
        faults.append(f"is {status} {cause}, should be {row.status} {row.cause}")
    if row.status in ("revoked", "blocked"):
        assert Cause(row.cause or "") in YOURS
    elif asked := scene.ever("revoked", "blocked") & {0}:
        faults.append(f"was asked for something: {asked}")
    if tuple(scene.kinds(0)) != row.letters:
        faults.append(f"letters {scene.kinds(0)}, should be {list(row.letters)}")
    seen = scene.when(row.status, after=BEGINS)
    if row.within is not None and (seen is None or seen > BEGINS + row.within):
        faults.append(f"seen after {seen and seen - BEGINS}, should be within {row.within}")
    return [f"{row.name}: {fault}" for fault in faults]


def test_there_are_enough_rows_and_none_twice() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) >= 160


SILENT = [row for row in ROWS if row.api is HANG]
ANSWERED = [row for row in ROWS if row.api is not HANG]
WORLDS = [(SILENT, 2.0), *((ANSWERED[part::PARTS], TIMEOUT) for part in range(PARTS))]


@pytest.mark.processes
@pytest.mark.parametrize(("rows", "timeout"), WORLDS, ids=range(len(WORLDS)))
async def test_every_row(open_scripted: OpenWorld, rows: list[Row], timeout: float) -> None:
    async with open_scripted(timeout=timeout) as world:
        for row in rows:
            connections = 1 + OTHERS[row.others]
            await world.add(
                row.name,
                scripts_of(row),
                connections,
                min(connections, 3),
                refreshable=row.token is not None,
                life=row.life,
                probe=dict(row.probe),
                **row.entry,
            )
        await world.run(ENDS)
    faults = [fault for row in rows for fault in faults_of(row, world.scenes[row.name])]
    assert not faults, f"{len(faults)} of {len(rows)} rows:\n" + "\n".join(faults)
