"""Conversations to token ids and targets, counting what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from transformers import AutoConfig

from engram.data.rows import ANSWERING, ChatRow, Message
from engram.errors import UserError
from engram.kinds.language.generate.voice import Piece, Voice, dress, listen, tokenise, write_down
from engram.kinds.language.load import Loaded, open_tokenizer, quiet
from engram.kinds.language.padding import MASKED
from engram.kinds.language.source import find_folder
from engram.kinds.language.tokens import add_tokens
from engram.schema.recipe import Recipe

CHUNK_ROWS = 1024
NOTHING = Piece("", False)  # what stands before a plain text


@dataclass(frozen=True)
class Examples:
    """Tokenised conversations; a row gives one sequence, or several where its answers can't stand in one.

    ids: what the model reads. targets: of a decoder alone, for each token the one that comes next where it is to be
    learned, else MASKED; of an encoder-decoder the tokens of the answer. owners: the row of each sequence.
    prompts: for each row the tokens of all that stands before its last answer, uncut. references: that answer.
    tokens_lost: cut off by the length limit. errors: rows whose last answer is empty.
    """

    ids: Sequence[Sequence[int]]
    targets: Sequence[Sequence[int]]
    owners: Sequence[int]
    prompts: Sequence[Sequence[int]]
    references: Sequence[str]
    encoder_decoder: bool
    tokens_total: int
    tokens_lost: int
    errors: int

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sequence, on both sides of an encoder-decoder."""
        if self.encoder_decoder:
            return [len(ids) + len(targets) for ids, targets in zip(self.ids, self.targets, strict=True)]
        return [len(ids) for ids in self.ids]

    @property
    def units(self) -> int:
        """What the errors are counted in: rows."""
        return len(self.references)

    @property
    def untrainable(self) -> int:
        """Rows with nothing to learn from."""
        learned = {row for row, targets in zip(self.owners, self.targets, strict=True) if set(targets) - {MASKED}}
        return len(self.references) - len(learned)


@dataclass(frozen=True)
class _Sequence:
    """One sequence before it is cut. learned: which tokens are to be learned. answer: where the last answer begins."""

    ids: list[int]
    learned: list[bool]
    answer: int


def tokenizer_of(recipe: Recipe) -> Any:
    """Return the recipe's tokenizer with its special tokens and its template, without the model's weights."""
    folder = find_folder(recipe.model)
    tokenizer = open_tokenizer(folder)
    add_tokens(tokenizer, recipe.model.special_tokens)
    dress(tokenizer, AutoConfig.from_pretrained(folder).is_encoder_decoder, recipe.model.template)
    return tokenizer


def tokenise_rows(tokenizer: Any, rows: Sequence[ChatRow], recipe: Recipe, labels: Sequence[str]) -> Examples:
    """Tokenise rows as the recipe says, without a model: what the data gate looks at. There are no labels."""
    config = AutoConfig.from_pretrained(find_folder(recipe.model))
    voice = listen(tokenizer, config.is_encoder_decoder)
    return examples_of(voice, rows, recipe.train.max_seq_length, everything(recipe, voice.encoder_decoder))


def prepare(loaded: Loaded, rows: Iterable[ChatRow]) -> Examples:
    """Tokenise rows for a model, cut at its longest input."""
    voice = voice_of(loaded)
    learn_all = loaded.recipe is not None and everything(loaded.recipe, voice.encoder_decoder)
    return examples_of(voice, list(rows), loaded.max_length, learn_all)


def voice_of(loaded: Loaded) -> Voice:
    """Return how a model's tokenizer writes conversations down."""
    config: Any = loaded.model.config
    return listen(loaded.tokenizer, bool(config.is_encoder_decoder))


def everything(recipe: Recipe, encoder_decoder: bool) -> bool:
    """Tell whether prompts are learned like answers.

    Raises UserError for an encoder-decoder, whose encoder predicts nothing.
    """
    if recipe.train.loss_on == "all" and encoder_decoder:
        raise UserError(
            "train.loss_on: all is not possible for an encoder-decoder: what its encoder reads is never predicted.",
            remedy="Write loss_on: completion, or choose a causal model.",
        )
    return recipe.train.loss_on == "all"


def examples_of(voice: Voice, rows: Sequence[ChatRow], limit: int, learn_all: bool) -> Examples:
    """Tokenise rows and cut each sequence at `limit` tokens; of an encoder-decoder, each of its two sides."""
    ids: list[list[int]] = []
    targets: list[list[int]] = []
    owners: list[int] = []
    prompts: list[list[int]] = []
    references: list[str] = []
    total = 0
    for number, (said, sequences) in enumerate(_tokenised(voice, rows, learn_all)):
        references.append(said)
        for one in sequences:
            total += len(one.ids)
            if voice.encoder_decoder:
                read, wanted = one.ids[: one.answer][-limit:], one.ids[one.answer :][:limit]
            else:
                read, wanted = _cut(voice, one, limit)
            ids.append(read)
            targets.append(wanted)
            owners.append(number)
        prompts.append(sequences[-1].ids[: sequences[-1].answer])
    kept = sum(map(len, ids)) + (sum(map(len, targets)) if voice.encoder_decoder else 0)
    errors = sum(not said.strip() for said in references)
    return Examples(ids, targets, owners, prompts, references, voice.encoder_decoder, total, total - kept, errors)


