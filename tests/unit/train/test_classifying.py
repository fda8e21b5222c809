"""What is the same for every classifier: rows in their places, a loss that passes over masked rows, ranked answers."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engram.train.classifying import Classifier, gather, ranked
from engram.train.cross_entropy import MASKED

LABELS = ("even", "odd")


@dataclass
class Numbers:
    """Rows that are numbers, and classes that are their parity."""

    numbers: list[int]
    targets: list[int]

    @property
    def lengths(self) -> list[int]:
        return [1] * len(self.numbers)


def collate(loaded, examples, rows):
    return {
        "inputs": torch.tensor([[float(examples.numbers[row])] for row in rows]),
        "targets": torch.tensor([examples.targets[row] for row in rows], dtype=torch.int64),
    }


def last_first(loaded, examples):
    """Return batches of two rows, the last rows first."""
    back = list(range(len(examples.lengths)))[::-1]
    return [back[i : i + 2] for i in range(0, len(back), 2)]


def parity(model, batch):
    odd = batch["inputs"].remainder(2)
    return torch.cat([1 - odd, odd], dim=1) * 4


PARITY = Classifier(last_first, collate, parity, lambda loaded, batch: parity(loaded.model, batch) + batch["inputs"])
LOADED = SimpleNamespace(model=nn.Dropout(0.5), labels=LABELS)


def numbers(count: int) -> Numbers:
    return Numbers(list(range(count)), [number % 2 for number in range(count)])


def test_each_row_is_answered_in_its_place_by_a_model_in_evaluation():
    LOADED.model.train()
    heard = []
    found = PARITY.predict(LOADED, numbers(7), lambda done, total: heard.append((done, total)))
    assert found.answers.guess.tolist() == found.answers.truth.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert found.logits.dtype == np.float32
    assert not LOADED.model.training
    assert heard == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_masked_rows_are_neither_summed_nor_counted():
    examples = Numbers([0, 1, 2], [0, MASKED, 1])
    whole, count = PARITY.loss(LOADED.model, collate(LOADED, examples, [0, 1, 2]))
    parts = [PARITY.loss(LOADED.model, collate(LOADED, examples, [row])) for row in range(3)]
    assert count == 2
    assert [targets for _, targets in parts] == [1, 0, 1]
    assert float(sum(total for total, _ in parts)) == pytest.approx(float(whole))
    assert float(parts[1][0]) == 0.0


def test_baselines_learn_from_training_rows_alone_and_count_the_rows_of_both():
    heard = []
    found = PARITY.baselines(LOADED, numbers(12), numbers(5), lambda *said: heard.append(said))
    assert (found["linear_probe"].guess == found["linear_probe"].truth).all()
    assert set(found["majority"].guess.tolist()) == {0}
    assert heard[-1] == (17, 17)
    assert heard[5] == (12, 17)


def test_no_rows_are_no_error():
    assert PARITY.score(LOADED, numbers(0)).shape == (0, 2)
    assert PARITY.embed(LOADED, numbers(0)).shape == (0, 0)
    assert gather(LOADED.model, [], lambda rows: torch.zeros(0, 3), (0, 3)).shape == (0, 3)
    assert ranked(np.zeros((0, 2), dtype=np.float32), LABELS) == []
