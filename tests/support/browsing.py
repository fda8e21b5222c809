"""Chromium for tests: pages in a theme and a size, signed in where that is wanted, and watched for what must not be.

Tests that need it are left out, with the reason, where there is no Chromium or where the pages are not built. With
ENGRAM_BROWSER=required, as `.ci/run` says, they fail there instead.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Response

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
# Nothing of these reaches the network by itself: a request that leaves the machine is then the page's own.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
# What never ends, as the pulse of what is live, is not waited for; what is broken off has ended.
ENDED = """() => Promise.all(document.getAnimations()
  .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime ?? Infinity))
  .map((one) => one.finished.catch(() => null))).then(() => true)"""
WIDE, NARROW, NARROWEST = 1440, 390, 320
HEIGHTS = {WIDE: 900, NARROW: 844, NARROWEST: 640}
PATIENCE_MS = 60_000
# A page that asks who is signed in, while nobody is, hears 401, and so it should.
WHO_AM_I = re.compile(r"/api/v1/(users/me|sessions/refresh)$")


def why_not() -> str:
    """Return why no page can be opened here, or an empty string."""
    if find_spec("playwright") is None:
        return "the Python package playwright is not installed"
    if chromium() is None:
        return "Chromium is not installed: no program chromium, chromium-browser or google-chrome"
    if not built():
        return "the pages are not built, and `./start.sh` builds them"
    if not AXE.is_file():
        return "what the pages are built with is not installed: no ui/node_modules/axe-core"
    return ""


def chromium() -> str | None:
    """Return the path of the browser, or None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def built() -> bool:
    """Tell whether the server has pages to show."""
    import engram

    return (Path(engram.__file__).parent / "ui" / "built" / "index.html").is_file()


def need() -> None:
    """Leave the test out where no page can be opened; fail it where one must be."""
    if reason := why_not():
        if os.environ.get("ENGRAM_BROWSER") == "required":
            pytest.fail(f"Pages must be tested here, and can't be: {reason}.")
        pytest.skip(reason)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium, and end it with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield one
        one.close()


@dataclass
class Watch:
    """What a page did that no page may. own: host and port of the server; allowed: of console errors, by their URL."""

    own: str
    allowed: re.Pattern[str] | None = None
    errors: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        """Watch a page from now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def take(self) -> list[str]:
        """Return what was seen since the last call, in words."""
        found = [*self.errors, *(f"asked another machine: {url}" for url in self.abroad)]
        self.errors.clear()
        self.abroad.clear()
        return found

    def _said(self, message: Any) -> None:
        url = str(message.location.get("url", ""))
        if message.type == "error" and not (self.allowed and self.allowed.search(url)):
            self.errors.append(f"console: {message.text} ({url})")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.own:
            self.abroad.append(url)


class Visitor:
    """One person's browser window. watch: what must not be, of everything it opens."""

    def __init__(self, context: BrowserContext, url: str, watch: Watch) -> None:
        self.context, self.url, self.watch = context, url, watch
        self.page = context.new_page()

    def sign_in(self, name: str, password: str) -> None:
        """Sign in as the page does; the cookies are this window's."""
        asked = {"name": name, "password": password, "cookie": True}
        assert self.send("POST", "/sessions", asked) == 201

    def send(self, method: str, path: str, body: Any = None) -> int:
        """Call the API with this window's cookies, as a script of the page would, and return the status."""
        where = f"{self.url}/api/v1{path}"
        return self.context.request.fetch(where, method=method, data=body, headers={"Origin": self.url}).status

    def open(self, path: str) -> Response | None:
        """Open a page and wait until what it shows is there."""
        said = self.page.goto(self.url + path)
        self.settle()
        return said

    def settle(self) -> None:
        """Wait until the page has its heading, waits for nothing more, has its fonts, and no colour changes now."""
        self.page.wait_for_function(
            "() => document.querySelector('h1') && !document.querySelector('[aria-label=Loading]')"
        )
        self.page.evaluate("() => document.fonts.ready.then(() => true)")
        self.page.evaluate(ENDED)

    def resize(self, width: int) -> None:
        """Make the window as wide as one of the three sizes, and let the page follow."""
        self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def shoot(self, path: Path) -> None:
        """Save a picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)


@contextmanager
def visitor(
    browser: Browser, url: str, *, theme: str = "dark", width: int = WIDE, allowed: re.Pattern[str] | None = None
) -> Iterator[Visitor]:
    """Open a window of a new person in a theme and a size; what it did that it must not fails the test at the end."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]}, reduced_motion="reduce", locale="en-GB"
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(f"try {{ localStorage.setItem('theme', '{theme}') }} catch {{}}")
    watch = Watch(urlsplit(url).netloc, allowed)
    context.on("page", watch.on)
    try:
        yield Visitor(context, url, watch)
    finally:
        context.close()
    nothing(watch.take())


def nothing(problems: list[str]) -> None:
    """Fail with each problem on a line of its own."""
    assert not problems, "\n" + "\n".join(problems)
