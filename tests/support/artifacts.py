"""Small artifacts, whole to the last digest, with nothing in them that a model could be opened from."""

from __future__ import annotations

import json
from pathlib import Path

from engram.artifacts.manifest import build_manifest, encode_manifest


def make_artifact(store: Path, name: str) -> str:
    """Put an artifact into a store and return its digest."""
    making = store / f"making-{name}"
    making.mkdir(parents=True)
    (making / "recipe.json").write_text(json.dumps({"name": name, "export": []}))
    (making / "labels.json").write_text('["a", "b"]')
    manifest = build_manifest(making, {})
    (making / "manifest.json").write_bytes(encode_manifest(manifest))
    making.rename(store / manifest.digest.removeprefix("sha256:"))
    return manifest.digest
