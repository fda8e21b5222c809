"""Engram trains specialist models, admits those that pass their gates, and certifies each one."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
SDK = ("AsyncClient", "Client")


def __getattr__(name: str) -> Any:
    """Import the SDK when somebody asks for it: importing the package brings nothing else, and draws no arrow."""
    if name in SDK:
        return getattr(importlib.import_module("engram.client.clients"), name)
    raise AttributeError(f"module 'engram' has no attribute {name!r}")
