"""Rows to groups of pairs: texts as token ids, partners drawn where labels tell them, negatives that are true ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import AutoConfig

from engram.data.rows import AnchorRow, Row
from engram.kinds.embedding.groups import Ints, classes_of, deal
from engram.kinds.embedding.load import Loaded, longest_text, open_tokenizer
from engram.kinds.embedding.modules import read_plan
from engram.kinds.embedding.source import find_folder
from engram.kinds.embedding.texts import Texts, tokenise
from engram.prep.contrast import Options as Contrast
from engram.prep.plan import row_random
from engram.schema.recipe import Recipe

NONE = -1


@dataclass(frozen=True)
class Pairs:
    """Rows by their texts. texts: the different ones, in the order in which they are met.

    anchors, positives, negatives: a text for each row, NONE where the row names none. classes: of each row, NONE where
    it has none; what is of one class means the same. labelled: classes are labels, and partners are drawn by them.
    """

    texts: tuple[str, ...]
    anchors: Ints
    positives: Ints
    negatives: Ints
    classes: Ints
    labelled: bool

    def members(self) -> dict[int, Ints]:
        """Return class → its different texts, of rows that have labels."""
        found: dict[int, dict[int, None]] = {}
        for text, one in zip(self.anchors.tolist(), self.classes.tolist(), strict=True):
            if self.labelled and one != NONE:
                found.setdefault(one, {})[text] = None
        return {one: np.array(list(texts), dtype=np.int64) for one, texts in found.items()}

    def paired(self) -> Ints:
        """Return the rows that have a partner, or a choice of them."""
        if not self.labelled:
            return np.flatnonzero((self.positives != NONE) & (self.positives != self.anchors))
        enough = {one for one, texts in self.members().items() if len(texts) > 1}
        return np.flatnonzero([one in enough for one in self.classes.tolist()])


@dataclass(frozen=True)
class Examples:
    """Groups of pairs. A group is what a loss is worked out over, and what batches are made of.

    pairs: the rows. ids: token ids of each text. rows: those that have a partner. lengths: tokens of each group.
    """

    pairs: Pairs
    texts: Texts
    rows: Ints
    contrast: Contrast
    seed: int
    kept: dict[int, list[Ints]] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    members: dict[int, Ints] = field(default_factory=dict)

    def groups(self, epoch: int) -> list[Ints]:
        """Return the rows of each group in an epoch."""
        if epoch not in self.kept:
            self.kept.clear()
            dealt = deal(self.pairs.classes[self.rows], self.contrast.pairs, self.seed, epoch)
            self.kept[epoch] = [self.rows[group] for group in dealt]
        return self.kept[epoch]

    def partners(self, rows: Sequence[int] | Ints, epoch: int) -> Ints:
        """Return a partner's text for each row: its own, or one of its class, drawn anew in each epoch."""
        if not self.pairs.labelled:
            return self.pairs.positives[np.asarray(rows, dtype=np.int64)]
        found = []
        for row in rows:
            texts = self.members[int(self.pairs.classes[row])]
            others = texts[texts != self.pairs.anchors[row]]
            found.append(others[int(row_random(self.seed, epoch, int(row)).integers(len(others)))])
        return np.array(found, dtype=np.int64)


def pairs_of(rows: Iterable[Row | AnchorRow], classes: int) -> Pairs:
    """Return rows by their texts; classes: how many labels there are."""
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers)) if text else NONE

    anchors, positives, negatives, labels, labelled = [], [], [], [], False
    for row in rows:
        if isinstance(row, AnchorRow):
            anchors.append(number(row.anchor))
            positives.append(number(row.positive))
            negatives.append(number(row.negative))
        else:
            labelled = True
            anchors.append(numbers.setdefault(row.text, len(numbers)))
            labels.append(row.label if 0 <= row.label < classes else NONE)
    none = [NONE] * (len(anchors) - len(positives))
    found = np.array(labels, dtype=np.int64) if labelled else classes_of(list(zip(anchors, positives, strict=True)))
    first, second, third = (np.array(one, dtype=np.int64) for one in (anchors, positives + none, negatives + none))
    return Pairs(tuple(numbers), first, second, third, found, labelled)


