"""The story of an import: read the file, tell whose it is, file each key, write the recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from engram.config.importers import autotrain, axolotl, llama_factory, trl
from engram.config.importers.detect import OUR_FORMAT, recognise
from engram.config.importers.places import recipe_name
from engram.config.importers.report import Imported
from engram.config.importers.sheet import Rule, Sheet
from engram.config.importers.write import left_out, recipe_text
from engram.config.read import read_tree
from engram.config.tree import Tree
from engram.errors import NotFound, UnknownName, UsageError
from engram.schema.recipe import FORMAT

TO_DO, NO_ROWS, NO_MODEL = "TO DO", "rows.jsonl", "org/model"


@dataclass(frozen=True)
class Peer:
    """A tool whose files can be read: its name, its title, the keys of its files, and what makes a recipe of them."""

    name: str
    title: str
    rules: Mapping[str, Rule]
    convert: Callable[[Sheet], None]


def _peer(module: ModuleType) -> Peer:
    return Peer(module.NAME, module.TITLE, module.RULES, module.convert)


PEERS = {peer.name: peer for peer in map(_peer, (llama_factory, axolotl, trl, autotrain))}


def import_config(file: Path, *, peer: str | None = None, out: Path = Path(), partial: bool = False) -> Imported:
    """Make a recipe of another tool's file, and tell of each of its keys what became of it.

    peer: a name of PEERS; found by the keys when it is not given. out: the folder of the recipe, from which its paths
    start. partial: write the recipe also where keys that matter can't be carried over.

    Raises NotFound for a file that is not there, RecipeError for one that can't be read, UsageError where it can't be
    told whose the file is.
    """
    tree = _read(file)
    chosen, because = _choose(str(file), tree, peer)
    sheet = Sheet(tree, chosen.title, (Path.cwd(), file.resolve().parent), out)
    sheet.write("format", FORMAT, "")
    sheet.put("name", recipe_name(file.stem), "by the name of the file")
    sheet.put("kind", "language", "")
    chosen.convert(sheet)
    sheet.settle()
    if not sheet.final:
        _fill(sheet)
    whole = not sheet.lacks and not any(one.matters for one in sheet.unsupported)
    text = _text(file, chosen, because, sheet, whole) if whole or (partial and not sheet.final) else None
    return Imported(
        peer=chosen.name,
        because=because,
        file=str(file),
        name=sheet.wrote("name"),
        text=text,
        carried=tuple(sheet.carried),
        ignored=tuple(sheet.ignored),
        unsupported=tuple(sheet.unsupported),
        added=tuple(one for one in sheet.added if one.reason),
        notes=tuple(sheet.notes),
        lacks=tuple(sheet.lacks),
        final=sheet.final,
    )


def _fill(sheet: Sheet) -> None:
    """Write what a recipe can't be without where the file lacks it."""
    if sheet.wrote("model.source") is None:
        sheet.lacks.append("it names no base model")
        sheet.put("model.source", NO_MODEL, f"{TO_DO}: name the base model, because the file does not")
    if sheet.wrote("data.sources.0.path") is None and sheet.wrote("data.sources.0.hub") is None:
        sheet.lacks.append("it names no data that Engram can read")
        sheet.put(
            "data.sources.0.path", NO_ROWS, f"{TO_DO}: name the file of your rows, because no source could be read"
        )


def _read(file: Path) -> Tree:
    try:
        return read_tree(file)
    except NotFound as error:
        raise NotFound(f"There is no file {file}.") from error


def _choose(file: str, tree: Tree, name: str | None) -> tuple[Peer, str]:
    if str(tree.data.get("format", "")).startswith(OUR_FORMAT):
        raise UsageError(f"{file} is a recipe of Engram already.", remedy=f"Check it: engram recipes validate {file}")
    if name is None:
        name, because = recognise(file, tree.data, {peer.name: peer.rules for peer in PEERS.values()})
        return PEERS[name], because
    if name not in PEERS:
        raise UnknownName.of("tool", name, PEERS)
    return PEERS[name], "as --from says"


def _text(file: Path, peer: Peer, because: str, sheet: Sheet, whole: bool) -> str:
    head = [
        f"Imported from {file.name}, a file of {peer.title} ({because}).",
        "Beside each line: where it comes from. What was left out, and why, is told at the end.",
        "",
    ]
    head[2:2] = [f"CHECK: {note}" for note in sheet.notes]
    if not whole:
        head[2:2] = ["PARTIAL: it trains otherwise than that file says; see 'Not there yet' and 'TO DO' below."]
    return recipe_text(head, sheet.lines, [*left_out(sheet.ignored, sheet.unsupported)])
