"""Templates: a base model, data and a recipe, put together once and certified, so that every run of it begins alike."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from engram import files, registry
from engram.config.load import Loaded, load_recipe
from engram.config.shipped import shipped_names
from engram.config.template import STARTER
from engram.data.prepare import whole_digest
from engram.data.sources import fingerprint, source_path
from engram.errors import NotFound, PlatformError, UnknownName, UsageError
from engram.files import json_digest
from engram.ledger.encoding import from_canonical_json
from engram.ledger.log import Ledger
from engram.ledger.template_certificate import certify_template, template_digest
from engram.schema.card import TaskCard
from engram.schema.codec import to_dict
from engram.schema.form import FORMS
from engram.schema.recipe import Recipe, Source

OURS = ("embedded:", "made:", "gym:")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


@dataclass(frozen=True)
class Wanted:
    """What a template is asked to be.

    recipe: the name of the recipe to begin with; empty for the starter of the task. task: empty for that of the recipe.
    dataset, sample, hub: at most one, in place of the recipe's sources. columns: role → column, for that data.
    """

    name: str
    kind: str
    source: str
    task: str = ""
    revision: str = ""
    recipe: str = ""
    dataset: str = ""
    sample: str = ""
    hub: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    sets: Sequence[str] = ()


@dataclass(frozen=True)
class Drafted:
    """A template before it is signed. began: the recipe it began with; text: its whole recipe as YAML."""

    began: str
    recipe: Recipe
    text: str
    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the template."""
        return template_digest(self.parts)

    @property
    def dataset(self) -> str:
        """The digest of its dataset, or an empty text."""
        return next((one.dataset for one in self.recipe.data.sources if one.dataset), "")

    def body(self, certificate: bytes) -> dict[str, Any]:
        """Return what is stored of it."""
        return {
            "recipe": self.began,
            "recipe_text": self.text,
            "dataset": self.dataset,
            "certificate": from_canonical_json(certificate),
        }


Load = Callable[[str, Sequence[str], Mapping[str, Any]], Loaded]


def draft(wanted: Wanted, load: Load, stored: Path) -> Drafted:
    """Put a template together; nothing is stored or signed.

    load: from the name of a recipe, changes and flags to the recipe, its datasets pinned. stored: the home's datasets.
    Raises UsageError for a revision that can't be pinned and data that is named twice, UnknownName for a recipe that
    does not exist, and what `load` raises.
    """
    began = wanted.recipe or _starter(wanted)
    source, revision = pin_model(wanted.source, wanted.revision)
    loaded = load(began, wanted.sets, _flags(wanted, source, revision))
    recipe = _absolute(loaded)
    if (wanted.kind, wanted.task or recipe.task) != (recipe.kind, recipe.task):
        asked = f"{wanted.kind}, {wanted.task or recipe.task}"
        raise UsageError(
            f"The recipe {began!r} is of kind {recipe.kind}, task {recipe.task}, and the template of {asked}.",
            remedy="Name a recipe of that kind and task.",
        )
    text = yaml.safe_dump(to_dict(recipe), sort_keys=False, allow_unicode=True, width=120)
    parts = {
        "kind": recipe.kind,
        "task": recipe.task,
        "source": source,
        "revision": revision,
        "datasets": [_data(one, recipe, loaded.folder, stored) for one in recipe.data.sources],
        "recipe": json_digest(to_dict(recipe)),
    }
    return Drafted(began, recipe, text, parts)


def sign(drafted: Drafted, id: str, ledger: Ledger, actor: str = "engram") -> dict[str, Any]:
    """Certify a template and return its body; the caller holds the ledger."""
    return drafted.body(certify_template(drafted.parts, id, ledger, actor))


def check_text(drafted: Drafted, home: Path) -> None:
    """Read the text again, as a run of it will; raises PlatformError unless it is the recipe that was certified."""
    again = load_recipe(keep_text(home, drafted.text), environment={})
    if again.digest != drafted.parts["recipe"]:
        raise PlatformError("The template's recipe reads otherwise than it was written.", remedy="Simplify the recipe.")


def keep_text(home: Path, text: str) -> Path:
    """Keep a recipe's text in a file of the home, named by its digest, and return the file."""
    content = text.encode()
    path = home / "recipes" / f"{files.sha256_bytes(content).removeprefix('sha256:')}.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, content)
    return path


