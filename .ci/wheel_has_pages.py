"""A wheel holds the built pages, and nothing that only lies beside them. Run with the path of the wheel."""

from __future__ import annotations

import re
import sys
import zipfile

UI = "engram/ui/"


def main() -> int:
    """Look into the wheel."""
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        names = {name.removeprefix(UI) for name in wheel.namelist() if name.startswith(UI)}
        index = wheel.read(f"{UI}built/index.html").decode() if "built/index.html" in names else ""
    wanted = {f"built{path}" for path in re.findall(r'(?:src|href)="(/assets/[^"]+)"', index)}
    missing, strange = wanted - names, {name for name in names if not name.startswith("built/")} - {"__init__.py"}
    if not wanted or missing or strange:
        print(f"the wheel's pages: missing {sorted(missing) or 'index.html' * (not wanted)}; strange {sorted(strange)}")
        return 1
    print(f"light install: the wheel holds the pages, {len(names)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
