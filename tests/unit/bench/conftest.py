"""The races are imported as `engram bench` runs them, from their own folder."""

from __future__ import annotations

import sys

from house.tree import ROOT

if str(ROOT / "benchmarks") not in sys.path:
    sys.path.append(str(ROOT / "benchmarks"))
