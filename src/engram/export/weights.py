"""Weights and a plain configuration, for a module that is no model of transformers.

``config.json`` says how the module is built and ``model.safetensors`` what it has learned: no class has to be found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engram import files
from engram.errors import Refused
from engram.export.format import BaseRef, Export
from engram.export.inspect import refuse_code
from engram.export.tasks import Task, as_task

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def write(model: Any, tokenizer: Any, base: BaseRef, folder: Path, task: str | Task = "classify") -> None:
    """Write configuration and weights of a module whose `config` is plain data, in fp32."""
    from safetensors.torch import save_file

    write_config(model, base, folder)
    weights = {name: tensor.detach().float().contiguous().cpu() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)


def write_config(model: Any, base: BaseRef, folder: Path) -> None:
    """Write a module's configuration, which also stands beside its graph."""
    files.write_json(folder / CONFIG, {**model.config, "base": base.name})


def open_weights(
    folder: Path,
    base: BaseRef,
    labels: Sequence[str],
    task: str | Task = "classify",
    digests: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """Build the module that the configuration says, by the task's `build`, and fill it; base and labels are not needed.

    Raises Refused when the weights are not those of such a module.
    """
    from safetensors.torch import load_file

    refuse_code(folder)
    model = as_task(task).graphing().build(files.read_json(folder / CONFIG))
    try:
        model.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except RuntimeError as error:
        raise Refused(f"{folder / WEIGHTS} holds no weights of the module that {CONFIG} says: {error}") from error
    return model.eval(), None


EXPORT = Export(name="weights", title="Weights and configuration", write=write, open=open_weights, plain=True)
