"""The fingerprint of a machine and its packages: what must be the same for a result to come out bit for bit."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import engram
from engram.files import sha256_bytes, sha256_file
from engram.settings import load_settings

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "safetensors",
    "numpy",
    "scikit-learn",
    "soundfile",
    "soxr",
    "pillow",
    "pycocotools",
    "gymnasium",
    "stable-baselines3",
)


def fingerprint(threads: int, workers: int = 1, precision: str = "fp32", device: str = "cpu") -> dict[str, Any]:
    """Return versions, machine class, threads, training processes, precision and device; and the plugins, if any may
    be loaded, each with the digest of its files.

    It stands in checkpoints and certificates, and by these in the ledger.
    """
    plugins = {name: digest_of(name) for name in load_settings().plugins}
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
        **({"plugins": plugins} if plugins else {}),
    }


def digest_of(name: str) -> str:
    """Return the digest of an installed package's files, as they lie there now; empty when it is not installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return ""
    places = {str(path): Path(str(path.locate())) for path in found.files or ()}
    lines = [
        f"{sha256_file(place)}  {path}\n"
        for path, place in sorted(places.items())
        if place.is_file() and place.suffix != ".pyc"
    ]
    return sha256_bytes("".join(lines).encode())


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
