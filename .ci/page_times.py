"""Measure how soon pages are there: first contentful paint, and when the page of a run can be used, on the loopback.

The goals are 600 ms and 1 s. Each figure is the median of several first visits with an empty cache. With FOLDER as its
argument the figures are written there too, as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support import browsing  # noqa: E402
from support.furnished import PASSWORD, Furnished, furnished  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VISITS = 7
PAINT_MS, USABLE_MS = 600, 1000
# A run can be used when its chart is drawn and its tabs are there; the frame after that has been painted.
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
USABLE = """() => document.querySelector('.chart canvas, .chart svg') && document.querySelector('[role=tab]')
  && !document.querySelector('[aria-label=Loading]')"""
NOW = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"


def visit(browser: Browser, house: Furnished, cookies: Any, address: str) -> tuple[float, float]:
    """Return, in milliseconds since the address was entered, when something was painted and when all can be used."""
    with browsing.visitor(browser, house.url) as one:
        one.context.add_cookies(cookies)  # signing in as often as this would be stopped as guessing
        one.page.goto(house.url + address, wait_until="commit")
        one.page.wait_for_function(USABLE if address.startswith("/runs/") else "() => document.querySelector('h1')")
        usable = one.page.evaluate(NOW)
        return float(one.page.evaluate(PAINT)), float(usable)


def main(folder: Path | None) -> None:
    """Print the figures."""
    if reason := browsing.why_not():
        sys.exit(f"Nothing can be measured: {reason}.")
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as home, browsing.browser() as browser, furnished(Path(home)) as house:
        with browsing.visitor(browser, house.url) as one:
            one.sign_in("root", PASSWORD)
            cookies = one.context.cookies()
        for name, address in (("Overview", "/"), ("Runs", "/runs"), ("Run", f"/runs/{house.run}")):
            visits = [visit(browser, house, cookies, address) for _ in range(VISITS)]
            paint, usable = (statistics.median(one) for one in zip(*visits, strict=True))
            figures[name] = {"first_contentful_paint_ms": paint, "usable_ms": usable}
            print(f"{name}: first contentful paint {paint:.0f} ms, usable after {usable:.0f} ms")
    slowest = max(one["first_contentful_paint_ms"] for one in figures.values())
    print(f"goal: paint in {PAINT_MS} ms: {'met' if slowest < PAINT_MS else 'missed'} ({slowest:.0f})")
    run = figures["Run"]["usable_ms"]
    print(f"goal: the page of a run usable in {USABLE_MS} ms: {'met' if run < USABLE_MS else 'missed'} ({run:.0f})")
    if folder:
        (folder / "page_times.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
