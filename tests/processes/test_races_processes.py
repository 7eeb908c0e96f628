"""Two workers, a web process and checks by hand on the same grants: not one of them is lost.

`python -m bench grant_race` is the same for a minute, and kills a worker as well.
"""

from pathlib import Path

import pytest

from tests.support.race import open_race

pytestmark = pytest.mark.processes

TIMES = 4  # that each grant is refreshed, on average


@pytest.mark.usefixtures("database")
async def test_fifty_rotating_grants_outlive_every_race(database_url: str, tmp_path: Path) -> None:
    async with open_race(database_url, tmp_path) as race:
        await race.run_until_refreshed(TIMES)
        await race.stop()
        assert await race.in_doubt() == []
        outcome = await race.outcome()
    assert outcome.nothing_lost, outcome
    assert outcome.connections == 50
    assert outcome.refreshes >= TIMES * outcome.connections
