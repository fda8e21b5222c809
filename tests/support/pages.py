"""The pages of the application, as the table in ``ui/src/pages.ts`` names them, and an address of each to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.browsing import ROOT

TABLE = ROOT / "ui" / "src" / "pages.ts"
ROW = re.compile(r'\{\s*path: "([^"]+)", name: "([^"]+)", group: (?:"(\w+)"|null),')
# Where the path of a page has an open place, and where one page has several faces: names that a `Furnished` knows.
ADDRESSES: dict[str, tuple[str, ...]] = {
    "/runs/$run": (
        "/runs/{run}",
        "/runs/{run}?tab=config",
        "/runs/{run}?tab=data",
        "/runs/{run}?tab=reports",
        "/runs/{run}?tab=samples",
        "/runs/{run}?tab=artifacts",
        "/runs/{run}?tab=provenance",
        "/runs/{running}",
        "/runs/{running}?tab=logs",
        "/runs/{waiting}",
        "/runs/{refused}",
    ),
    "/compare": ("/compare?a={run}&b={other}",),
}


@dataclass(frozen=True)
class Page:
    """A row of the table. group: where the navigation has it; None where it is not there."""

    path: str
    name: str
    group: str | None


def pages() -> list[Page]:
    """Return the rows of the table; raises AssertionError when one of them can't be read here."""
    text = TABLE.read_text(encoding="utf-8")
    found = [Page(path, name, group or None) for path, name, group in ROW.findall(text)]
    written = len(re.findall(r"\.\.\.page\(", text))
    assert len(found) == written, f"{TABLE.name} has {written} pages, and {len(found)} of them are understood here"
    return found


def addresses() -> list[str]:
    """Return what is to be opened, page by page; raises AssertionError for an open place that nothing fills."""
    found = [(page.path, ADDRESSES.get(page.path, (page.path,))) for page in pages()]
    open_ones = [path for path, at in found if any("$" in one for one in at)]
    assert not open_ones, f"give these pages an address in {__name__}: {open_ones}"
    return [one for _, at in found for one in at]
