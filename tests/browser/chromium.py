"""Chromium as people have it, without a window."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

FLAGS = (
    "--no-sandbox",  # it does not start as root otherwise, and all it opens is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Without it pages come back from the back/forward cache, as they do for people.
NOT_FOR_PEOPLE = ("--disable-back-forward-cache",)


def find_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@asynccontextmanager
async def open_chromium(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=FLAGS, ignore_default_args=list(NOT_FOR_PEOPLE)
        )
        try:
            yield browser
        finally:
            await browser.close()
