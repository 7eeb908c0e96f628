"""One process that tells people and nothing else, with settings from its environment.

Quicker than ours in between, and without checks: transitions are what a test makes.
"""

import asyncio
import os

from app.alerts.worker import AlertWorker, alerting, alerting_of
from app.background import forever, running
from app.config import NEEDED_BY_WORKER, read_settings
from app.monitor.setup import open_checker

PAUSE = 0.03  # seconds


async def work() -> None:
    settings = read_settings(os.environ, NEEDED_BY_WORKER)
    async with open_checker(settings) as checker:
        alerts: AlertWorker = alerting_of(settings, checker)
        async with alerting(alerts, PAUSE), running(forever(alerts.tidy, PAUSE)):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work())
