"""The page of alerts in a real browser: by keyboard, on a telephone, and its notifications."""

import json
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.site import Site
from tests.support.waiting import until

pytestmark = pytest.mark.browser

TELEPHONE = {"width": 390, "height": 844}
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = """async () => {
  const registration = await navigator.serviceWorker.getRegistration("/static/push_worker.js");
  const shown = await registration.getNotifications();
  return shown.map((each) => [each.title, each.body, each.tag, each.data.url]);
}"""


@pytest.mark.parametrize("java_script", [True, False])
async def test_everything_but_notifications_works_without_scripts(
    new_visitor: NewVisitor, java_script: bool
) -> None:
    anna = await new_visitor(java_script_enabled=java_script, viewport=TELEPHONE)
    await anna.sign_up()
    await anna.page.goto("/alerts")
    await expect(anna.page.locator("#push")).to_be_visible(visible=java_script)
    await anna.page.get_by_label("Присылать").select_option("daily")
    await anna.page.get_by_label("Тихие часы с").fill("22:00")
    await anna.page.get_by_label("до", exact=True).fill("08:00")
    await anna.page.get_by_role("button", name="Сохранить").press("Enter")
    await expect(anna.page.get_by_text("Сохранили.")).to_be_visible()
    await expect(anna.page.get_by_label("Присылать")).to_have_value("daily")
    await anna.page.get_by_label("Вебхук").fill("https://example.ru/hook")
    await anna.page.get_by_role("button", name="Добавить вебхук").click()
    await expect(anna.page.locator("#secret")).to_contain_text("whsec_")
    await anna.page.get_by_role("button", name="Убрать").click()
    await expect(anna.page.locator("[data-kind=webhook]")).to_have_count(0)
    await anna.page.locator("[data-kind=email]").get_by_role("button", name="Проверить").click()
    await expect(anna.page.get_by_text("записано в журнал сервера и не придёт")).to_be_visible()
    assert await anna.page.evaluate(TOO_WIDE) <= 0


async def test_a_browser_shows_what_is_pushed_once(new_visitor: NewVisitor, site: Site) -> None:
    """No push service is asked here: what one would bring is handed to the worker."""
    anna = await new_visitor(permissions=["notifications"])
    anna.expects("Push API in incognito mode", "push service")
    await anna.sign_up()
    await anna.page.goto("/alerts")
    devtools = await anna.context.new_cdp_session(anna.page)
    found: list[dict[str, Any]] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(event["registrations"]),
    )
    await devtools.send("ServiceWorker.enable")
    await anna.page.locator("#push").click()

    async def registered() -> bool:
        return any("/static/" in each["scopeURL"] for each in found)

    await until(registered)
    message = {"title": "«Эвотор» снова в сети", "body": "Не работало 18 минут", "tag": "alert-7"}
    message["url"] = f"{site.url}/connections"

    async def shown() -> Any:
        await devtools.send(
            "ServiceWorker.deliverPushMessage",
            {
                "origin": site.url,
                "registrationId": found[-1]["registrationId"],
                "data": json.dumps(message),
            },
        )
        return await anna.page.evaluate(SHOWN)

    assert await until(shown) == [list(message.values())]
    assert await shown() == [list(message.values())]  # the same again is the same