def pin_model(source: str, revision: str) -> tuple[str, str]:
    """Return a model's source and what pins it: a commit of the hub, a folder's digest, nothing for Engram's own.

    A branch or tag of the hub counts where this machine's cache knows its commit.
    Raises UsageError for a revision that can't be pinned, NotFound for a folder without a model.

    >>> pin_model("org/name@" + "a" * 40, "")[0]
    'org/name'
    """
    if source.startswith(OURS):
        if revision not in ("", "main"):
            raise UsageError(f"{source} comes with Engram and has no revision.", remedy="Leave the revision out.")
        return source, ""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder.resolve()), _folder_digest(folder)
    if source.startswith((".", "/", "~")):
        raise NotFound(f"There is no model folder {source}.", remedy="Check the source.")
    name, _, said = source.partition("@")
    if said and revision and said != revision:
        raise UsageError("The revision is given twice.", remedy="Write it once: org/name@commit.")
    asked = said or revision or "main"
    commit = asked if _COMMIT.fullmatch(asked) else _cached_commit(name, asked)
    if not commit:
        raise UsageError(
            f"The revision {asked!r} of {name!r} may move, and a template is certified for one commit.",
            remedy="Name the commit, 40 hex digits, as revision.",
        )
    return name, commit


def _starter(wanted: Wanted) -> str:
    own, name = f"{STARTER}{wanted.kind}_{wanted.task}", f"{STARTER}{wanted.task}"
    if own in shipped_names():
        return own
    if not wanted.task or name not in shipped_names():
        known = [one.removeprefix(STARTER) for one in shipped_names() if one.startswith(STARTER)]
        raise UnknownName.of("task with a starter recipe", wanted.task, known)
    return name


def _flags(wanted: Wanted, source: str, revision: str) -> dict[str, Any]:
    flags: dict[str, Any] = {"name": wanted.name, "model.source": source}
    if _COMMIT.fullmatch(revision):
        flags["model.revision"] = revision
    given = {name: getattr(wanted, name) for name in ("dataset", "sample", "hub") if getattr(wanted, name)}
    if len(given) > 1:
        raise UsageError("A template has one of dataset, sample and hub.", remedy="Name one; a recipe may name more.")
    if given:
        flags["data.sources"] = [given]
    if wanted.columns:
        flags["data.columns"] = dict(wanted.columns)
    return flags


def _absolute(loaded: Loaded) -> Recipe:
    """Return the recipe with whole paths: a template's text lies elsewhere than the recipe that it began with."""
    recipe = loaded.recipe
    sources = tuple(
        replace(one, path=str(loaded.folder / one.path)) if one.path is not None else one for one in recipe.data.sources
    )
    return replace(recipe, data=replace(recipe.data, sources=sources))


def _data(source: Source, recipe: Recipe, folder: Path, stored: Path) -> dict[str, str]:
    """Return what a certificate says of one source: what it is called, and the digest of what it holds now."""
    if source.hub is not None:
        name, _, said = source.hub.partition("@")
        return {"name": f"hub:{name}", "revision": said or source.revision}
    if source.dataset is not None:
        return {"name": "dataset", "digest": source.dataset}
    name = f"sample:{source.sample}" if source.sample else "path"
    task: TaskCard = registry.get("kind", recipe.kind).tasks[recipe.task]
    if any(FORMS[form].file for form in task.forms):
        return {"name": name, "digest": whole_digest(source, recipe.data, folder, task.forms, stored)}
    return {"name": name, "digest": fingerprint(source_path(source, folder, stored), source)[0]}


def _folder_digest(folder: Path) -> str:
    listed = sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in listed):
        raise NotFound(f"{folder} holds no .safetensors weights.", remedy="Name a folder in transformers format.")
    return json_digest({path.name: files.sha256_file(path) for path in listed})


def _cached_commit(name: str, revision: str) -> str:
    """Return the commit that this machine's cache of the hub has for a branch or tag, or an empty text."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or not re.fullmatch(r"\w[\w.-]*", revision):
        return ""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    ref = cache / f"models--{name.replace('/', '--')}" / "refs" / revision
    said = ref.read_text(encoding="utf-8").strip() if ref.is_file() else ""
    return said if _COMMIT.fullmatch(said) else ""
