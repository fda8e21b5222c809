"""Cells to rows: each form of `schema.form` read, checked and brought into the one shape that its rows have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engram.errors import DataError, UsageError, did_you_mean
from engram.schema.form import FORMS, Form

Clean = Callable[[str], str]
Cells = Mapping[str, str]
SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_call": "assistant",
}
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Made:
    """What one row of a file becomes; `body` is empty when something that a row needs is missing.

    text: the question, by which leaks are found and rows that belong together stay in one part.
    whole: by what duplicates are found. body: what is written. tags: the tags of a tagged row, one a token.
    file: the content of a row's file.
    """

    text: str = ""
    whole: str = ""
    body: Mapping[str, Any] | None = None
    tags: tuple[str, ...] = ()
    file: bytes = b""


class BadCell(ValueError):
    """A cell that does not hold what its role asks for; `role` says which."""

    def __init__(self, role: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.role, self.remedy = role, remedy


def choose_form(name: str, allowed: Sequence[str], columns: Mapping[str, str], found: Sequence[str]) -> Form:
    """Return the form that a recipe names, or for ``auto`` the first allowed one whose needed columns are there.

    columns: role → column, as the recipe says. found: the columns of the first source.

    Raises UsageError for a form that the task does not take or a role that the form does not have, DataError when no
    form fits the columns.
    """
    if name != "auto":
        if name not in allowed:
            remedy = did_you_mean(name, allowed)
            raise UsageError(f"data.format is {name!r}; this task takes {', '.join(allowed)}.", remedy=remedy)
        return _with_roles(FORMS[name], columns)
    fitting = [form for form in (FORMS[one] for one in allowed) if _fits(form, columns, found)]
    if fitting:
        return _with_roles(fitting[0], columns)
    if len(allowed) == 1:
        return _with_roles(FORMS[allowed[0]], columns)  # its reader says which column is missing
    wanted = "; ".join(f"{one} ({', '.join(FORMS[one].roles)})" for one in allowed)
    raise DataError(
        f"the columns {', '.join(found)} fit none of the forms of rows that this task takes: {wanted}.",
        remedy="Say which column plays which role: columns: {prompt: question, response: answer}.",
    )


def _fits(form: Form, columns: Mapping[str, str], found: Sequence[str]) -> bool:
    return set(columns) <= set(form.known) and all(columns.get(role, role) in found for role in form.roles)


def _with_roles(form: Form, columns: Mapping[str, str]) -> Form:
    for role in columns:
        if role not in form.known:
            told = f"unknown role {role!r} in data.columns. Roles of the form {form.name!r}: {', '.join(form.known)}."
            raise UsageError(told, remedy=did_you_mean(role, form.known))
    return form


def maker(form: Form, clean: Clean) -> Callable[[Cells], Made]:
    """Return the function from a row's cells, by role, to the row. It raises BadCell for a cell of the wrong kind.

    >>> from engram.schema.form import FORMS
    >>> maker(FORMS["alpaca"], str.strip)({"instruction": "Add.", "input": "1 2", "output": "3"}).body["messages"][0]
    {'role': 'user', 'content': 'Add.\\n1 2'}
    """
    return lambda cells: _MAKERS[form.name](cells, clean)


def _chat(messages: list[dict[str, Any]], clean: Clean, role: str, tools: str = "") -> Made:
    cleaned = [{**one, "content": clean(one["content"])} for one in messages]
    while cleaned and cleaned[-1]["role"] != "assistant":
        cleaned.pop()  # what comes after the last answer has nothing to learn from
    # An assistant that only calls a tool says nothing itself.
    if not cleaned or not all(one["content"] or one.get("tool_calls") or one["role"] == "system" for one in cleaned):
        return Made()
    body: dict[str, Any] = {"messages": [one for one in cleaned if one["content"] or one.get("tool_calls")]}
    if tools.strip():
        body["tools"] = _list("tools", tools, dict)
    question = "\n".join(one["content"] for one in body["messages"][:-1])
    return Made(question or cleaned[-1]["content"], json.dumps(body, sort_keys=True, ensure_ascii=False), body)


def _pair(prompt: str, answer: str, clean: Clean, role: str, system: str = "") -> Made:
    if not prompt.strip() or not answer.strip():
        return Made()
    first = [{"role": "system", "content": system}] if system.strip() else []
    both = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return _chat([*first, *both], clean, role)


def _alpaca(cells: Cells, clean: Clean) -> Made:
    more = cells.get("input", "")
    prompt = f"{cells['instruction']}\n{more}" if more.strip() else cells["instruction"]
    return _pair(prompt, cells["output"], clean, "instruction", cells.get("system", ""))


def _prompt_response(cells: Cells, clean: Clean) -> Made:
    return _pair(cells["prompt"], cells["response"], clean, "prompt", cells.get("system", ""))


def _prompt_completion(cells: Cells, clean: Clean) -> Made:
    prompt, completion = cells["prompt"], cells["completion"]
    if prompt.lstrip().startswith("[{") and completion.lstrip().startswith("[{"):
        return _chat([*_messages("prompt", prompt), *_messages("completion", completion)], clean, "prompt")
    return _pair(prompt, completion, clean, "prompt")


def _conversation(cells: Cells, clean: Clean) -> Made:
    return _chat(_messages("messages", cells["messages"]), clean, "messages", cells.get("tools", ""))


def _sharegpt(cells: Cells, clean: Clean) -> Made:
    turns = []
    for at, one in enumerate(_list("conversations", cells["conversations"], dict), 1):
        who, said = one.get("from"), one.get("value")
        if not isinstance(who, str) or not isinstance(said, str) or who.lower() not in SPEAKERS:
            known = ", ".join(SPEAKERS)
            told = f"turn {at} must be like {{from: human, value: …}}; from is {who!r}."
            raise BadCell("conversations", told, f"Known speakers: {known}.")
        turns.append({"role": SPEAKERS[who.lower()], "content": said})
    if cells.get("system", "").strip() and (not turns or turns[0]["role"] != "system"):
        turns.insert(0, {"role": "system", "content": cells["system"]})
    return _chat(turns, clean, "conversations", cells.get("tools", ""))


def _text(cells: Cells, clean: Clean) -> Made:
    return _chat([{"role": "assistant", "content": cells["text"]}], clean, "text")


def _tags(cells: Cells, clean: Clean) -> Made:
    tokens, tags = _list("tokens", cells["tokens"], str), _list("tags", cells["tags"], str)
    if len(tokens) != len(tags):
        raise BadCell("tags", f"{len(tokens)} tokens came with {len(tags)} tags; each token needs one.")
    cleaned, named = [clean(token) for token in tokens], tuple(tag.strip() for tag in tags)
    if not tokens or not all(cleaned) or not all(named):
        return Made()
    whole = json.dumps([cleaned, named], ensure_ascii=False)
    return Made(" ".join(cleaned), whole, {"tokens": cleaned, "tags": list(named)}, named)


def _preference(cells: Cells, clean: Clean) -> Made:
    prompt = cells["prompt"]
    asked = _messages("prompt", prompt) if prompt.lstrip().startswith("[{") else [{"role": "user", "content": prompt}]
    messages = [{**one, "content": clean(one["content"])} for one in asked]
    chosen, rejected = (clean(_last_answer(role, cells[role])) for role in ("chosen", "rejected"))
    if not chosen or not rejected or not all(one["content"] for one in messages):
        return Made()
    if chosen == rejected:
        raise BadCell("rejected", "the better and the worse answer are the same.", "Remove the row.")
    body = {"messages": messages, "chosen": chosen, "rejected": rejected}
    question = "\n".join(one["content"] for one in messages)
    return Made(question, json.dumps(body, sort_keys=True, ensure_ascii=False), body)


def _last_answer(role: str, cell: str) -> str:
    if not cell.lstrip().startswith("[{"):
        return cell
    messages = _messages(role, cell)
    if messages[-1]["role"] != "assistant":
        raise BadCell(role, f"the last message is of {messages[-1]['role']!r}, where the assistant's was expected.")
    return str(messages[-1]["content"])


def _anchors(cells: Cells, clean: Clean) -> Made:
    anchor, positive, negative = (clean(cells.get(role, "")) for role in ("anchor", "positive", "negative"))
    if not anchor or not positive:
        return Made()
    body = {"anchor": anchor, "positive": positive, "negative": negative}
    return Made(anchor, json.dumps(body, ensure_ascii=False), body)


def _scored(cells: Cells, clean: Clean) -> Made:
    one, other = clean(cells["sentence1"]), clean(cells["sentence2"])
    told = cells["score"].strip()
    if not one or not other or not told:
        return Made()
    try:
        score = float(told)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise BadCell("score", f"expected a number, received {told[:40]!r}.")
    body = {"sentence1": one, "sentence2": other, "score": score}
    return Made(f"{one}\n{other}", json.dumps([one, other], ensure_ascii=False), body)


def _messages(role: str, cell: str) -> list[dict[str, Any]]:
    """Parse a list of messages; each keeps role and content, and tool calls where there are some."""
    out = []
    for at, one in enumerate(_list(role, cell, dict), 1):
        who, said, calls = one.get("role"), one.get("content"), one.get("tool_calls")
        if who not in ROLES or not (isinstance(said, str) or (said is None and calls)):
            told = f"message {at} must be like {{role: user, content: …}}; its role is {who!r}."
            raise BadCell(role, told, f"Known roles: {', '.join(ROLES)}.")
        kept = {name: one[name] for name in ("name", "tool_call_id") if isinstance(one.get(name), str)}
        out.append({"role": who, "content": said or "", **kept, **({"tool_calls": calls} if calls else {})})
    return out


def _list(role: str, cell: str, of: type) -> list[Any]:
    try:
        value = json.loads(cell) if cell.strip() else []
    except ValueError as error:
        raise BadCell(role, f"expected a list, received text that is no JSON ({error}).") from error
    if not isinstance(value, list):
        raise BadCell(role, f"expected a list, received {type(value).__name__}.")
    for at, one in enumerate(value, 1):
        if not isinstance(one, of):
            kind = "an object" if of is dict else "a text"
            raise BadCell(role, f"item {at} of the list must be {kind}, and it is {str(one)[:40]!r}.")
    return value


_MAKERS: Mapping[str, Callable[[Cells, Clean], Made]] = {
    "tags": _tags,
    "preference": _preference,
    "messages": _conversation,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "prompt_completion": _prompt_completion,
    "prompt_response": _prompt_response,
    "anchors": _anchors,
    "scored_pairs": _scored,
    "text": _text,
}
