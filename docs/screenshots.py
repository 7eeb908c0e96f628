"""The README's pictures, taken from a running demo: `.venv/bin/python -m docs.screenshots`.

Wants `python3 -m app` running on its usual ports, and the packages of requirements-dev.txt.
"""

import asyncio
import os
import secrets
import shutil
from pathlib import Path

import httpx
from playwright.async_api import Page, async_playwright

DASHBOARD = "http://127.0.0.1:8000"
SANDBOX = "http://localhost:8001"
IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
PROVIDERS = ("evotor", "sklad", "dostavka")


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await _sign_up(page)
        for provider in PROVIDERS:
            await _connect(page, provider)
        await _break("sklad", "unpaid")
        await _break("dostavka", "error")
        await page.wait_for_selector("[data-provider=dostavka][data-status=offline]")
        await page.wait_for_selector("[data-provider=sklad][data-status=blocked]")
        await page.goto(f"{DASHBOARD}/connections")
        await page.wait_for_selector("html[data-link=live]")
        await _shoot(page, "connections-light", "light", 1280)
        await _shoot(page, "connections-dark-phone", "dark", 390)
        await browser.close()
    for provider in PROVIDERS:
        await _break(provider, "ok")


async def _sign_up(page: Page) -> None:
    await page.goto(f"{DASHBOARD}/signup")
    await page.fill("#email", f"shop-{secrets.token_hex(3)}@example.ru")
    await page.fill("#password", secrets.token_urlsafe(12))
    await page.click("form[action='/signup'] button")
    await page.wait_for_url("**/connections")


async def _connect(page: Page, provider: str) -> None:
    await page.click(f"#connect-{provider}")
    await page.click("button[value=allow]")
    await page.wait_for_selector(f"[data-provider={provider}][data-status=online]")


async def _break(client: str, mode: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{SANDBOX}/control", json={"mode": mode, "client": client})
        answer.raise_for_status()


async def _shoot(page: Page, name: str, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": width, "height": 800})
    await page.wait_for_timeout(400)
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main())
