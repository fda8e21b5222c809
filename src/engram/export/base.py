"""Where a base model's files come from: the hub, a folder, a package that embeds them, or this machine itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engram import files
from engram.errors import NotFound, UnknownName
from engram.export.format import BaseRef
from engram.lazy import need
from engram.schema.recipe import Model

EMBEDDED_PREFIX, MADE_PREFIX = "embedded:", "made:"
SAFE_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")  # a chat template is a .jinja file


@dataclass(frozen=True)
class Own:
    """Base models that need no hub.

    embedded: name → the package that carries it, with a function `get_model_path`, and the hub id of its weights. made:
    name → what makes the model on this machine and returns its folder, the same one each time.
    """

    embedded: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    made: Mapping[str, Callable[[], Path]] = field(default_factory=dict)


def find_base(model: Model, own: Own) -> BaseRef:
    """Return the base model that a recipe names, fetched from the hub when it is a hub id that is not cached.

    Only safetensors weights and text files are fetched: no pickle, no code.

    Raises NotFound when the folder or hub id can't be found, UnknownName for an unknown embedded or made model.
    """
    folder, name, revision = _find(model, own)
    listed = sorted({path for pattern in SAFE_PATTERNS for path in folder.glob(pattern) if path.is_file()})
    digest = files.json_digest({path.name: files.sha256_file(path) for path in listed})
    return BaseRef(folder, name, revision, digest)


def find_folder(model: Model, own: Own) -> Path:
    """Return the folder of a base model without reading its weights; raises what `find_base` raises."""
    return _find(model, own)[0]


def _find(model: Model, own: Own) -> tuple[Path, str, str]:
    """Return folder, the name that the ecosystem knows, and the pinned commit where there is one."""
    if model.source.startswith(EMBEDDED_PREFIX):
        return _embedded(model.source.removeprefix(EMBEDDED_PREFIX), own)
    if model.source.startswith(MADE_PREFIX):
        return _made(model.source, own)
    folder = Path(model.source).expanduser()
    if folder.is_dir():
        return _checked(folder), model.source, ""
    if model.source.startswith((".", "/", "~")):
        raise NotFound(f"There is no model folder {model.source}.", remedy="Check model.source in the recipe.")
    return _from_hub(model, own)


def _embedded(name: str, own: Own) -> tuple[Path, str, str]:
    if name not in own.embedded:
        raise UnknownName.of("embedded model", name, own.embedded)
    package, hub_id = own.embedded[name]
    module = need(package, extra="train", why="for the embedded sentence encoder")
    return _checked(Path(module.get_model_path())), hub_id, ""


def _made(source: str, own: Own) -> tuple[Path, str, str]:
    name = source.removeprefix(MADE_PREFIX)
    if name not in own.made:
        raise UnknownName.of("made model", name, own.made)
    return _checked(own.made[name]()), source, ""


def _from_hub(model: Model, own: Own) -> tuple[Path, str, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(model.source, revision=model.revision, allow_patterns=list(SAFE_PATTERNS)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        without = [*(EMBEDDED_PREFIX + name for name in own.embedded), *(MADE_PREFIX + name for name in own.made)]
        other = f", or use {without[0]}" if without else ""
        raise NotFound(
            f"The model {model.source!r} (revision {model.revision!r}) can't be had: {_first_line(error)}",
            remedy=f"Check the id and the network, or name a local folder{other}.",
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


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing bars and reporting the new head as missing weights."""
    import transformers

    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.ERROR)
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)
        transformers.logging.enable_progress_bar()  # type: ignore[no-untyped-call]
