"""Engram trains specialist models, admits those that pass their gates, and certifies each one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engram.client.clients import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the SDK when somebody asks for it: importing the package brings nothing else."""
    if name in ("Client", "AsyncClient"):
        from engram.client import clients

        return getattr(clients, name)
    raise AttributeError(f"module 'engram' has no attribute {name!r}")
