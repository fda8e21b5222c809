"""A person who has no mouse: keys only, and she goes where Tab and the arrows lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MOST_STEPS = 120
HERE = "(one) => one === document.activeElement"


class Keyboard:
    """Types into a page, and never touches anything that the focus has not reached."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, *names: str) -> None:
        """Press keys one after another."""
        for name in names:
            self._page.keyboard.press(name)

    def write(self, text: str, *then: str) -> None:
        """Type a text into whatever has the focus, then press keys."""
        self._page.keyboard.type(text)
        self.press(*then)

    def tab_to(self, role: Any, name: str | re.Pattern[str], *, backwards: bool = False) -> None:
        """Press Tab until the focus is on what has a role and a name; raises AssertionError when it never is."""
        exact = {"exact": True} if isinstance(name, str) else {}
        self._go(self._page.get_by_role(role, name=name, **exact).first, "Shift+Tab" if backwards else "Tab")

    def tab_to_css(self, selector: str) -> None:
        """Press Tab until the focus is on the first element of a selector; raises AssertionError likewise."""
        self._go(self._page.locator(selector).first, "Tab")

    def go_to(self, role: Any, name: str, key: str = "ArrowRight") -> None:
        """Press an arrow until the focus is on what has a role and a name; raises AssertionError likewise."""
        self._go(self._page.get_by_role(role, name=name, exact=True).first, key)

    def _go(self, there: Locator, key: str) -> None:
        there.wait_for(state="attached")
        for _ in range(MOST_STEPS):
            if there.evaluate(HERE):
                return
            self._page.keyboard.press(key)
        raise AssertionError(f"{MOST_STEPS} times {key} never led to {there}")
