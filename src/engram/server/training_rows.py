"""Training files as OpenAI's clients send them: lines of JSON, each a conversation or a prompt with its completion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engram.errors import DataError

MOST_LINE_BYTES = 2**20
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Rows:
    """What a file holds: which form its rows have (`schema.form`), and how many they are."""

    form: str
    count: int


def read_rows(path: Path, name: str) -> Rows:
    """Look at every line of a training file; memory stays flat.

    name: how people call the file, for errors.
    Raises DataError for the first line that is no row, or a row of another form than the first.
    """
    form, count = "", 0
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise DataError(f"the line has more than {MOST_LINE_BYTES} bytes.", file=name, line=number)
            if not line.strip():
                continue
            found = _form_of(line, name, number)
            if form and found != form:
                raise DataError(f"a row of the form {found}, after rows of {form}.", file=name, line=number)
            form, count = found, count + 1
    if not count:
        raise DataError("it has no rows.", file=name, remedy='For example {"prompt": "…", "completion": "…"}')
    return Rows(form, count)


def _form_of(line: bytes, name: str, number: int) -> str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is no JSON: {str(error)[:200]}.", file=name, line=number) from error
    if isinstance(row, dict):
        for form, check in FORMS.items():
            if form.split("_")[0] in row:
                if said := check(row):
                    raise DataError(said, file=name, line=number)
                return form
    raise DataError("a row has 'messages', or 'prompt' and 'completion'.", file=name, line=number)


def _messages(row: Mapping[str, Any]) -> str:
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        return "'messages' is a list of messages."
    for one in messages:
        if not isinstance(one, dict) or one.get("role") not in ROLES or not isinstance(one.get("content"), str):
            return f"each message has a role ({', '.join(ROLES)}) and a content that is a text."
        if "weight" in one:
            return "messages with a weight are not supported: every answer is learned."
    return "" if messages[-1]["role"] == "assistant" else "the last message must be the assistant's."


def _pair(row: Mapping[str, Any]) -> str:
    texts = isinstance(row["prompt"], str) and isinstance(row.get("completion"), str)
    return "" if texts else "'prompt' and 'completion' are texts."


FORMS: dict[str, Callable[[Mapping[str, Any]], str]] = {"messages": _messages, "prompt_completion": _pair}