def prepare(loaded: Loaded, rows: Iterable[Row | AnchorRow]) -> Examples:
    """Return rows as groups of pairs; each text that occurs is tokenised once."""
    pairs, contrast = pairs_of(rows, len(loaded.labels)), loaded.contrast
    texts = tokenise(loaded.tokenizer, pairs.texts, loaded.plan, loaded.max_length)
    found = Examples(pairs, texts, pairs.paired(), contrast, loaded.recipe.train.seed, members=pairs.members())
    counts = np.array([len(ids) for ids in texts.ids] or [0], dtype=np.int64)
    for group in found.groups(0) if len(found.rows) else ():
        used = np.concatenate([pairs.anchors[group], found.partners(group, 0), _named(pairs.negatives[group])])
        found.lengths.append(int(counts[np.unique(used)].sum()))
    return found


def examine(recipe: Recipe, parts: Iterable[Sequence[Row | AnchorRow]], labels: Sequence[str]) -> dict[str, float]:
    """Return what the data gate asks: lost tokens, texts without any, and rows that have no partner in their part."""
    folder = find_folder(recipe.model)
    tokenizer, plan = open_tokenizer(folder), read_plan(folder)
    longest = longest_text(recipe.train.max_seq_length, AutoConfig.from_pretrained(folder), plan)
    rows = alone = 0
    texts = []
    for part in parts:
        pairs = pairs_of(part, len(labels))
        rows, alone = rows + len(pairs.anchors), alone + len(pairs.anchors) - len(pairs.paired())
        texts.append(tokenise(tokenizer, pairs.texts, plan, longest))
    return {
        "tokenisation_error_rate": sum(one.errors for one in texts) / max(1, sum(len(one.ids) for one in texts)),
        "lost_tokens_rate": sum(one.lost for one in texts) / max(1, sum(one.total for one in texts)),
        "unpaired_rows_rate": alone / max(1, rows),
    }


def collate(loaded: Loaded, examples: Examples, rows: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return groups as a batch, as they are dealt and drawn in epoch 0."""
    return vary(loaded, examples, rows, 0)


def vary(loaded: Loaded, examples: Examples, rows: Sequence[int], epoch: int) -> dict[str, torch.Tensor]:
    """Return groups as a batch: each different text once, and who is set against whom.

    ``input_ids``, ``attention_mask`` (texts, tokens); ``anchors`` (pairs,) and ``candidates`` (pairs + negatives,) name
    texts, the first candidates being the partners in order; ``allowed`` (pairs, candidates) is true for a pair's own
    partner and for true negatives of its own group. ``scale``: 1 over the temperature. ``symmetric``: 1 or 0.
    ``cuts``: shorter lengths that are trained too.
    """
    pairs, groups = examples.pairs, [examples.groups(epoch)[row] for row in rows]
    chosen = np.concatenate(groups)
    group = np.repeat(np.arange(len(groups)), [len(one) for one in groups])
    anchors, positives = pairs.anchors[chosen], examples.partners(chosen.tolist(), epoch)
    hard = np.flatnonzero(pairs.negatives[chosen] != NONE)
    candidates = np.concatenate([positives, pairs.negatives[chosen][hard]])
    classes = pairs.classes[chosen]
    theirs = np.concatenate([classes, np.full(len(hard), NONE)])
    same = (classes[:, None] == theirs[None, :]) & (theirs[None, :] != NONE)
    same |= (candidates[None, :] == anchors[:, None]) | (candidates[None, :] == positives[:, None])
    allowed = (group[:, None] == np.concatenate([group, group[hard]])[None, :]) & ~same
    np.fill_diagonal(allowed, True)
    used, places = np.unique(np.concatenate([anchors, candidates]), return_inverse=True)
    device, contrast = next(loaded.model.parameters()).device, examples.contrast
    arrays = {
        **examples.texts.padded(used.tolist(), loaded.tokenizer.pad_token_id),
        "anchors": places[: len(anchors)],
        "candidates": places[len(anchors) :],
        "allowed": allowed,
        "scale": np.float32(1 / contrast.temperature),
        "symmetric": np.int64(contrast.symmetric),
        "cuts": np.array(contrast.dimensions, dtype=np.int64),
    }
    return {name: torch.as_tensor(array).to(device) for name, array in arrays.items()}


def scoring_batches(loaded: Loaded, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
    """Yield all groups as batches of one, for a validation."""
    for group in range(len(examples.lengths)):
        yield collate(loaded, examples, [group])


def _named(texts: Ints) -> Ints:
    return np.asarray(texts[texts != NONE])
