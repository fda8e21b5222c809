"""A recipe's template: what it writes is what a reader of the recipe would write by hand, and it never runs."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen2Tokenizer

from engram.errors import UnknownName, UserError
from engram.kinds.language.generate.template import DEFAULT, Plain, parse_template, to_jinja

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LITERAL = st.one_of(
    TEXT, st.sampled_from(["{{ 7 * 7 }}", "{% raw %}", '"', "\\", "\n\n", "🙂 {# x #}", "{a b}", "{1}"])
)
NO_PLACE = LITERAL.filter(lambda text: not re.search(r"\{[A-Za-z_]+\}", text))
ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES, "content": TEXT}), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def tokenizer() -> Qwen2Tokenizer:
    return Qwen2Tokenizer()


def by_hand(plain: Plain, messages: list[dict[str, str]], ask: bool, begin: str, end: str) -> str:
    """Write a conversation down, step by step."""
    text, system, asking = begin, "", False

    def open_turn() -> str:
        nonlocal system
        said = system if plain.before_system is not None or not system else system + "\n\n"
        system = ""
        return (plain.before_system or "") + said + plain.before_prompt

    for message in messages:
        if message["role"] == "system" and not asking:
            system += ("\n\n" if system else "") + message["content"]
        elif message["role"] == "assistant":
            text += ("" if asking else open_turn()) + plain.before_response + message["content"]
            text, asking = text + plain.after_response + end, False
        else:
            text, asking = text + ("\n" if asking else open_turn()) + message["content"], True
    return text + (("" if asking else open_turn()) + plain.before_response if ask else "")


@settings(max_examples=150, deadline=None)
@given(parts=st.tuples(st.one_of(st.none(), LITERAL), LITERAL, LITERAL, LITERAL), messages=MESSAGES, ask=st.booleans())
def test_the_chat_template_writes_what_the_plain_template_says(tokenizer, parts, messages, ask):
    plain = Plain(*parts)
    tokenizer.chat_template = to_jinja(plain, "<s>", "</s>")
    found = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=ask)
    assert found == by_hand(plain, messages, ask, "<s>", "</s>")


@settings(max_examples=150, deadline=None)
@given(parts=st.tuples(NO_PLACE, NO_PLACE, NO_PLACE))
def test_a_template_is_taken_apart_at_its_places(parts):
    before, between, after = parts
    assert parse_template(f"{before}{{prompt}}{between}{{response}}{after}") == Plain(None, before, between, after)
    assert parse_template(f"{before}{{system}}{between}{{prompt}}{{response}}") == Plain(before, between, "", "")


def test_what_looks_like_code_is_text(tokenizer):
    tokenizer.chat_template = to_jinja(parse_template("{{ 7 * 7 }}{% for %}{prompt}{{ messages }}{response}"))
    found = tokenizer.apply_chat_template([{"role": "user", "content": "{{ 1 }}"}], tokenize=False)
    assert found == "{{ 7 * 7 }}{% for %}{{ 1 }}"


def test_tools_and_tool_calls_are_written_as_json(tokenizer):
    tokenizer.chat_template = to_jinja(parse_template(DEFAULT))
    tool = {"name": "weather", "parameters": {"city": "text"}}
    call = {"name": "weather", "arguments": {"city": "Zürich"}}
    messages = [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": None, "tool_calls": [call, call]},
        {"role": "tool", "content": "yes"},
        {"role": "assistant", "content": "It rains."},
    ]
    text = tokenizer.apply_chat_template(messages, tools=[tool], tokenize=False)
    assert text.startswith(json.dumps(tool) + "\n\nRain?\n\n" + json.dumps(call, ensure_ascii=False) + "\n")
    assert text.endswith("yes\n\nIt rains.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "once each; its places: none"),
        ("{response}{prompt}", "['response', 'prompt']"),
        ("{prompt}{prompt}{response}", "once each"),
        ("{prompt}", "once each"),
        ("{prompt}{system}{response}", "once each"),
    ],
)
def test_a_template_without_its_places_is_refused_in_words(text, said):
    with pytest.raises(UserError, match=r"model\.template must have") as caught:
        parse_template(text)
    assert said in str(caught.value)
    assert '"{prompt}\\n\\n{response}"' in str(caught.value)


def test_a_misspelt_place_is_met_with_the_right_one():
    with pytest.raises(UnknownName, match="Did you mean 'response'"):
        parse_template("{prompt}{respons}")
