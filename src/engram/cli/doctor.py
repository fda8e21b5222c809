"""`engram doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from engram.cli import output

OLDEST_PYTHON = (3, 11)
NEED_RAM_GB, NEED_DISK_GB = 4, 10
GB = 1000**3
NOT_OURS_TO_READ = 0o077
EXTRAS = {
    "train": ("torch", "transformers", "peft", "safetensors", "sklearn", "scipy", "psutil"),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "dev": ("pytest", "ruff", "mypy", "importlinter", "hypothesis"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    state: ok, missing (required) or absent (optional). mend: what to do about it.
    """

    what: str
    state: Literal["ok", "missing", "absent"]
    found: str
    mend: str = ""


def check_python(version: tuple[int, int]) -> Finding:
    """Look at the Python version.

    >>> check_python((3, 12)).state
    'ok'
    """
    said = f"Python {version[0]}.{version[1]}"
    if version >= OLDEST_PYTHON:
        return Finding("python", "ok", said)
    return Finding("python", "missing", f"{said}; 3.11 or newer is needed", "Install Python 3.11, then ./start.sh demo")


def check_ram(total_bytes: int | None) -> Finding:
    """Look at the memory of the machine; None where it can't be told."""
    if total_bytes is None:
        return Finding("memory", "absent", "can't be told on this system", f"Make sure of {NEED_RAM_GB} GB")
    said = f"{total_bytes / GB:.1f} GB"
    if total_bytes >= NEED_RAM_GB * GB:
        return Finding("memory", "ok", said)
    return Finding("memory", "missing", f"{said}; {NEED_RAM_GB} GB are needed", "Use a machine with more memory")


def check_disk(free_bytes: int, folder: Path) -> Finding:
    """Look at the free disk space where the home is."""
    said = f"{free_bytes / GB:.1f} GB free at {folder}"
    if free_bytes >= NEED_DISK_GB * GB:
        return Finding("disk", "ok", said)
    mend = "Free some space, or: export ENGRAM_HOME=/a/larger/disk"
    return Finding("disk", "missing", f"{said}; {NEED_DISK_GB} GB are needed", mend)


def check_extra(name: str, modules: Iterable[str], is_installed: Callable[[str], bool]) -> Finding:
    """Look for the packages of an extra; nothing is imported. The training extra is required to train, so it counts."""
    lost = [module for module in modules if not is_installed(module)]
    if not lost:
        return Finding(f"extra {name}", "ok", "installed")
    state: Literal["missing", "absent"] = "missing" if name == "train" else "absent"
    return Finding(f"extra {name}", state, f"not installed: {', '.join(lost)}", mend_extra(name))


def mend_extra(name: str) -> str:
    """Return the command that installs an extra: torch goes first and exact.

    >>> mend_extra("dev")
    "pip install -e '.[dev]'   (in the folder of Engram)"
    """
    first = "pip install torch==2.13.0 && " if name == "train" else ""
    return f"{first}pip install -e '.[{name}]'   (in the folder of Engram)"


def check_home(home: Path) -> Finding:
    """Look whether the home, or the nearest folder above it that exists, may be written."""
    near = nearest(home)
    if can_write(near):
        return Finding("home", "ok", f"{home}" if near == home else f"{home} (made at the first run)")
    mend = f"sudo chown -R $USER {near}, or: export ENGRAM_HOME=/a/folder/of/yours"
    return Finding("home", "missing", f"{near} can't be written", mend)


def can_write(folder: Path) -> bool:
    """Tell whether a file can be made in a folder; trying is surer than reading permissions. Nothing is left."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_keys(home: Path) -> Finding:
    """Look whether anybody but the owner may read the secret keys (POSIX permissions)."""
    folder = home / "keys"
    if os.name == "nt" or not folder.is_dir():
        return Finding("keys", "ok", "none yet" if not folder.is_dir() else "protected by the user's folder")
    open_ones = [path for path in sorted(folder.rglob("*")) if is_secret(path) and readable_by_others(path)]
    if not open_ones:
        return Finding("keys", "ok", f"only you can read {folder}")
    names = " ".join(str(path) for path in open_ones)
    return Finding("keys", "missing", f"others can read {names}", f"chmod 600 {names}")


def is_secret(path: Path) -> bool:
    """Tell whether a file of the key folder is one to hide: all but public keys are."""
    return path.is_file() and path.suffix != ".pub"


def readable_by_others(path: Path) -> bool:
    """Tell whether group or others have any permission on a file."""
    return bool(path.stat().st_mode & NOT_OURS_TO_READ)


def nearest(path: Path) -> Path:
    """Return the path itself or its nearest parent that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def total_memory() -> int | None:
    """Return the memory of the machine in bytes, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def is_installed(module: str) -> bool:
    """Tell whether a package is installed, without importing it."""
    return importlib.util.find_spec(module) is not None


def examine(home: Path) -> list[Finding]:
    """Look at everything."""
    near = nearest(home)
    extras = [check_extra(name, modules, is_installed) for name, modules in EXTRAS.items()]
    return [
        check_python(sys.version_info[:2]),
        check_ram(total_memory()),
        check_disk(shutil.disk_usage(near).free, near),
        *extras,
        check_home(home),
        check_keys(home),
    ]


def report(findings: Sequence[Finding]) -> int:
    """Print the findings and return the exit code: 1 if something required is missing."""
    lacking = [one for one in findings if one.state == "missing"]
    if output.json_wanted():
        output.emit_json({"ok": not lacking, "findings": [asdict(one) for one in findings]})
        return 1 if lacking else 0
    output.table(("", "what", "found"), [(one.state, one.what, one.found) for one in findings])
    for one in findings:
        if one.mend:
            output.say(f"{one.what}: {one.mend}", "bold")
    output.say("Something required is missing." if lacking else "Everything required is here.")
    return 1 if lacking else 0


def doctor() -> int:
    """Say what is missing on this machine, and the command that mends it."""
    from engram.settings import load_settings

    return report(examine(load_settings().home))
