"""`engram demo`: the whole story on the sample that ships, in a few minutes."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from engram.cli import output

QUESTION = "The invoice is fine, thank you, but the parcel still hasn't come and I need it by Friday."


def demo(
    recipe: Annotated[str, typer.Option(help="The recipe to show.")] = "quickstart",
    question: Annotated[str, typer.Option(help="What to ask the model at the end.")] = QUESTION,
) -> int:
    """Train, judge, sign, verify and use a small model."""
    from engram.artifacts.home_keys import HomeKeys
    from engram.artifacts.opened import opened
    from engram.artifacts.store import folder_of
    from engram.cli.predict import say_answer
    from engram.cli.train import train
    from engram.cli.verify import verify
    from engram.pipeline.folder import find_run
    from engram.serve.load import open_artifact
    from engram.settings import load_settings

    began = time.monotonic()
    home = load_settings().home
    output.say("1. A recipe becomes a model: baseline, training, gates, export, certificate.", "bold")
    train(recipe=recipe)
    record = find_run(home, "last").record()
    folder = folder_of(home / "artifacts", record.artifact)
    output.say("\n2. Anybody can verify it with the public key alone, offline.", "bold")
    if status := verify(folder, key=str(home / "keys" / "ledger.pub")):
        return status
    output.say("\n3. It answers.", "bold")
    with opened(folder, HomeKeys(home)) as plain:
        output.say("   " + say_answer(question, open_artifact(plain)([question])[0]))
    output.say(f"\nDone in {time.monotonic() - began:.0f} s. Try it yourself:", "bold")
    output.say(f"   engram predict last {QUESTION[:32]!r}")
    output.say("   engram recipes list")
    return 0
