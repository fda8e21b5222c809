"""Pinning: a recipe that names datasets of a home becomes one that names their digests, so that it stays what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engram.config.licences import research_only
from engram.config.load import Loaded
from engram.errors import UsageError
from engram.files import json_digest
from engram.schema.codec import to_dict
from engram.schema.recipe import Source


@dataclass(frozen=True)
class Named:
    """What a home knows of a dataset: its digest, its licence, and how its file is read.

    read: the options of `Source` by which it was checked when it came in; format is always among them.
    """

    digest: str
    license: str
    read: Source


def pin_datasets(loaded: Loaded, find: Callable[[str], Named]) -> Loaded:
    """Return a recipe whose datasets are digests; what the recipe itself says of a source stays.

    find: from a name or a digest to the dataset; it raises NotFound for one that the caller may not use.

    Raises UsageError when a dataset's licence allows no commercial use and the recipe is for it.
    """
    recipe = loaded.recipe
    sources = tuple(pinned(one, find(one.dataset)) if one.dataset is not None else one for one in recipe.data.sources)
    if sources == recipe.data.sources:
        return loaded
    for one in sources:
        if recipe.use == "commercial" and research_only(one.license):
            raise UsageError(
                f"The dataset {one.dataset} has the licence {one.license!r}, which allows no commercial use.",
                remedy="Write use: research if it is research, or use other data.",
            )
    changed = replace(recipe, data=replace(recipe.data, sources=sources))
    return replace(loaded, recipe=changed, digest=json_digest(to_dict(changed)))


def pinned(source: Source, named: Named) -> Source:
    """Return one source with the digest of its dataset, and with what was found out when the dataset came in.

    >>> read = Source(format="csv", delimiter=";")
    >>> pinned(Source(dataset="mails"), Named("sha256:" + "0" * 64, "cc0", read)).delimiter
    ';'
    """
    plain, given = Source(), {}
    for name in ("format", "delimiter", "header", "quoting", "paragraphs"):
        if getattr(source, name) == getattr(plain, name):
            given[name] = getattr(named.read, name)
    licence = source.license if source.license != plain.license else named.license or plain.license
    return replace(source, dataset=named.digest, license=licence, **given)
