"""Where a trainer stands: one small file in its output folder, by which the same command goes on with the same run."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engram import files
from engram.errors import UsageError

FOLDER, FILE = ".engram-trainer", "standing.json"
RUN = "r_"


@dataclass(frozen=True)
class Standing:
    """Which model of which server is trained here. ask: the idempotency key of the run; run: its id once it is known.

    over: the run has ended for good and what came of it lies here; the next start begins another one.
    """

    base_url: str
    model: str
    ask: str
    run: str = ""
    over: bool = False
    format: str = "engram.standing/1"


def home_of(outdir: Path) -> Path:
    """Return the trainer's own small home in its output folder."""
    return outdir / FOLDER


def stand(outdir: Path, base_url: str, model: str) -> Standing:
    """Return where the trainer of an output folder stands, writing it down when it begins.

    Raises UsageError when another model is being trained there.
    """
    path = home_of(outdir) / FILE
    if path.exists():
        found = Standing(**files.read_json(path))
        if not found.over and (found.base_url, found.model) != (base_url, model):
            raise UsageError(
                f"{outdir} belongs to a training of {found.model} of {found.base_url}.",
                remedy="Give another --outdir, or let that one end first.",
            )
        if not found.over:
            return found
    return save(outdir, Standing(base_url, model, secrets.token_hex(16), model if model.startswith(RUN) else ""))


def save(outdir: Path, standing: Standing) -> Standing:
    """Write down where the trainer stands."""
    path = home_of(outdir) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, asdict(standing))
    return standing


def note(outdir: Path, standing: Standing, *, run: str = "", over: bool = False) -> Standing:
    """Write down what has become known."""
    return save(outdir, replace(standing, run=run or standing.run, over=over))
