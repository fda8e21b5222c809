"""A small build of the pages, as the bundler leaves one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

INDEX = b'<!doctype html><title>Engram</title><script type="module" src="/assets/index-AbCd1234.js"></script>'
SCRIPT = b"document.title = 'pages';" * 40
FONT = b"wOF2\0\1\2"


def make_build(folder: Path) -> Path:
    """Write a build into the folder `built` of a folder, and return the latter."""
    assets = folder / "built" / "assets"
    assets.mkdir(parents=True)
    (folder / "built" / "index.html").write_bytes(INDEX)
    for name, body in (("index-AbCd1234.js", SCRIPT), ("theme.js", SCRIPT[:25]), ("inter-Ab12Cd34.woff2", FONT)):
        (assets / name).write_bytes(body)
    (assets / "index-AbCd1234.js.gz").write_bytes(gzip.compress(SCRIPT))
    immutable = ["assets/index-AbCd1234.js", "assets/inter-Ab12Cd34.woff2"]
    (folder / "built" / "files.json").write_text(json.dumps({"format": "engram.ui/1", "immutable": immutable}))
    return folder
