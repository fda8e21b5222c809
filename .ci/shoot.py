"""Photograph every page in both themes at three widths into a folder: ``.ci/shoot.py FOLDER``.

The pages must be built; the server is one of this process with something to show on every page, thrown away at the end.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support import browsing  # noqa: E402
from support.furnished import PASSWORD, furnished  # noqa: E402
from support.pages import addresses  # noqa: E402

WIDTHS = (browsing.WIDE, browsing.NARROW, browsing.NARROWEST)


def named(address: str) -> str:
    """Return the name of a picture.

    >>> named("/"), named("/runs/{run}?tab=logs")
    ('overview', 'runs-run-tab-logs')
    """
    return re.sub(r"\W+", "-", address).strip("-") or "overview"


def main(folder: Path) -> None:
    """Photograph everything, signing in and the first password first."""
    if reason := browsing.why_not():
        sys.exit(f"No pictures can be taken: {reason}.")
    with tempfile.TemporaryDirectory() as home, browsing.browser() as browser, furnished(Path(home)) as house:
        for theme in ("dark", "light"):
            for who, at in (("", ["/"]), ("new", ["/"]), ("root", addresses())):
                with browsing.visitor(browser, house.url, theme=theme, allowed=browsing.WHO_AM_I) as one:
                    if who:
                        one.sign_in(who, PASSWORD)
                    for address in at:
                        name = {"": "sign-in", "new": "first-password"}.get(who, named(address))
                        one.open(address.format(**vars(house)))
                        for width in WIDTHS:
                            one.resize(width)
                            one.shoot(folder / f"{name}-{theme}-{width}.png")
                        print(f"{name} {theme}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
