"""What follows the encoder, as sentence-transformers' folders say it: pooling, dense layers, normalisation.

A folder without ``modules.json`` holds a bare encoder; it gets the mean over the tokens, and length one.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram import files
from engram.errors import Refused, UserError

LIST, SENTENCES, OVERALL = "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"
KNOWN = ("Transformer", "Pooling", "Dense", "Normalize")
POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATIONS = ("Identity", "Tanh", "GELU", "ReLU", "SiLU", "Sigmoid")
PREFIX = "sentence_transformers.models."


@dataclass(frozen=True)
class DenseSpec:
    """One dense layer. folder: the module's own, relative to the model's; activation: a name of `torch.nn`."""

    folder: str
    inputs: int
    outputs: int
    bias: bool
    activation: str


@dataclass(frozen=True)
class Plan:
    """What becomes of the encoder's hidden states.

    pooling: cls, mean, max or lasttoken. dense: the layers after it, in order. normalise: to length one.
    prompt: what is put before each text. longest: the most tokens that the folder allows, None where it says nothing.
    lower: texts are put in lower case first.
    """

    pooling: str = "mean"
    dense: tuple[DenseSpec, ...] = ()
    normalise: bool = True
    prompt: str = ""
    longest: int | None = None
    lower: bool = False


def read_plan(folder: Path) -> Plan:
    """Return what a folder says of its modules.

    Raises UserError for a module or a setting that is not known here: it would give other vectors.
    """
    said, overall = _read(folder / SENTENCES), _read(folder / OVERALL)
    texts: dict[str, Any] = {
        "prompt": (overall.get("prompts") or {}).get(overall.get("default_prompt_name") or "", ""),
        "longest": said.get("max_seq_length"),
        "lower": bool(said.get("do_lower_case", False)),
    }
    if not (folder / LIST).is_file():
        return Plan(**texts)
    listed = [(str(one["type"]).rsplit(".", 1)[-1], str(one["path"])) for one in files.read_json(folder / LIST)]
    kinds = [kind for kind, _ in listed]
    strange = [kind for kind in kinds if kind not in KNOWN]
    rank = [KNOWN.index(kind) for kind in kinds if kind in KNOWN]
    if strange or kinds[:2] != ["Transformer", "Pooling"] or rank != sorted(rank) or kinds.count("Normalize") > 1:
        raise UserError(
            f"{folder} puts together {', '.join(kinds)}, which is not known here.",
            remedy="Known: a transformer, pooling, any number of dense layers, and perhaps normalisation.",
        )
    paths = [(kind, _inside(folder, path)) for kind, path in listed]
    return Plan(
        pooling=_pooling(folder / dict(paths)["Pooling"]),
        dense=tuple(_dense(folder, path) for kind, path in paths if kind == "Dense"),
        normalise="Normalize" in kinds,
        **texts,
    )


def module_files(folder: Path) -> dict[str, Path]:
    """Return path in the folder → file, of what stands in the folders of the modules and says what they do."""
    if not (folder / LIST).is_file():
        return {}
    found = {}
    for one in files.read_json(folder / LIST):
        inner = folder / _inside(folder, str(one["path"]))
        if inner == folder or not inner.is_dir():
            continue
        for path in sorted(inner.iterdir()):
            if path.suffix in (".json", ".safetensors"):
                found[path.relative_to(folder).as_posix()] = path
    return found


def copy_modules(base: Path, plan: Plan, folder: Path, width: int, longest: int) -> None:
    """Write the modules beside an exported encoder, as they stand in the base's folder or as `Plan` has them.

    width: of the hidden states. longest: the most tokens of a text. The weights of dense layers are the base's.
    """
    if (base / LIST).is_file():
        for name, path in module_files(base).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        shutil.copyfile(base / LIST, folder / LIST)
    else:
        steps = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
        listed = [
            {"idx": at, "name": str(at), "path": path, "type": PREFIX + kind} for at, (path, kind) in enumerate(steps)
        ]
        files.write_json(folder / LIST, listed)
        (folder / "1_Pooling").mkdir(exist_ok=True)
        modes = {name: mode == plan.pooling for name, mode in POOLINGS.items()}
        files.write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **modes})
    copy_settings(base, plan, folder, longest)


def copy_settings(base: Path, plan: Plan, folder: Path, longest: int) -> None:
    """Write down how texts are read: their prompts as in the base's folder, and how long they may be."""
    if (base / OVERALL).is_file():
        shutil.copyfile(base / OVERALL, folder / OVERALL)
    files.write_json(folder / SENTENCES, {"max_seq_length": longest, "do_lower_case": plan.lower})


def _inside(folder: Path, path: str) -> str:
    """Return a module's path; raises Refused for one that leads out of the folder."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise Refused(f"{folder / LIST} names {path!r}, which lies outside of the folder.")
    return path


def _pooling(folder: Path) -> str:
    said = _read(folder / "config.json")
    modes = [mode for key, mode in POOLINGS.items() if said.get(key)]
    if isinstance(said.get("pooling_mode"), str):
        modes = [str(said["pooling_mode"])]
    others = [key for key, on in said.items() if key.startswith("pooling_mode_") and on and key not in POOLINGS]
    if len(modes) != 1 or others or modes[0] not in POOLINGS.values():
        named = ", ".join([*modes, *others]) or "nothing"
        raise UserError(
            f"{folder / 'config.json'} pools by {named}.", remedy=f"Known: one of {', '.join(POOLINGS.values())}."
        )
    return modes[0]


def _dense(folder: Path, path: str) -> DenseSpec:
    said = _read(folder / path / "config.json")
    activation = str(said.get("activation_function", "torch.nn.modules.activation.Tanh")).rsplit(".", 1)[-1]
    if activation not in ACTIVATIONS or not (folder / path / "model.safetensors").is_file():
        raise UserError(
            f"{folder / path} is no dense layer that can be opened here (activation {activation}).",
            remedy=f"It needs model.safetensors and one of {', '.join(ACTIVATIONS)}.",
        )
    bias = bool(said.get("bias", True))
    return DenseSpec(path, int(said["in_features"]), int(said["out_features"]), bias, activation)


def _read(path: Path) -> dict[str, Any]:
    return dict(files.read_json(path)) if path.is_file() else {}
