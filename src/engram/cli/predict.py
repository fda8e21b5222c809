"""`engram predict`: answer inputs with a certified artifact."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output


def predict(
    name: Annotated[str, typer.Argument(help="An artifact (digest or folder) or a run.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Inputs; without any, lines of standard input.")] = None,
) -> int:
    """Answer inputs with a certified artifact."""
    from engram.errors import UsageError
    from engram.settings import load_settings

    folder = artifact_of(load_settings().home, name)
    inputs = list(texts) if texts else ([] if sys.stdin.isatty() else [line.rstrip("\n") for line in sys.stdin])
    if not inputs:
        raise UsageError("There is nothing to answer.", remedy="Give a text, or lines on standard input.")
    from engram.serve.load import open_artifact

    answers = open_artifact(folder)(inputs)
    output.emit(
        [{"input": text, **answer} for text, answer in zip(inputs, answers, strict=True)],
        *(say_answer(text, answer) for text, answer in zip(inputs, answers, strict=True)),
    )
    return 0


def say_answer(text: str, answer: dict[str, Any]) -> str:
    """Return one answer as a line: the label, its probability, the runner-up, and the text."""
    ranked = list(answer["probabilities"].items())[:2]
    return "  ".join(f"{label} {chance:.3f}" for label, chance in ranked) + f"  | {text}"


def artifact_of(home: Path, name: str) -> Path:
    """Return the folder of an artifact named by folder, digest or the run that made it.

    Raises NotFound when there is none.
    """
    from engram.artifacts.store import find_artifact, folder_of
    from engram.errors import NotFound
    from engram.pipeline.folder import find_run

    if (Path(name) / "manifest.json").is_file():
        return Path(name)
    if not (name == "last" or name.startswith("r_")):
        return find_artifact(home / "artifacts", name)
    record = find_run(home, name).record()
    if not record.artifact:
        raise NotFound(f"Run {record.id} is {record.state} and has no artifact.", remedy="See: engram runs list")
    return folder_of(home / "artifacts", record.artifact)
