"""What a model is asked: JSON from a file or from standard input, and whether its task takes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STDIN = "-"
EXAMPLE = '{"messages": [{"role": "user", "content": "My kettle leaks."}]}'


def read_inputs(source: str) -> list[Any]:
    """Return the inputs of a JSON file, ``-`` for standard input: one, a list of them, or one on each line.

    A list at the top holds inputs; a file that ends in .jsonl, or that is no single document, holds one a line.

    Raises NotFound when there is no such file, UserError with line and column for what is no JSON.
    """
    from engram.errors import NotFound, UserError

    where = "standard input" if source == STDIN else source
    if source != STDIN and not Path(source).is_file():
        raise NotFound(f"There is no file {source}.", remedy="Name a JSON file, or '-' for standard input.")
    try:
        text = sys.stdin.read() if source == STDIN else Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is no UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8.") from error
    if not source.endswith(".jsonl"):
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise _no_json(where, error.lineno, error) from error
        else:
            return found if isinstance(found, list) else [found]
    inputs = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            inputs += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise _no_json(where, number, error) from error
    return inputs


def check_inputs(folder: Path, inputs: Sequence[Any]) -> None:
    """Refuse inputs that an artifact's task doesn't take, before a model is loaded.

    Texts go everywhere; a task that tags takes lists of words too, one that writes texts takes conversations.

    Raises UserError with the number of the first bad input.
    """
    from engram.errors import UserError

    gives = _gives(folder)
    for number, one in enumerate(inputs, 1):
        words = isinstance(one, list) and all(isinstance(word, str) for word in one)
        if isinstance(one, str) or gives in (None, "speech") or (gives == "spans" and words):
            continue
        if gives == "texts" and isinstance(one, dict) and (told := _misfit(one)) is None:
            continue
        wanted = {"spans": "a text or a list of words", "texts": 'a text or {"messages": [...]}'}.get(gives, "a text")
        said = told if gives == "texts" and isinstance(one, dict) else f"it is {_short(one)}"
        remedy = f"For example {EXAMPLE}" if gives == "texts" else "Give texts, or a JSON list of them with --file."
        raise UserError(f"Input {number} must be {wanted}; {said}.", remedy=remedy)


def _misfit(one: dict[str, Any]) -> str | None:
    messages = one.get("messages")
    if not isinstance(messages, list) or not messages:
        return f"its keys are {', '.join(map(repr, one)) or 'none'}" if "messages" not in one else "it has no messages"
    for place, message in enumerate(messages, 1):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str) or "content" not in message:
            return f"its message {place} is {_short(message)}, without a role and a content"
    return None


def _short(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def _gives(folder: Path) -> str | None:
    """Return what the artifact's answers are; None where that is not known here, and its own code tells."""
    from engram import files, registry
    from engram.schema.takes import TAKES

    if not (folder / "recipe.json").is_file():
        return None
    said = files.read_json(folder / "recipe.json")
    if said.get("kind") not in registry.names("kind"):
        return None
    card = registry.get("kind", said["kind"])
    return TAKES.get(card.primary(said["task"]).name) if said.get("task") in card.tasks else None


def _no_json(where: str, line: int, error: json.JSONDecodeError) -> Exception:
    from engram.errors import UserError

    return UserError(
        f"{where}, line {line}, column {error.colno}: this is no JSON ({error.msg}).",
        remedy=f'A text is written "like this", a conversation like {EXAMPLE}',
    )
