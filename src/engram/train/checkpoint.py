"""Checkpoints: safetensors and JSON in a folder that appears whole or not at all; no pickle.

    checkpoints/
      checkpoint-120/{weights.safetensors optimizer.safetensors random.safetensors state.json manifest.json}
      latest.json  best.json          which folder, and the digest of its manifest

The manifest holds the digest of every other file and is written last; the folder is made durable, renamed, and only
then named by a pointer. So whatever moment a process dies at, the pointers name checkpoints that are whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engram import files
from engram.errors import CheckpointError
from engram.proc import crashpoint

FORMAT = "engram.checkpoint/1"
Tensors = Mapping[str, Mapping[str, torch.Tensor]]


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds. `tensors`: group (weights, optimizer, random) → name → tensor."""

    folder: Path
    state: dict[str, Any]
    tensors: dict[str, dict[str, torch.Tensor]]


def save(root: Path, step: int, tensors: Tensors, state: Mapping[str, Any]) -> Path:
    """Write ``checkpoint-<step>`` durably and return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    target = root / f"checkpoint-{step}"
    temporary = Path(tempfile.mkdtemp(dir=root, prefix=f".tmp-{step}-"))
    try:
        digests: dict[str, str] = {}
        for group, members in tensors.items():
            path = temporary / f"{group}.safetensors"
            save_file({name: tensor.detach().contiguous().cpu() for name, tensor in members.items()}, path)
            digests[path.name] = files.sha256_file(path)
            crashpoint("checkpoint.during-write")
        (temporary / "state.json").write_bytes(files.canonical_json(state))
        digests["state.json"] = files.sha256_file(temporary / "state.json")
        crashpoint("checkpoint.before-manifest")
        manifest = files.canonical_json({"format": FORMAT, "step": step, "files": digests})
        (temporary / "manifest.json").write_bytes(manifest)
        crashpoint("checkpoint.before-fsync")
        files.fsync_tree(temporary)
        crashpoint("checkpoint.before-rename")
        if target.exists():  # written by an attempt that died before it could name it
            shutil.rmtree(target)
        temporary.rename(target)
        files.fsync_folder(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    crashpoint("checkpoint.before-pointer")
    return target


def point(root: Path, name: str, folder: Path) -> None:
    """Let ``latest`` or ``best`` name a checkpoint."""
    digest = files.sha256_file(folder / "manifest.json")
    files.write_json(root / f"{name}.json", {"folder": folder.name, "manifest": digest})
    crashpoint("checkpoint.after-pointer")


def find(root: Path, name: str = "latest") -> Path | None:
    """Return the folder that ``latest`` or ``best`` names, or None when there is none yet.

    Raises CheckpointError when the pointer is damaged, or names a folder whose manifest is.
    """
    pointer = root / f"{name}.json"
    if not pointer.exists():
        return None
    try:
        said = files.read_json(pointer)
        folder, digest = root / str(said["folder"]), said["manifest"]
    except (ValueError, LookupError, TypeError) as error:
        raise CheckpointError(
            f"{pointer} names no checkpoint: it is not what was written.",
            remedy="Remove the checkpoints folder of this run to train from the start.",
        ) from error
    manifest = folder / "manifest.json"
    if not manifest.is_file() or files.sha256_file(manifest) != digest:
        raise CheckpointError(
            f"{folder} is not the checkpoint that {pointer.name} names.",
            remedy="Remove the checkpoints folder of this run to train from the start.",
        )
    return folder


def check(folder: Path) -> list[str]:
    """Compare every file of a checkpoint with the digest in its manifest, and return their names.

    Raises CheckpointError naming the first file that is missing or changed.
    """
    digests: dict[str, str] = files.read_json(folder / "manifest.json")["files"]
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file() or files.sha256_file(path) != digest:
            raise CheckpointError(f"{path} is missing or not what was written.", remedy="Resume from another one.")
    return list(digests)


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint after checking all of it.

    Raises CheckpointError naming the first file that is missing or changed.
    """
    tensors = {Path(name).stem: load_file(folder / name) for name in check(folder) if name.endswith(".safetensors")}
    return Checkpoint(folder, files.read_json(folder / "state.json"), tensors)


def prune(root: Path) -> None:
    """Remove checkpoints that neither ``latest`` nor ``best`` names, and what dead attempts left half-written."""
    keep = {folder.name for name in ("latest", "best") if (folder := find(root, name)) is not None}
    for path in root.iterdir():
        stale = path.name.startswith("checkpoint-") and path.name not in keep
        if path.is_dir() and (stale or path.name.startswith(".tmp-")):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name.startswith((".latest.json.", ".best.json.")):
            path.unlink()
