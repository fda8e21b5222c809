"""The launcher's parts are imported as run_all.py imports them, from the repository's root."""

from __future__ import annotations

import sys

from house.tree import ROOT

if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))
