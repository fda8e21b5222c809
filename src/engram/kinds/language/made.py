"""Models that the platform makes itself: tiny, with random weights and a tokenizer trained on the spot.

They need no network, and what they know they learn from the recipe's rows alone. The same versions of Engram and of its
libraries make the same files, byte by byte.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from engram import files
from engram.errors import PlatformError
from engram.kinds.language.load import quiet
from engram.settings import load_settings

FORMAT = "engram.made/1"
SEED = 20_261_121
BATCH = 256
SPACE = "▁"
T5_SPECIAL = ("<pad>", "</s>", "<unk>")
# What a text in a Latin alphabet may hold beyond ASCII; other letters are unknown to the encoder-decoder.
LATIN = "".join(chr(code) for code in range(0xA1, 0x180) if code != 0xAD) + "–—‘’‚“”„…•€£™→"

PLANS: dict[str, dict[str, Any]] = {
    "causal": {
        "vocabulary": 2048,
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
    },
    "seq2seq": {
        "vocabulary": 2048,
        "d_model": 192,
        "d_kv": 32,
        "d_ff": 512,
        "num_layers": 3,
        "num_decoder_layers": 3,
        "num_heads": 6,
        "dropout_rate": 0.0,
        "feed_forward_proj": "gated-gelu",
    },
}


def make(name: str) -> Path:
    """Return the folder of a made model (``causal`` or ``seq2seq``); it is made once and then found again.

    Raises PlatformError when the tokenizer that was saved is not the one that was trained.
    """
    texts = list(sample_texts())
    plan = {
        "format": FORMAT,
        "name": name,
        "plan": PLANS[name],
        "seed": SEED,
        "texts": files.json_digest(texts),
        "versions": {package: version(package) for package in ("torch", "transformers", "tokenizers")},
    }
    folder = load_settings().home / "models" / files.json_digest(plan).removeprefix("sha256:")
    if not folder.is_dir():
        with files.new_folder(folder) as making, quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            tokenizer, model = _causal(texts) if name == "causal" else _seq2seq(texts)
            model.save_pretrained(making)
            tokenizer.save_pretrained(making)
            _check_tokenizer(tokenizer, making, texts)
    return folder


def sample_texts() -> Iterator[str]:
    """Yield the texts of the samples that ship with Engram: every cell of several words."""
    for path in sorted((Path(str(package_files("engram"))) / "samples").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                yield from (cell for cell in row if len(cell.split()) > 1)


def _causal(texts: Sequence[str]) -> tuple[Any, Any]:
    plan = dict(PLANS["causal"])
    batches = (list(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH))
    # A byte-level tokenizer of another class would reload beside a qwen2 config with other borders between words.
    untaught: Any = Qwen2Tokenizer()
    tokenizer = untaught.train_new_from_iterator(batches, vocab_size=plan.pop("vocabulary"), show_progress=False)
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return tokenizer, Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **plan, **ends))


def _seq2seq(texts: Sequence[str]) -> tuple[Any, Any]:
    plan = dict(PLANS["seq2seq"])
    tokenizer = T5Tokenizer(vocab=word_pieces(texts, plan.pop("vocabulary")), extra_ids=0)
    plan |= {"vocab_size": len(tokenizer), "decoder_start_token_id": tokenizer.pad_token_id}
    config = T5Config(**plan)
    return tokenizer, T5ForConditionalGeneration(config)


def word_pieces(texts: Sequence[str], size: int) -> list[tuple[str, float]]:
    """Return a vocabulary of `size` pieces for a unigram tokenizer, with the logarithm of each one's frequency.

    The pieces are those of byte pair encoding (Sennrich et al. 2016), whose merges are the same on every machine; a
    unigram trainer sums in an order that differs from run to run. A digit is always a piece of its own.
    """
    cutter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=True),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = cutter
    alphabet = [SPACE, *(chr(code) for code in range(0x21, 0x7F)), *LATIN]
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(T5_SPECIAL), initial_alphabet=alphabet, show_progress=False, special_tokens=[]
    )
    learner.train_from_iterator(texts, trainer)
    seen = Counter(piece for one in learner.encode_batch(list(texts)) for piece in one.tokens)
    total = sum(seen.values())
    pieces = sorted(learner.get_vocab(), key=lambda piece: (-seen[piece], piece))
    scored = [(piece, round(math.log(max(seen[piece], 0.5) / total), 6)) for piece in pieces]
    return [*((special, 0.0) for special in T5_SPECIAL), *scored]


def _check_tokenizer(tokenizer: Any, folder: Path, texts: Sequence[str]) -> None:
    """Open the saved tokenizer as everybody does, and compare: another class may read the same file otherwise."""
    again = AutoTokenizer.from_pretrained(folder)
    probe = [*texts[:: max(1, len(texts) // 200)], "A line,\n\tand  another: 1234 — “naïve” ✓."]
    if again(probe)["input_ids"] != tokenizer(probe)["input_ids"] or len(again) != len(tokenizer):
        raise PlatformError(
            f"The tokenizer in {folder} gives other tokens than the one that was saved there.",
            remedy="The installed transformers and tokenizers do not fit together; install those of constraints.txt.",
        )
