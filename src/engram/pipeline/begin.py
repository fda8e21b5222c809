"""Beginning a run: its folder, its resolved recipe and its gates, written before anything is spent."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from engram import files, registry
from engram.config.load import Loaded
from engram.config.pin import pin_datasets
from engram.data.names import find_named
from engram.data.stored import find_content
from engram.export.format import check_packages
from engram.gate import defaults
from engram.pipeline.folder import RunFolder, new_run_id
from engram.pipeline.journal import utc_now
from engram.schema.codec import to_dict
from engram.schema.run import RunRecord


def begin(loaded: Loaded, home: Path, *, elsewhere: bool = False) -> RunFolder:
    """Make the folder of a new run.

    elsewhere: True when its worker half will be a trainer's, on a machine of its own. Datasets of the home are pinned
    to their digests.

    Raises UsageError when the recipe loosens a gate of the card, MissingExtra when a format can't be written here,
    NotFound for a dataset that the home doesn't hold.
    """
    loaded = pin_datasets(loaded, partial(find_named, home / "datasets"))
    recipe = loaded.recipe
    for one in recipe.data.sources:
        if one.dataset is not None:
            find_content(home / "datasets", one.dataset)
    check_packages(registry.get("export", name) for name in recipe.export)
    gates = defaults.declare(registry.get("kind", recipe.kind).tasks[recipe.task].gates, recipe.gates)
    folder = RunFolder(home / "runs" / new_run_id())
    with files.new_folder(folder.path) as making:
        files.write_json(making / "recipe.json", to_dict(recipe))
        files.write_json(making / "gates.json", to_dict(gates))
        files.write_json(making / "origin.json", {"folder": str(loaded.folder), "file": loaded.file.name})
        shutil.copyfile(loaded.file, making / "recipe.yaml")
        if elsewhere:
            files.write_json(making / "trainer.json", {"format": "engram.trainer/1"})
        record = RunRecord(
            id=folder.id,
            recipe=recipe.name,
            kind=recipe.kind,
            task=recipe.task,
            created=utc_now(),
            state="queued",
            attempt=0,
            recipe_digest=loaded.digest,
        )
        files.write_json(making / "run.json", to_dict(record))
    return folder
