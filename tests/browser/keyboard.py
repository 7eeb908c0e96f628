"""Somebody with a keyboard only: focus is seen wherever it goes, and no change takes it away."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

FARTHEST = 40  # presses of the Tab key after which a thing counts as out of reach
FOCUS = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const { left, top, width, height } = element.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return {
    name: element.getAttribute("aria-label") || element.innerText || element.name || element.id,
    lost: element === document.body,
    ringed: element.matches(":focus-visible") && (ring || style.boxShadow !== "none"),
    open: !!there && (element.contains(there) || there.contains(element)),
  };
}"""
# When a change of the page leaves nothing focused, the browser complains, which fails the test.
COMPLAIN_OF_LOST_FOCUS = """(() => {
  let focused = null;
  const look = ({ type }) => requestAnimationFrame(() => setTimeout(() => {
    if (!focused || document.activeElement !== document.body) return;
    console.error(`focus lost from ${focused} after ${type}`);
  }));
  addEventListener("focusin", ({ target }) => { focused = target.outerHTML.slice(0, 200); });
  for (const name of ["htmx:sse:after:message", "htmx:finally:request", "close"])
    addEventListener(name, look, true);
})();"""


@dataclass(frozen=True)
class Keyboard:
    page: Page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def to(self, name: str, key: str = "Tab") -> None:
        """Tab (or Shift+Tab) to what is called so; whatever is passed has to show its focus."""
        for _ in range(FARTHEST):
            await self.press(key)
            focus: dict[str, Any] = await self.page.evaluate(FOCUS)
            assert focus["lost"] or (focus["ringed"] and focus["open"]), focus
            if name in focus["name"]:
                return
        raise AssertionError(f"no way to {name} by keyboard")
