"""The plain template of a recipe, and the chat template that it becomes.

A plain template is text with places: ``{prompt}``, then ``{response}``, and ``{system}`` in front where it is wanted.
It is turned into the chat template of the tokenizer, so that training, serving and whoever opens the export without
Engram write a conversation down by one and the same text. Whatever else stands in it is taken letter by letter: nothing
in a recipe is ever run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from engram.errors import UnknownName, UserError

PLACES = ("system", "prompt", "response")
DEFAULT = "{prompt}\n\n{response}"
_PLACE = re.compile(r"\{([A-Za-z_]+)\}")
_SYSTEM_GAP = "\n\n"


@dataclass(frozen=True)
class Plain:
    """A parsed template: the texts before the system message, before the prompt, before and after the response.

    before_system is None for a template without a place for it: a system message then stands in front of everything.
    """

    before_system: str | None
    before_prompt: str
    before_response: str
    after_response: str


def parse_template(text: str) -> Plain:
    """Take a plain template apart.

    Raises UnknownName for a place that is none, UserError when the places are not prompt and then response, once each.

    >>> parse_template("<context>{prompt}<response>{response}")
    Plain(before_system=None, before_prompt='<context>', before_response='<response>', after_response='')
    """
    places = [found[1] for found in _PLACE.finditer(text)]
    for place in places:
        if place not in PLACES:
            raise UnknownName.of("place in model.template", place, PLACES)
    if places not in (["prompt", "response"], ["system", "prompt", "response"]):
        raise UserError(
            f"model.template must have {{prompt}} and then {{response}}, once each; its places: {places or 'none'}.",
            remedy=f'For example: template: "{json.dumps(DEFAULT)[1:-1]}"',
        )
    parts = _PLACE.split(text)[::2]
    return Plain(None, *parts) if len(parts) == 3 else Plain(*parts)


def to_jinja(plain: Plain, begin: str = "", end: str = "") -> str:
    """Return a plain template as a chat template; it names the texts as literals and has no other words of the recipe.

    begin: written once in front (the token that a sequence begins with). end: written after each answer. Consecutive
    messages that are no answers share one prompt, a line each. Tools and tool calls are written as JSON.
    """
    head = plain.before_system
    opening = [_say(head) if head else ""]
    opening.append("{%- if memo.system -%}{{- memo.system -}}")
    opening.append("" if head is not None else _say(_SYSTEM_GAP))
    opening += ['{%- set memo.system = "" -%}{%- endif -%}', _say(plain.before_prompt)]
    return "".join(
        [
            '{%- set memo = namespace(asking=false, system="") -%}',
            "{%- for tool in tools or [] -%}",
            '{%- set memo.system = memo.system ~ ("\\n" if memo.system else "") ~ (tool | tojson) -%}',
            "{%- endfor -%}",
            _say(begin),
            "{%- for message in messages -%}",
            '{%- set said = message["content"] or "" -%}',
            '{%- if message["role"] == "system" and not memo.asking -%}',
            f'{{%- set memo.system = memo.system ~ ({json.dumps(_SYSTEM_GAP)} if memo.system else "") ~ said -%}}',
            '{%- elif message["role"] == "assistant" -%}',
            "{%- if not memo.asking -%}",
            *opening,
            "{%- endif -%}",
            _say(plain.before_response),
            "{{- said -}}",
            '{%- for call in message["tool_calls"] or [] -%}',
            '{{- ("\\n" if said or not loop.first else "") ~ (call | tojson) -}}',
            "{%- endfor -%}",
            _say(plain.after_response + end),
            "{%- set memo.asking = false -%}",
            "{%- else -%}",
            '{%- if memo.asking -%}{{- "\\n" -}}{%- else -%}',
            *opening,
            "{%- set memo.asking = true -%}{%- endif -%}",
            "{{- said -}}",
            "{%- endif -%}",
            "{%- endfor -%}",
            "{%- if add_generation_prompt -%}",
            "{%- if not memo.asking -%}",
            *opening,
            "{%- endif -%}",
            _say(plain.before_response),
            "{%- endif -%}",
        ]
    )


def _say(text: str) -> str:
    """Return the Jinja that writes a text as it is."""
    return f"{{{{- {json.dumps(text, ensure_ascii=False)} -}}}}" if text else ""
