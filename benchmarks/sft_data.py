"""The base model and the rows of R3 (SFT) and R4: made on the spot, the same for every contestant.

A row is a prompt and a completion as token ids, many short and some long, as instructions and their answers are. The
words of a row follow Zipf's law inside one of a few topics, which the prompt tells as well as the completion, so there
is something to learn in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY = 8192
SHAPE = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
PAD, END, FIRST_WORD = 0, 1, 2
MASKED = -100
DATA_SEED, MODEL_SEED = 11, 5
# Token counts at some shares of the rows.
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0)
PROMPT = (5, 8, 12, 18, 30, 60, 150, 300)
COMPLETION = (2, 4, 12, 32, 70, 130, 230, 420)
TOPICS, TOPIC_WORDS, STEEPNESS = 8, 400, 1.1


Pair = tuple[list[int], list[int]]


def made_up(part: str, count: int, longest: int) -> list[Pair]:
    """Return `count` rows of a part (train or valid) as (prompt, completion); the completion ends with END."""
    random = np.random.Generator(np.random.PCG64([DATA_SEED, part == "valid"]))
    chances = 1.0 / np.arange(1, TOPIC_WORDS + 1) ** STEEPNESS
    chances /= chances.sum()
    rows: list[Pair] = []
    for _ in range(count):
        topic = int(random.integers(TOPICS))
        asked, said = (round(np.interp(random.random(), SHARES, lengths)) for lengths in (PROMPT, COMPLETION))
        said = min(said, longest - asked - 1)
        words = words_of(topic)[random.choice(TOPIC_WORDS, size=asked + said, p=chances)].tolist()
        rows.append((words[:asked], [*words[asked:], END]))
    return rows


def words_of(topic: int) -> np.ndarray:
    """Return the words of a topic, the most frequent first; topics share some."""
    random = np.random.Generator(np.random.PCG64([DATA_SEED, 2, topic]))
    return random.choice(np.arange(FIRST_WORD, VOCABULARY), size=TOPIC_WORDS, replace=False)


def examples(rows: Sequence[Pair]) -> Any:
    """Return rows as our loop takes them: only the completion is learned."""
    from engram.kinds.language.generate.examples import Examples

    ids = [prompt + completion for prompt, completion in rows]
    targets = [[MASKED] * (len(prompt) - 1) + completion + [MASKED] for prompt, completion in rows]
    return Examples(
        ids=ids,
        targets=targets,
        owners=range(len(rows)),
        prompts=[prompt for prompt, _ in rows],
        references=[""] * len(rows),
        encoder_decoder=False,
        tokens_total=sum(map(len, ids)),
        tokens_lost=0,
        errors=0,
    )


def labels(ids: Sequence[int], targets: Sequence[int]) -> list[int]:
    """Return targets as the peer takes them: each token's label is the token itself, and its model shifts.

    >>> labels([7, 8, 9], [-100, 9, -100])
    [-100, -100, 9]
    """
    return [MASKED, *targets[:-1]]


def pieces(ids: Sequence[int]) -> list[list[int]]:
    """Cut a sequence after each end token.

    >>> pieces([7, 1, 8, 9, 1, 5])
    [[7, 1], [8, 9, 1], [5]]
    """
    found: list[list[int]] = [[]]
    for token in ids:
        found[-1].append(token)
        if token == END:
            found.append([])
    return [piece for piece in found if piece]


def save_base(folder: Path) -> None:
    """Save a Qwen2 with random weights and a tokenizer that knows its words, as any base model is saved."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    names = ["<pad>", "<end>", *(f"w{number}" for number in range(FIRST_WORD, VOCABULARY))]
    words = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="w2"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>").save_pretrained(folder)
    torch.manual_seed(MODEL_SEED)
    config = Qwen2Config(vocab_size=VOCABULARY, pad_token_id=PAD, eos_token_id=END, bos_token_id=None, **SHAPE)
    Qwen2ForCausalLM(config).save_pretrained(folder)


if __name__ == "__main__":
    import sys

    save_base(Path(sys.argv[1]))
