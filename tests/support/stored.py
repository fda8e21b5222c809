"""A home with a database, a ledger, keys, artifacts, data and runs, to be backed up, upgraded and swept."""

from __future__ import annotations

import json
from pathlib import Path

from engram.files import sha256_file
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger
from engram.store.home import open_home
from engram.store.records import artifacts, datasets, deployments, runs, users

LIVE, OLD, LOST = ("a" * 64, "b" * 64, "c" * 64)


def write(path: Path, content: str = "x" * 10) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def fill(home: Path) -> Path:
    """Make the home: three artifacts, of which one is deployed, two sets of data, and a run with three checkpoints."""
    ledger = Ledger.open(home / "ledger", load_or_create_signer(home / "keys"))
    for number in range(3):
        ledger.append("home.created", f"home-{number}", {})
    db = open_home(home)
    with db.write() as tx:
        ann = users.create_user(tx, name="ann", role="Admin").id
        for digest in (LIVE, OLD):
            said = {"owner": ann, "run": "r_1", "kind": "language", "task": "classify", "bytes": 10}
            artifacts.put_artifact(tx, digest=f"sha256:{digest}", name="toy", **said)
        deployments.create_deployment(tx, name="live", owner=ann, artifact=f"sha256:{LIVE}", actor=ann)
        datasets.create_dataset(tx, name="mails", owner=ann, digest="sha256:data", format="csv")
        runs.create_run(tx, recipe="toy", owner=ann, kind="language", task="classify", body={})
    db.close()
    for digest in (LIVE, OLD, LOST):
        write(home / "artifacts" / digest / "model.safetensors")
    for name in ("data", "split", "unused"):
        write(home / "datasets" / name / "rows.jsonl")
    run = home / "runs" / "r_1"
    write(run / "run.json", "{}")
    write(run / "data.json", json.dumps({"folder": "split"}))
    for step in (1, 2, 3):
        write(run / "checkpoints" / f"checkpoint-{step}" / "model.safetensors")
    write(run / "checkpoints" / "latest.json", json.dumps({"folder": "checkpoint-3"}))
    write(run / "checkpoints" / "best.json", json.dumps({"folder": "checkpoint-2"}))
    return home


def contents(folder: Path) -> dict[str, str]:
    """Return path → digest of every file of a folder, hidden ones included."""
    return {
        path.relative_to(folder).as_posix(): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
