"""`engram reproduce`: derive an artifact again and compare the digests."""

from __future__ import annotations

from typing import Annotated

import typer

from engram.cli import output


def reproduce(artifact: Annotated[str, typer.Argument(help="An artifact (digest or folder) or its run.")]) -> int:
    """Derive an artifact again from its run's records, and compare the digests; exit 1 when it comes out different."""
    from engram.artifacts.home_keys import HomeKeys
    from engram.artifacts.opened import opened
    from engram.cli.live import Live
    from engram.cli.predict import artifact_of
    from engram.ledger.keys import load_vkey
    from engram.pipeline.folder import find_run
    from engram.pipeline.reproduce import predicate_of
    from engram.pipeline.reproduce import reproduce as derive
    from engram.settings import load_settings

    settings = load_settings()
    folder = artifact_of(settings.home, artifact)
    key = load_vkey(settings.home / "keys" / "ledger.pub")
    run = find_run(settings.home, str(predicate_of(folder, key)["run"]))
    output.say(f"Deriving {folder.name[:16]}… again from {run.id}", "bold")
    with Live(run, run.recipe()) as live, opened(folder, HomeKeys(settings.home)) as plain:
        found = derive(plain, settings.home, settings.threads, live.event)
    output.emit(
        {
            "artifact": f"sha256:{folder.name}",
            "answer": found.answer,
            "files": dict(found.files),
            "agreement": found.agreement,
            "changed": {name: list(pair) for name, pair in found.changed.items()},
            "folder": str(found.folder),
        },
        *(f"{'same     ' if same else 'DIFFERENT'}  {name}" for name, same in found.files.items()),
        *(f"changed    {name}: {then} → {now}" for name, (then, now) in found.changed.items()),
        f"agreement  {100 * found.agreement:.2f} % of the test rows are answered alike",
        found.answer.upper(),
    )
    return 1 if found.answer == "different" else 0
