"""Rows that are composed: messages made out of any columns, where a file has no form that a task takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engram.data.forms import Cells, Clean, Made
from engram.schema.form import Form

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Composer:
    """How rows are composed.

    form: the roles that must have a column. compose: cells by role, cleaned and never empty → the messages, of which
    the last one is the answer.
    """

    form: Form
    compose: Callable[[Cells], Messages]


def composing(composer: Composer, clean: Clean, labels: Mapping[str, str] | None) -> Callable[[Cells], Made]:
    """Return the function from a row's cells, by role, to the row; without a body when one of them is empty.

    labels: value in the file → name; it is what stands for the role `label`, which the prep steps leave alone.

    >>> form = Form("pair", "A pair", "chat", {"text": "a text", "label": "its class"})
    >>> answer = lambda cells: [{"role": "assistant", "content": f"{cells['text']}: {cells['label']}"}]
    >>> composing(Composer(form, answer), str.strip, {"1": "good"})({"text": " Nice ", "label": "1"}).text
    'Nice: good'
    """
    named = labels or {}

    def make(cells: Cells) -> Made:
        cleaned = {role: clean(cell) for role, cell in cells.items() if role != "label"}
        if "label" in cells:
            value = cells["label"].strip()
            cleaned["label"] = named.get(value, value)
        if not all(cleaned.values()):
            return Made()
        messages = composer.compose(cleaned)
        question = "\n".join(one["content"] for one in messages[:-1]) or messages[-1]["content"]
        body = {"messages": messages}
        return Made(question, json.dumps(body, sort_keys=True, ensure_ascii=False), body)

    return make
