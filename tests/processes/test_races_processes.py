"""Two workers, a web process and checks by hand on the same grants: not one of them is lost.

`python -m bench grant_race` is the same for a minute, and kills a worker as well.
"""

import os
from pathlib import Path

import pytest

from tests.support.race import LIFETIME, open_race

pytestmark = pytest.mark.processes

SECONDS = float(os.environ.get("RACE_SECONDS", "20"))


@pytest.mark.usefixtures("database")
async def test_fifty_rotating_grants_outlive_every_race(database_url: str, tmp_path: Path) -> None:
    async with open_race(database_url, tmp_path) as race:
        await race.run(SECONDS)
        outcome = await race.outcome()
    assert outcome.nothing_lost, outcome
    assert outcome.connections == 50
    # On a busy machine less often than each token ends, but often.
    assert outcome.refreshes > outcome.connections * SECONDS / LIFETIME / 4, outcome
