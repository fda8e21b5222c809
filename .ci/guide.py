"""The lines of docs/server.md, as one script: what is in its ```bash blocks, in their order."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "server.md"


def script() -> str:
    """Return the script."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))
