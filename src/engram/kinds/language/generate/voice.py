"""How a tokenizer writes a conversation down: one way, in training and in serving.

The text comes from the tokenizer's chat template, or from the recipe's template as one. Its pieces are tokenised one by
one, so the border between what is asked and what is answered is a border between tokens, and the tokens of a prompt are
the same whether an answer follows or is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engram.data.rows import ANSWERING, Message
from engram.errors import UserError
from engram.kinds.language.generate.template import DEFAULT, parse_template, to_jinja

TURN_GAP = "\n\n"  # between the turns that an encoder reads; a decoder reads the token that ended the answer
_PROBE = [{"role": "user", "content": "one"}]


@dataclass(frozen=True)
class Piece:
    """A part of the text, and whether it is an answer."""

    text: str
    answer: bool


@dataclass(frozen=True)
class Voice:
    """A tokenizer with what its chat template does around an answer.

    begins: tokens in front of a plain text; of an encoder-decoder, in front of each answer. lead, tail: text that the
    template itself writes before and after each answer; trail: what of the tail stands before the end. stop: the token
    that ends an answer, None where the template writes none. after: how many tokens follow it there, which no model has
    to write.
    """

    tokenizer: Any
    encoder_decoder: bool
    begins: tuple[int, ...]
    lead: str = ""
    tail: str = ""
    trail: str = ""
    stop: int | None = None
    after: int = 0

    @property
    def end(self) -> int | None:
        """The token that ends a text."""
        return None if self.tokenizer.eos_token_id is None else int(self.tokenizer.eos_token_id)

    def read(self, tokens: Sequence[int]) -> str:
        """Return the text of an answer's tokens, without what the template writes around it.

        Special tokens are kept: a model that was taught some may mean them.
        """
        own = list(tokens)
        if self.encoder_decoder and tuple(own[: len(self.begins)]) == self.begins:
            own = own[len(self.begins) :]
        text: str = self.tokenizer.decode(own, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text.removeprefix(self.lead).removesuffix(self.trail)


def dress(tokenizer: Any, encoder_decoder: bool, template: str | None) -> None:
    """Give a tokenizer the recipe's template; its own chat template stays where the recipe has none.

    Raises what `parse_template` raises.
    """
    if template is None and tokenizer.chat_template:
        return
    plain = parse_template(DEFAULT if template is None else template)
    if encoder_decoder:
        tokenizer.chat_template = to_jinja(plain, end=TURN_GAP)
        return
    first = tokenizer("one")["input_ids"][:1]
    begin = tokenizer.bos_token if tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id] else ""
    tokenizer.chat_template = to_jinja(plain, begin, tokenizer.eos_token or "")


def listen(tokenizer: Any, encoder_decoder: bool) -> Voice:
    """Learn from two short conversations what a tokenizer's chat template writes around an answer.

    Raises UserError when the template asks for an answer otherwise than it writes answers down.
    """
    if encoder_decoder:
        whole, [bare] = tokenizer(text_target="ab")["input_ids"], tokenise(tokenizer, ["ab"])
        front = next((place for place in range(len(whole)) if whole[place : place + len(bare)] == bare), 0)
        return Voice(tokenizer, True, tuple(whole[:front]))
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    begins = () if start is None else (int(start),)
    answers = [_parts(tokenizer, [*_PROBE, {"role": ANSWERING, "content": said}], ())[-1].text for said in ("ab", "yz")]
    lead = answers[0][: _shared(*answers)]
    tail = answers[0][len(answers[0]) - _shared(*(said[::-1] for said in answers)) :]
    one, other = tokenise(tokenizer, answers)
    ends = one[len(one) - _shared(one[::-1], other[::-1]) :]
    marks = {*tokenizer.added_tokens_decoder, *tokenizer.all_special_ids}
    place = next((place for place, token in enumerate(ends) if token in marks), None)
    if place is None:
        return Voice(tokenizer, False, begins, lead, tail, tail)
    trail = tail.partition(tokenizer.convert_ids_to_tokens(ends[place]))[0]
    return Voice(tokenizer, False, begins, lead, tail, trail, int(ends[place]), len(ends) - 1 - place)


def _shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many items two sequences share from their beginnings on."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each text alone, with none that the tokenizer would put around it."""
    if not texts:
        return []
    found: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    return found


def write_down(
    voice: Voice, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = (), ask: bool = False
) -> list[list[Piece]]:
    """Return a conversation as sequences of pieces, each ending with an answer, or with what asks for one (`ask`).

    A decoder alone reads a whole conversation as one sequence with all its answers; where its template writes earlier
    turns otherwise than it wrote them at first (some drop earlier reasoning), each answer has a sequence of its own. An
    encoder reads what stands before an answer, so there each answer has one too. A first message of the assistant
    answers nothing; it is only read.

    Raises UserError for a conversation that the template refuses.
    """
    tokenizer = voice.tokenizer
    sequences: list[list[Piece]] = []
    current: list[Piece] = []
    done = ""
    for number, message in enumerate(messages):
        if message["role"] != ANSWERING or number == 0:
            continue
        asked, answered = _parts(tokenizer, messages[: number + 1], tools)
        if voice.encoder_decoder:
            sequences.append([asked, Piece(_said(message), True)])
            continue
        if current and not asked.text.startswith(done):
            sequences.append(current)
            current, done = [], ""
        current += [Piece(asked.text[len(done) :], False), answered]
        done = asked.text + answered.text
    if ask:
        asked_for = _render(tokenizer, messages, tools, ask=True)
        if current and not asked_for.startswith(done):
            current, done = [], ""
        return [[*current, Piece(asked_for[len(done) :], False)]]
    return [*sequences, current] if current else sequences


def _said(message: Message) -> str:
    calls = [json.dumps(call, ensure_ascii=False) for call in message.get("tool_calls") or ()]
    return "\n".join([str(message["content"])] * bool(message["content"]) + calls)


def _parts(tokenizer: Any, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> tuple[Piece, Piece]:
    """Return what asks for the last message and that message, as the template writes them."""
    asked = _render(tokenizer, messages[:-1], tools, ask=True)
    whole = _render(tokenizer, messages, tools, ask=False)
    if not whole.startswith(asked):
        raise UserError(
            "The chat template of this model asks for an answer otherwise than it writes answers down, so a model that "
            "learns from the one could not answer to the other.",
            remedy="Give the recipe a template of its own: model.template.",
        )
    return Piece(asked, False), Piece(whole[len(asked) :], True)


def _render(tokenizer: Any, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], ask: bool) -> str:
    from jinja2 import TemplateError

    try:
        found: str = tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=[dict(tool) for tool in tools] or None,
            tokenize=False,
            add_generation_prompt=ask,
        )
    except TemplateError as error:
        roles = ", ".join(str(message["role"]) for message in messages)
        raise UserError(
            f"The chat template of this model refuses a conversation of {roles or 'no messages'}: {error}.",
            remedy="Bring the rows into an order that it takes, or give the recipe a template: model.template.",
        ) from error
    return found
