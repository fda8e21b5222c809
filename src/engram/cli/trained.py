"""How a trainer's run ended: the artifact, verified before it is put in place, or the report of why there is none."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engram import files
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.paths import MANIFEST
from engram.cli import output
from engram.cli.verify import choose_key, verify_artifact
from engram.client.api import Api
from engram.client.standing import home_of, note, stand
from engram.client.trainer import Trainer
from engram.client.transfer import fetch_folder
from engram.errors import Cancelled, NeedsReview, Paused, PlatformError, Refused, UserError, VerificationFailed
from engram.files import home_lock
from engram.ledger.keys import PUBLIC_FILE, VerifierKey, parse_vkey

ENDINGS = {
    "refused": Refused,
    "awaiting_review": NeedsReview,
    "cancelled": Cancelled,
    "paused": Paused,
    "failed_user": UserError,
}
AGAIN = "The same command goes on with this run."


def conclude(api: Api, trainer: Trainer, said: Mapping[str, Any], key: str) -> int:
    """Leave what came of a run in the output folder and return 0; raises what the run ended with otherwise.

    key: the public key that the user trusts; without one the server's is kept at the first time and must stay the same.

    Raises Refused, NeedsReview, Cancelled, Paused, UserError, PlatformError; VerificationFailed for an artifact that is
    not what was signed, which is then not put in place.
    """
    with home_lock(home_of(trainer.outdir), f"a trainer of {trainer.model}"):
        return _conclude(api, trainer, said, key)


def _conclude(api: Api, trainer: Trainer, said: Mapping[str, Any], key: str) -> int:
    run, state = str(said["run"]), str(said["state"])
    standing = stand(trainer.outdir, trainer.base_url, trainer.model)
    if state == "published":
        place = leave_artifact(api, trainer.outdir, said, trusted_key(trainer.outdir, said, key))
        note(trainer.outdir, standing, over=True)
        shutil.rmtree(home_of(trainer.outdir) / "runs" / run, ignore_errors=True)
        shutil.rmtree(home_of(trainer.outdir) / "datasets" / run, ignore_errors=True)
        document = {"run": run, "state": state, "artifact": said["artifact"], "folder": str(place)}
        output.emit(
            {**document, "metrics": said["metrics"]},
            f"Published     {said['artifact']}",
            f"Verified      {place}",
            f"Verify again  engram verify {place} --key {trainer.outdir / PUBLIC_FILE}",
        )
        return 0
    remedy = AGAIN
    if state in ("refused", "awaiting_review"):
        page = leave_report(api, trainer.outdir, run)
        remedy = f"The report is in {page}." + ("" if state == "refused" else f" When it is decided: {AGAIN}")
    if state == "refused":
        note(trainer.outdir, standing, over=True)
    reason = str(said["reason"]) or f"Run {run} is {state}."
    raise ENDINGS.get(state, PlatformError)(reason, remedy=remedy)


def leave_artifact(api: Api, outdir: Path, said: Mapping[str, Any], key: VerifierKey) -> Path:
    """Fetch an artifact, verify it, and give it its place ``artifacts_<kind>/<time>``; return that."""
    fetched = home_of(outdir) / "fetched" / str(said["run"])
    fetch_folder(api, f"/api/v1/models/{said['run']}/download", "artifact", fetched)
    bad = [f"{one.name}: {one.detail}" for one in verify_artifact(fetched, key) if not one.ok]
    if not bad and parse_manifest((fetched / MANIFEST).read_bytes()).about.get("run") != said["run"]:
        bad = ["it is another run's"]
    if bad:
        shutil.rmtree(fetched)
        raise VerificationFailed(
            f"What the server sent is not what was signed for run {said['run']}: {bad[0]}",
            remedy="Nothing was put in place. Is this the server's key?",
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = outdir / f"artifacts_{said['kind']}" / stamp
    target.parent.mkdir(parents=True, exist_ok=True)
    files.fsync_tree(fetched)
    fetched.rename(target)
    files.fsync_folder(target.parent)
    return target


def leave_report(api: Api, outdir: Path, run: str) -> Path:
    """Fetch the report of a run that was not admitted, and return its page."""
    target = outdir / f"report_{run}"
    shutil.rmtree(target, ignore_errors=True)
    fetch_folder(api, f"/api/v1/models/{run}/download", "report", target)
    return target / "report.html"


def trusted_key(outdir: Path, said: Mapping[str, Any], given: str) -> VerifierKey:
    """Return the key to verify with: the one that the user gave, or the server's, which is kept and must not change.

    Raises VerificationFailed when the server now signs with another key than it did before.
    """
    if given:
        return choose_key(given)[0]
    key, kept = parse_vkey(str(said["key"])), outdir / PUBLIC_FILE
    if not kept.exists():
        files.write_atomic(kept, f"{key.vkey}\n".encode())
    known = choose_key(str(kept))[0]
    if known.vkey != key.vkey:
        raise VerificationFailed(
            f"The server signs with {key.id}, and {kept} holds {known.id}.",
            remedy="Ask the server's Admin; with a new key that you trust give --key.",
        )
    return key
