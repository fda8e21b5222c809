"""Write the OpenAPI document of the server, messages of `/ws` too, to a file: ``.ci/openapi.py ui/openapi.json``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from engram.server.app import create_app
from engram.server.main import open_platform
from engram.settings import load_settings


def main(path: Path) -> None:
    """Make an application in a home that is thrown away, and write what it says about itself."""
    with tempfile.TemporaryDirectory() as home:
        opened = open_platform(load_settings({"ENGRAM_HOME": home}), "http://127.0.0.1:1")
        with opened as (platform, _):
            document = create_app(platform).openapi()
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
