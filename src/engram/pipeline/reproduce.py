"""Reproducing: derive a model again from what its run recorded, and compare it with the artifact, file by file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from engram import files
from engram.artifacts.manifest import parse_manifest
from engram.errors import NotFound, Refused
from engram.files import home_lock
from engram.gate.digest import declaration_digest
from engram.ledger.certificate import read_certificate
from engram.ledger.dsse import unseal
from engram.ledger.keys import VerifierKey, load_vkey
from engram.pipeline.children import Watch, nursery_of, run_child, write_spec
from engram.pipeline.environment import fingerprint
from engram.pipeline.folder import RunFolder, find_run, new_run_id

# Another machine rounds otherwise; a model that agrees on fewer rows than this is another model.
EQUIVALENT_AGREEMENT = 0.98


@dataclass(frozen=True)
class Reproduction:
    """What came out.

    answer: ``identical`` (every exported file has the same digest), ``equivalent`` (the environment differs and the
    models agree on at least 98 % of the test rows) or ``different``.
    files: exported file → whether its digest is the same. agreement: share of test rows answered alike.
    changed: what of the environment is not as it was, name → (then, now).
    """

    answer: Literal["identical", "equivalent", "different"]
    files: Mapping[str, bool]
    agreement: float
    changed: Mapping[str, tuple[Any, Any]]
    folder: Path


def reproduce(artifact: Path, home: Path, threads: int, watch: Watch) -> Reproduction:
    """Train and export again what an artifact holds, beside the original run, and compare.

    The certificate's recipe and split digests must be those of the run that this home holds.

    Raises NotFound when the home does not hold the run, Refused when its records are not the certified ones.
    """
    stated = predicate_of(artifact, load_vkey(home / "keys" / "ledger.pub"))
    original = find_run(home, str(stated["run"]))
    check_records(original, stated)
    again = RunFolder(home / "reproductions" / new_run_id())
    with home_lock(home, f"reproduction of {original.id}"):
        _copy_records(original, again)
        workers = int(stated["environment"]["world_size"])
        attempt = write_spec(again, 1, home, threads, workers)
        with nursery_of(again, attempt) as nursery:
            run_child("engram.pipeline.judge", attempt, ["data"], watch, nursery=nursery)
            if files.read_json(again.path / "data.json")["split"] != stated["data"]["split"]:
                raise Refused(
                    "The data give another split than the certified one, so the model can't be derived again.",
                    remedy="Put the sources back as they were: the certificate names their digests.",
                )
            run_child("engram.pipeline.worker", attempt, [], watch, workers, nursery)
            run_child("engram.pipeline.rederive", attempt, [str(artifact.resolve())], watch, nursery=nursery)
    said = files.read_json(attempt / "rederived.json")
    same = {name: bool(value) for name, value in said["files"].items()}
    now = fingerprint(*again.trained_with())
    changed = {
        name: (stated["environment"].get(name), now.get(name))
        for name in sorted({*stated["environment"], *now})
        if stated["environment"].get(name) != now.get(name)
    }
    agreement = float(said["agreement"])
    return Reproduction(_answer(all(same.values()), agreement, bool(changed)), same, agreement, changed, again.path)


def predicate_of(artifact: Path, key: VerifierKey) -> dict[str, Any]:
    """Return what an artifact's certificate states, signed by this key.

    Raises NotFound when the folder is no artifact, VerificationFailed when the signature is not this key's.
    """
    path = artifact / "certificate.json"
    if not path.is_file():
        raise NotFound(f"{artifact} holds no certificate.json.", remedy="Name an artifact's folder or digest.")
    statement = json.loads(unseal(read_certificate(path.read_bytes()).dsse, key))
    found: dict[str, Any] = statement["predicate"]
    return found


def check_records(run: RunFolder, stated: Mapping[str, Any]) -> None:
    """Refuse a run whose recipe or gates are not the certified ones."""
    found = {
        "recipe": files.json_digest(files.read_json(run.path / "recipe.json")),
        "gates": declaration_digest(run.gates()),
    }
    wanted = {"recipe": stated["recipe"]["digest"], "gates": stated["recipe"]["gates"]}
    for name, digest in wanted.items():
        if found[name] != digest:
            raise Refused(f"The {name} of run {run.id} is {found[name]}, the certificate says {digest}.")


def exported_files(artifact: Path) -> dict[str, str]:
    """Return the exported files of an artifact, path → digest."""
    manifest = parse_manifest((artifact / "manifest.json").read_bytes())
    exports = set(files.read_json(artifact / "recipe.json")["export"])
    return {one.path: one.digest for one in manifest.files if one.path.split("/")[0] in exports}


def _copy_records(original: RunFolder, again: RunFolder) -> None:
    with files.new_folder(again.path) as making:
        for name in ("recipe.json", "gates.json", "origin.json", "recipe.yaml"):
            shutil.copyfile(original.path / name, making / name)
    again.save_record(replace(original.record(), id=again.id, state="running", attempt=1, artifact="", metrics={}))


def _answer(same: bool, agreement: float, environment_changed: bool) -> Literal["identical", "equivalent", "different"]:
    if same:
        return "identical"
    return "equivalent" if environment_changed and agreement >= EQUIVALENT_AGREEMENT else "different"
