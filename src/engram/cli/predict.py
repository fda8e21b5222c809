"""`engram predict`: answer inputs with a certified artifact."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli import output
from engram.cli.inputs import check_inputs, read_inputs
from engram.cli.say import say_answer as say_answer


def predict(
    name: Annotated[str, typer.Argument(help="A deployment, an artifact (digest or folder) or a run.")],
    texts: Annotated[
        list[str] | None,
        typer.Argument(help="Texts, or files where it takes files; without any, lines of standard input; '-' is JSON."),
    ] = None,
    save: Annotated[str, typer.Option("--save", help="A folder for answers that are files, as speech is.")] = "",
    file: Annotated[
        str, typer.Option("--file", help="Inputs as JSON: one, a list, or one a line; '-' is standard input.")
    ] = "",
) -> int:
    """Answer inputs with a deployment or a certified artifact: texts, files, or {"messages": [...]} where it writes."""
    from engram.cli.files_asked import asked_as
    from engram.cli.served import client_of
    from engram.errors import UsageError
    from engram.settings import load_settings

    if file and texts:
        raise UsageError("Give texts or --file, not both.", remedy='A text in a file is a JSON string: "like this".')
    home = load_settings().home
    server: Any = client_of(home) if is_deployment_name(name) else None
    folder = artifact_of(home, name) if server is None else None
    inputs = read_inputs("-" if texts == ["-"] else file) if file or texts == ["-"] else list(texts or _lines())
    if not inputs:
        raise UsageError("There is nothing to answer.", remedy="Give a text, or lines on standard input.")
    asked: list[Any] = inputs
    if server is not None:
        said = server.deployments.get(name)
        asked = asked_as(said["kind"], said["task"], inputs) or inputs
        answers = server.deployments.predict(name, asked)
    elif folder is not None:
        from engram.artifacts.home_keys import HomeKeys
        from engram.artifacts.opened import opened
        from engram.files import read_json
        from engram.serve.load import open_artifact

        with opened(folder, HomeKeys(home)) as plain:
            about = read_json(plain / "recipe.json") if (plain / "recipe.json").is_file() else {}
            taken = asked_as(about.get("kind", ""), about.get("task", ""), inputs)
            if taken is None:
                check_inputs(plain, inputs)
            asked = inputs if taken is None else taken
            answers = open_artifact(plain)(asked)
    if save:
        from engram.cli.files_asked import save_files

        for path in save_files(answers, Path(save)):
            output.say(f"wrote {path}")
    output.emit(
        [{"input": one, **answer} for one, answer in zip(inputs, answers, strict=True)],
        *(say_answer(one, answer) for one, answer in zip(inputs, answers, strict=True)),
    )
    return 0


def _lines() -> list[str]:
    return [] if sys.stdin.isatty() else [line.rstrip("\n") for line in sys.stdin]


def is_deployment_name(name: str) -> bool:
    """Tell whether a text names a deployment and nothing on this disk: no run, no digest, no folder.

    >>> is_deployment_name("tickets"), is_deployment_name("last"), is_deployment_name("sha256:0a")
    (True, False, False)
    """
    digest = name.startswith("sha256:") or (len(name) >= 8 and set(name) <= set("0123456789abcdef"))
    return not (name == "last" or name.startswith("r_") or digest or Path(name).is_dir())


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
