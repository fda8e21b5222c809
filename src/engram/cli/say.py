"""An answer of a model as lines for people, whatever its task gives."""

from __future__ import annotations

from typing import Any

INDENT = "  "
SHOWN = 6  # numbers of a vector


def say_answer(given: Any, answer: dict[str, Any]) -> str:
    """Return one answer for people.

    A label stands with its probability and the runner-up before the text. Spans stand under the text, one a line, with
    label, score and place; where tags mark no spans, each word stands with its tag. A written text stands under what
    was asked, and so do boxes, with label, score, size and place, and the first numbers of a vector; of a transcript
    with several parts each is a line, with its time in seconds. An action stands with what the policy holds of the
    others. Characters that a terminal would obey are shown as code points.

    >>> say_answer("Ana sings", {"spans": [{"text": "Ana", "label": "person", "start": 0, "end": 3, "score": 0.91}]})
    'Ana sings\\n  person  Ana  0.910  0 to 3'
    """
    asked = "\n".join(_asked(given))
    if "action" in answer:
        told = [f"{name} {_line(answer[name])}" for name in ("probabilities", "values") if name in answer]
        return INDENT.join([f"action {_line(answer['action'])}", *told]) + f"  | {asked}"
    if "file" in answer:
        what = f"{answer['seconds']} s of sound" if "seconds" in answer else "a file"
        return f"{asked}\n{INDENT}{what}; --save FOLDER writes it down"
    if "probabilities" in answer:
        ranked = list(answer["probabilities"].items())[:2]
        return INDENT.join(f"{_line(label)} {chance:.3f}" for label, chance in ranked) + f"  | {asked}"
    if "spans" in answer:
        return "\n".join([asked, *(INDENT + line for line in _spans(answer))])
    if "boxes" in answer:
        return "\n".join([asked, *(INDENT + line for line in _boxes(answer))])
    if "vector" in answer:
        begun = " ".join(f"{number:.4f}" for number in answer["vector"][:SHOWN])
        return f"{asked}\n{INDENT}{len(answer['vector'])} numbers: {begun} …"
    if len(parts := answer.get("segments") or ()) > 1:
        lines = [f"{one['start']:.2f} to {one['end']:.2f}  {_line(one['text'])}" for one in parts]
        return "\n".join([asked, *(INDENT + line for line in lines)])
    if "text" in answer:
        written = [_line(line) for line in str(answer["text"]).split("\n")]
        return "\n".join([asked, *(INDENT + line for line in written)]).rstrip()
    return f"{asked}\n{INDENT}{_line(answer)}"


def _spans(answer: dict[str, Any]) -> list[str]:
    from engram.cli.output import plain_table

    found = [
        (_line(one["label"]), _line(one["text"]), f"{one['score']:.3f}", f"{one['start']} to {one['end']}")
        for one in answer["spans"]
    ]
    if found:
        return plain_table(found[0], found[1:])
    words = list(zip(answer.get("tokens", ()), answer.get("tags", ()), strict=False))
    if any(tag != "O" for _, tag in words):  # tags that mark no spans, as parts of speech do
        return [" ".join(f"{_line(word)}/{_line(tag)}" for word, tag in words)]
    return ["no spans"]


def _boxes(answer: dict[str, Any]) -> list[str]:
    from engram.cli.output import plain_table

    found = []
    for one in answer["boxes"]:
        left, top, width, height = (f"{number:g}" for number in one["box"])
        found.append((_line(one["label"]), f"{one['score']:.3f}", f"{width} × {height} at {left}, {top}"))
    return plain_table(found[0], found[1:]) if found else ["nothing was found"]


def _asked(given: Any) -> list[str]:
    """Return what was asked: a text, words, or the last message of a conversation."""
    if isinstance(given, dict) and isinstance(given.get("messages"), list):
        given = given["messages"][-1].get("content") or ""
    if isinstance(given, list | tuple):
        given = " ".join(map(str, given))
    return [_line(line) for line in str(given).split("\n")]


def _line(value: object) -> str:
    from engram.pipeline.page.text import visible

    return visible(value)
