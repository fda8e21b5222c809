"""Stage export: files are written and looked at, then each is opened in a clean process and compared."""

from __future__ import annotations

import shutil
from dataclasses import asdict

from engram import files, registry
from engram.data.cache import load_split
from engram.errors import ChildFailed
from engram.export.inspect import (
    digests_of,
    find_executables,
    find_executables_on_request,
    find_forbidden_licenses,
    find_secrets,
)
from engram.export.parity import parity_measures
from engram.pipeline.context import FAILED, Context
from engram.pipeline.measure.train import load_candidate
from engram.proc import crashpoint, python_child
from engram.schema.report import Measure, Report


def export(context: Context) -> Report:
    """Write every format of the recipe and measure its parity with the evaluated model."""
    code, recipe = context.code(), context.recipe
    split, _ = load_split(context.folder.split_folder(context.home))
    loaded = code.load(recipe, split.labels)
    load_candidate(context, loaded)
    shutil.rmtree(context.folder.exports, ignore_errors=True)
    formats = sorted(recipe.export, key=lambda name: (registry.get("export", name).consumes, name))
    for name in formats:
        code.export(loaded, name, context.folder.exports / name)
        # What was just written is what may be opened: a format that runs code opens by these digests only.
        files.write_json(context.folder.path / f"written-{name}.json", digests_of(context.folder.exports / name))
        context.journal.emit("note", {"text": f"wrote {name}"})
    crashpoint("export.after-write")
    base = {**asdict(loaded.base), "folder": str(loaded.base.folder)}
    files.write_json(context.folder.path / "base.json", base)
    found = {name: _parity(context, name) for name in formats}
    parity = parity_measures(found, {name for name in formats if registry.get("export", name).lossy})
    looked = security(context)
    return Report(
        run=context.spec.run,
        stage="export",
        n=int(min(one["rows"] for one in found.values())),
        split_digest=split.digest,
        metrics={
            **{name: Measure(value) for name, value in parity.items()},
            "executable_files": Measure(float(len(looked["executable_files"]))),
            "secrets_found": Measure(float(len(looked["secrets_found"]))),
            "licence_allows_use": Measure(float(not looked["forbidden_licenses"])),
        },
        details={"formats": found, "security": {name: values for name, values in looked.items() if values}},
    )


def security(context: Context) -> dict[str, list[str]]:
    """Look at every exported file before anything is published: what could run, what is secret, what is not allowed."""
    return {
        "executable_files": find_executables(context.folder.exports, context.recipe.export),
        "executable_on_request": find_executables_on_request(context.folder.exports, context.recipe.export),
        "secrets_found": find_secrets(context.folder.exports),
        "forbidden_licenses": find_forbidden_licenses(context.recipe.data.sources, context.recipe.use),
    }


def _parity(context: Context, name: str) -> dict[str, float]:
    """Open one format in a process in which no model was ever loaded, and return how far its answers lie off."""
    attempt = context.folder.attempt(context.spec.attempt)
    out = attempt / f"parity-{name}.json"
    out.unlink(missing_ok=True)
    called, log = ("engram.pipeline.parity", [str(attempt), name]), attempt / "parity.log"
    child = (context.nursery and context.nursery.start(*called, log)) or python_child(*called, log=log)
    status = child.wait()
    if status not in (0, FAILED) or (status == 0 and not out.exists()):
        raise ChildFailed(
            f"The process that opens the {name} export ended with status {status}.",
            remedy=f"Its output is in {attempt / 'parity.log'}.",
        )
    said: dict[str, float] = files.read_json(out)
    if said.get("error"):
        context.journal.emit("note", {"text": f"{name} does not reload: {said['error']}"})
    context.journal.emit("note", {"text": f"parity of {name}: max logit difference {said['max_logit_difference']:.2g}"})
    return said
