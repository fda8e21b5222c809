"""The declaration: before training, the ledger learns what will be judged, on what, and by which gates."""

from __future__ import annotations

from pathlib import Path

from engram import files
from engram.data.cache import load_split
from engram.errors import Refused
from engram.gate.digest import declaration_digest
from engram.ledger.log import Ledger
from engram.pipeline.folder import RunFolder
from engram.schema.codec import to_dict
from engram.schema.report import Report


def declare(folder: RunFolder, home: Path, ledger: Ledger) -> None:
    """Enter the digests of recipe, gates and test part in the ledger once; refuse other ones later.

    `times_scored` counts the runs of this home that declared the same test part, this one included: each of them gets
    to see one score of it.

    Raises Refused when recipe, gates or split are not what this run declared before.
    """
    split, _ = load_split(folder.split_folder(home))
    body = {
        "recipe": files.json_digest(to_dict(folder.recipe())),
        "gates": declaration_digest(folder.gates()),
        "split": split.digest,
        "test": split.parts["test"].digest,
    }
    before = ledger.find("run.declared", folder.id)
    if before and before[0].body != body:
        changed = sorted(name for name in body if before[0].body.get(name) != body[name])
        raise Refused(
            f"Since run {folder.id} was declared, its {', '.join(changed)} changed.",
            remedy="Start a new run; a declared run is judged on what was declared.",
        )
    if not before:
        ledger.append("run.declared", folder.id, body)
    same = [one for one in ledger.entries() if one.type == "run.declared" and one.body.get("test") == body["test"]]
    earlier = [one.subject for one in same].index(folder.id)
    files.write_json(folder.path / "declared.json", {**body, "times_scored": earlier + 1})


def declared_digest(folder: RunFolder) -> str:
    """Return the digest of the gates as this run declared them, or as they will be declared when it hasn't yet."""
    path = folder.path / "declared.json"
    return str(files.read_json(path)["gates"]) if path.exists() else declaration_digest(folder.gates())


def check_split(folder: RunFolder, report: Report) -> None:
    """Refuse a report on other data than what was declared.

    Raises Refused when the report's split is not the declared one.
    """
    path = folder.path / "declared.json"
    declared = files.read_json(path if path.exists() else folder.path / "data.json")["split"]
    if report.split_digest != declared:
        raise Refused(
            f"The report of stage {report.stage} is about the split {report.split_digest}, not {declared}.",
            remedy="Nothing was published. Run the stage again on the declared data.",
        )
