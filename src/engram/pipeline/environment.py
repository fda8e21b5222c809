"""The fingerprint of a machine and its packages: what must be the same for a result to come out bit for bit."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import engram

PACKAGES = ("torch", "transformers", "tokenizers", "peft", "safetensors", "numpy", "scikit-learn")


def fingerprint(threads: int, workers: int = 1, precision: str = "fp32", device: str = "cpu") -> dict[str, Any]:
    """Return versions, machine class, threads, training processes, precision and device.

    It stands in checkpoints and certificates.
    """
    return {
        "engram": engram.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": threads,
        "world_size": workers,
        "precision": precision,
        "device": device,
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as stream:
            return next(line.split(":", 1)[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
