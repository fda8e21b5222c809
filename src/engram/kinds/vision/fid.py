"""FID: how far one folder of pictures is from another as a set, by the features of a model that is named with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from engram.data.picture import check, decode
from engram.errors import DataError
from engram.evaluate.frechet import distance
from engram.export.base import quiet
from engram.kinds.vision.reading import Reading, open_reading
from engram.kinds.vision.source import find_base
from engram.schema.form import MEDIA
from engram.schema.recipe import Model

BATCH = 32


def fid(one: Path, other: Path, model: str, revision: str = "main") -> dict[str, Any]:
    """Return ``fid`` with what it was worked out from: ``features`` in words, ``model``, ``digest``, ``pictures``.

    Features are the mean of a model's last hidden states over the places of a picture. The name FID belongs to the
    features of one Inception network; with others the number is another, so it never stands alone.

    Raises NotFound for a model that can't be had, DataError for a folder without pictures and one that can't be read,
    UsageError for too few pictures.
    """
    base = find_base(Model(model, revision=revision))
    reading = open_reading(base.folder, finds=False)
    with quiet():
        auto: Any = transformers.AutoModel
        body = auto.from_pretrained(base.folder, dtype=torch.float32, use_safetensors=True).eval()
    first, second = (_features(body, reading, list_pictures(folder)) for folder in (one, other))
    return {
        "fid": distance(first, second),
        "features": f"mean of the last hidden states of {base.name}, {first.shape[1]:,} numbers",
        "model": base.name,
        "digest": base.digest,
        "pictures": [len(first), len(second)],
    }


def list_pictures(folder: Path) -> list[Path]:
    """Return the image files of a folder and its sub-folders, by name; raises DataError where there are none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in MEDIA["image"])
    if not found:
        raise DataError("the folder holds no image files.", file=str(folder), remedy="Name a folder of pictures.")
    return found


def _features(body: Any, reading: Reading, paths: list[Path]) -> NDArray[np.float64]:
    parts = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            pixels = reading.stack([reading.resize(_pixels(path)) for path in paths[start : start + BATCH]])
            hidden = body(pixel_values=torch.from_numpy(pixels)).last_hidden_state
            places = hidden.flatten(2).transpose(1, 2) if hidden.dim() == 4 else hidden
            parts.append(places.mean(1).double().numpy())
    return np.concatenate(parts)


def _pixels(path: Path) -> NDArray[np.uint8]:
    content = path.read_bytes()
    try:
        check(content)
        return np.asarray(decode(content))
    except ValueError as error:
        raise DataError(f"{error}.", file=str(path), remedy="Mend or remove the file.") from None
