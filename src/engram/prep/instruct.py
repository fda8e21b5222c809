"""Columns to a prompt and a completion, by a template: a file of texts and classes can then train `generate`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engram.data.compose import Composer, Messages
from engram.data.forms import Cells
from engram.errors import UsageError
from engram.prep.step import Step
from engram.schema.codec import to_dict
from engram.schema.form import Form

# Doubled braces first, then a placeholder, then any brace that is neither.
_PARTS = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<role>[^{}]*)\}|(?P<odd>[{}])")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Options:
    """How rows are written.

    template: the prompt; a role in braces is replaced by the row's cell, as in ``Sum up: {text}``.
    completion: the answer, written the same way.
    system: a message that stands before the prompt, written the same way; empty for none.
    """

    template: str
    completion: str = "{label}"
    system: str = ""


@dataclass(frozen=True)
class Template:
    """A text with gaps: `texts` has one item more than `roles`, and they take turns."""

    texts: tuple[str, ...]
    roles: tuple[str, ...]

    def fill(self, cells: Cells) -> str:
        """Return the text with the cells in the gaps."""
        return self.texts[0] + "".join(
            cells[role] + text for role, text in zip(self.roles, self.texts[1:], strict=True)
        )


def parse(template: str) -> Template:
    """Read a template: ``{role}`` is a gap, ``{{`` and ``}}`` are braces. Names only: no attribute, index or format.

    Raises UsageError for anything else between braces and for a brace that stands alone.

    >>> parse('{{"text": "{text}"}}').fill({"text": "{label}"})
    '{"text": "{label}"}'
    """
    texts, roles, at = [""], [], 0
    for found in _PARTS.finditer(template):
        texts[-1] += template[at : found.start()]
        at = found.end()
        if found["brace"]:
            texts[-1] += found["brace"][0]
        elif found["odd"]:
            told = f"there is a single {found['odd']!r} in the template {template[:60]!r}."
            raise UsageError(told, remedy="For a brace in the text write it twice: {{ or }}.")
        elif not _NAME.fullmatch(found["role"]):
            told = f"{{{found['role'][:40]}}} is no placeholder of a template; only the name of a role may stand there."
            raise UsageError(told, remedy="Write {text}; for a brace in the text write it twice: {{ or }}.")
        else:
            roles.append(found["role"])
            texts.append("")
    texts[-1] += template[at:]
    return Template(tuple(texts), tuple(roles))


def roles_of(options: Options) -> tuple[str, ...]:
    """Return the roles that the templates name, each once."""
    templates = (options.system, options.template, options.completion)
    return tuple(dict.fromkeys(role for one in templates for role in parse(one).roles))


def instruct(options: Options) -> Composer:
    """Return how rows become a user's message and the assistant's, and a system message where one is wanted.

    Raises UsageError for a template that can't be read.

    >>> made = instruct(Options("Is this good? {text}")).compose({"text": "A fine day.", "label": "yes"})
    >>> [one["content"] for one in made]
    ['Is this good? A fine day.', 'yes']
    """
    speakers = {"system": options.system, "user": options.template, "assistant": options.completion}
    parts = [(speaker, parse(text)) for speaker, text in speakers.items() if text]

    def compose(cells: Cells) -> Messages:
        return [{"role": speaker, "content": template.fill(cells)} for speaker, template in parts]

    roles = dict.fromkeys(roles_of(options), "a column of the template")
    form = Form("instruct", "A prompt and a completion made by a template", "chat", roles)
    return Composer(form, compose)


def _fault(options: Options) -> str:
    try:
        gaps = {name: parse(text).roles for name, text in to_dict(options).items()}
    except UsageError as error:
        return str(error)
    for name, example in (("template", "{text}"), ("completion", "{label}")):
        if not gaps[name]:
            return f"{name!r} has no placeholder, so every row would be the same. Write a role in braces: {example}."
    return ""


STEP = Step("instruct", "1", instruct, on="row", options=Options, fault=_fault)