def prompt_ids(voice: Voice, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
    """Return the tokens after which a conversation is gone on with, as they stood before its answer in training.

    A last message of the assistant is gone on with; alone it is a plain text.

    Raises UserError where an encoder-decoder is to go on with an answer.
    """
    begun = str(messages[-1]["content"] or "") if messages and messages[-1]["role"] == ANSWERING else None
    if begun is not None and voice.encoder_decoder:
        raise UserError(
            "An encoder-decoder answers what it read; it does not go on with an answer.",
            remedy="Let the last message be the user's.",
        )
    before = messages if begun is None else messages[:-1]
    pieces = write_down(voice, before, tools, ask=True)[-1] if before else [NOTHING]
    parts = list(zip(pieces, _piece_ids(voice, pieces), strict=True))
    ids = _joined(voice, parts, plain=not before, learn_all=False).ids
    return ids + (tokenise(voice.tokenizer, [begun])[0] if begun else [])


def cut_prompt(voice: Voice, ids: Sequence[int], room: int) -> list[int]:
    """Return the last tokens of a prompt; the token that every sequence begins with stays in front.

    >>> from types import SimpleNamespace
    >>> cut_prompt(Voice(SimpleNamespace(bos_token_id=1), False, (1,)), [1, 7, 8, 9], room=3)
    [1, 8, 9]
    """
    ids = list(ids)
    if len(ids) <= room:
        return ids
    fixed = ids[:1] if not voice.encoder_decoder and ids[0] == voice.tokenizer.bos_token_id and room > 1 else []
    return fixed + ids[len(ids) - (room - len(fixed)) :]


def _cut(voice: Voice, one: _Sequence, limit: int) -> tuple[list[int], list[int]]:
    """Return ids and targets of at most `limit` tokens.

    The oldest of what is not learned goes first, down to half of the room; then the end of what is learned.
    """
    head = one.learned.index(True) if True in one.learned else len(one.ids)
    rest = len(one.ids) - head
    asked = cut_prompt(voice, one.ids[:head], max(limit - rest, limit // 2, 1))
    answered = one.ids[head : head + limit - len(asked)]
    ids = asked + answered
    learned = [False] * len(asked) + one.learned[head : head + len(answered)]
    following = [token if on else MASKED for token, on in zip(ids[1:], learned[1:], strict=True)]
    return ids, [*following, MASKED]


def _tokenised(voice: Voice, rows: Sequence[ChatRow], learn_all: bool) -> Iterator[tuple[str, list[_Sequence]]]:
    """Yield for each row its last answer and its sequences; the pieces of many rows are tokenised in one call."""
    for start in range(0, len(rows), CHUNK_ROWS):
        written = [_written(voice, row) for row in rows[start : start + CHUNK_ROWS]]
        pieces = list(chain.from_iterable(chain.from_iterable(written)))
        with quiet():
            found = iter(_piece_ids(voice, pieces))
        for row, sequences in zip(rows[start : start + CHUNK_ROWS], written, strict=True):
            parts = [[(piece, next(found)) for piece in one] for one in sequences]
            yield (
                _answer(voice, row, sequences[-1][-1]),
                [_joined(voice, one, not row.prompt, learn_all) for one in parts],
            )


def _answer(voice: Voice, row: ChatRow, piece: Piece) -> str:
    """Return what a model should write at last: the message as it stands, or the calls that stand in its place."""
    said = str(row.messages[-1]["content"] or "")
    return said or piece.text.removeprefix(voice.lead).removesuffix(voice.tail)


def _written(voice: Voice, row: ChatRow) -> list[list[Piece]]:
    if not row.messages or row.messages[-1]["role"] != ANSWERING:
        raise UserError(
            f"Row {row.id} does not end with an answer, so there is nothing to learn from it.",
            remedy="The last message of a conversation must be the assistant's.",
        )
    if not row.prompt:  # a text to continue: no template has a say in it
        return [[NOTHING, Piece(row.answer, True)]]
    return write_down(voice, row.messages, row.tools)


def _piece_ids(voice: Voice, pieces: Sequence[Piece]) -> list[list[int]]:
    texts = [piece.text.rstrip() if voice.encoder_decoder else piece.text for piece in pieces]
    if not voice.encoder_decoder:
        return tokenise(voice.tokenizer, texts)
    sides = {
        on: [text for text, piece in zip(texts, pieces, strict=True) if piece.answer is on] for on in (False, True)
    }
    read = iter(voice.tokenizer(sides[False], verbose=False)["input_ids"] if sides[False] else ())
    said = iter(voice.tokenizer(text_target=sides[True], verbose=False)["input_ids"] if sides[True] else ())
    return [next(said if piece.answer else read) for piece in pieces]


def _joined(voice: Voice, parts: Sequence[tuple[Piece, list[int]]], plain: bool, learn_all: bool) -> _Sequence:
    ids: list[int] = []
    learned: list[bool] = []
    answer = 0
    for number, (piece, tokens) in enumerate(parts):
        last = number == len(parts) - 1
        if plain and not piece.answer and not voice.encoder_decoder:
            tokens = list(voice.begins)
        ends = last and piece.answer and not voice.encoder_decoder and (plain or voice.stop is None)
        if ends and voice.end is not None:
            tokens = [*tokens, voice.end]
        if piece.answer:
            answer = len(ids)
        closing = 0 if plain or voice.encoder_decoder or not piece.answer else voice.after
        on = piece.answer or (learn_all and not plain)
        learned += [on and (learn_all or place < len(tokens) - closing) for place in range(len(tokens))]
        ids += tokens
    return _Sequence(ids, learned, answer)
