"""Which texts are near: held against a comparison of every text with every other one, written another way."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data import near as module
from engram.data.near import COMMON_LEAST, COMMON_SHARE, Near, learn, near_pairs
from engram.data.sketch import MOST, Sketcher, words_of
from engram.errors import DataError

Pairs = set[tuple[int, int]]
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8)


def found(texts: list[str], threshold: float = 0.8) -> Pairs:
    sketcher = Sketcher()
    for text in texts:
        sketcher.add(text)
    sketches = sketcher.done()
    one, other = near_pairs(sketches, learn(sketches, threshold))
    return set(zip(one.tolist(), other.tolist(), strict=True))


def word_pairs(text: str) -> Counter[tuple[str, str]]:
    words = ["<", *words_of(text), ">"]
    return Counter(pairwise(words))


def similarity(one: Counter, other: Counter) -> float:
    both, either = sum((one & other).values()), sum((one | other).values())
    return both / either if either else 0.0


def compared(texts: list[str], threshold: float, *, common: bool = True) -> Pairs:
    """Every text with every other; `common` asks for the second condition too."""
    bags = [word_pairs(text) for text in texts]
    often = Counter(one for bag in bags for one in bag)
    most = max(COMMON_LEAST, COMMON_SHARE * len(texts))
    own = [Counter({one: n for one, n in bag.items() if often[one] <= most}) for bag in bags]
    return {
        (i, j)
        for j in range(len(texts))
        for i in range(j)
        if similarity(bags[i], bags[j]) >= threshold - 1e-9
        and (not common or similarity(own[i], own[j]) >= threshold - 1e-9)
    }


def corpus(rows: int, seed: int, repeat: bool = False) -> list[str]:
    """Texts of three to thirty words, of which two in five are an earlier text with up to three words changed."""
    draw = random.Random(seed)
    words = [f"word{i}" for i in range(3000)]
    weights = [1 / (i + 20) for i in range(3000)]
    texts: list[str] = []
    while len(texts) < rows:
        if texts and draw.random() < 0.4:
            said = draw.choice(texts).split()
            for place in draw.sample(range(len(said)), min(len(said), draw.randint(0, 3))):
                said[place] = draw.choice(words)
        else:
            said = draw.choices(words, weights, k=draw.randint(3, 30))
        text = " ".join(said)
        if repeat or text not in texts:
            texts.append(text)
    return texts


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=20, max_size=20, unique=True), st.integers(0, 19), st.sampled_from(["swap", "drop"]))
def test_one_changed_or_missing_word_of_twenty_is_near(words, place, how):
    changed = [*words[:place], *(["0"] if how == "swap" else []), *words[place + 1 :]]
    assert found([" ".join(words), " ".join(changed)]) == {(0, 1)}


@settings(max_examples=60, deadline=None)
@given(st.lists(WORD, min_size=20, max_size=20, unique=True))
def test_six_changed_words_of_twenty_are_not_near(words):
    changed = [f"{i}" if i % 3 == 0 else word for i, word in enumerate(words[:-2])] + words[-2:]
    assert found([" ".join(words), " ".join(changed)]) == set()


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_500_texts_exactly_those_are_found_that_a_comparison_of_all_finds(threshold, seed):
    texts = corpus(500, seed)
    assert found(texts, threshold) == compared(texts, threshold)


def test_of_500_texts_recall_and_precision_are_whole_where_no_words_are_common():
    texts = corpus(500, 4)
    assert len(compared(texts, 0.8, common=False)) > 20
    assert found(texts) == compared(texts, 0.8, common=False)


def test_the_order_of_the_texts_does_not_matter():
    texts = corpus(200, 5)
    mixed = random.Random(1).sample(texts, len(texts))
    names = [{frozenset((order[i], order[j])) for i, j in found(order, 0.6)} for order in (texts, mixed)]
    assert names[0] == names[1]
    assert len(names[0]) > 10


def test_an_instruction_that_all_rows_share_makes_none_of_them_near():
    asked = " ".join(f"instruction{i}" for i in range(90))
    texts = [f"{asked} {' '.join(f'w{n}x{i}' for i in range(8))}" for n in range(40)]
    assert len(compared(texts, 0.8, common=False)) == 40 * 39 // 2
    assert found(texts) == set()
    twin = texts[7].replace("w7x0", "W")
    assert found([*texts, twin], 0.5) == {(7, 40)}


def test_texts_of_nothing_but_common_words_are_near_no_other():
    texts = [f"the same words {'again ' * (n % 3)}and text{n}" for n in range(60)]
    assert found([*texts, "the same words", "the same words and"]) == set()


def test_long_texts_are_estimated_within_what_is_stated():
    draw = random.Random(6)
    pairs, errors, missed = [], [], 0
    for n in range(60):
        words = [f"t{n}w{i}" for i in range(draw.randint(150, 900))]
        share = draw.choice([0.01, 0.02, 0.04, 0.1, 0.2])
        pairs.append((" ".join(words), " ".join(w if draw.random() > share else f"x{w}" for w in words)))
    for one, other in pairs:
        true = similarity(word_pairs(one), word_pairs(other))
        # The estimate is the threshold at which the two stop being near.
        low, high = 0.0, 1.0
        for _ in range(10):
            middle = (low + high) / 2
            low, high = (middle, high) if found([one, other], middle) else (low, middle)
        errors.append(low - true)
        missed += true > 0.9 and not found([one, other])
    assert missed == 0
    assert max(map(abs, errors)) < 4 * 0.045
    assert abs(sum(errors) / len(errors)) < 0.02


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(90, 260), st.integers(90, 260), st.sampled_from([0.5, 0.7, 0.8, 0.9]))
def test_no_pair_of_cut_sketches_is_overlooked(seed, left, right, threshold):
    draw = random.Random(seed)
    shared = [f"s{i}" for i in range(min(left, right))]
    texts = [
        " ".join(shared[:size] + [f"{name}{i}" for i in range(size - len(shared))])
        for name, size in (("a", left), ("b", right))
    ]
    texts += [" ".join(draw.choices(shared, k=50)) for _ in range(5)]
    sketcher = Sketcher()
    for text in texts:
        sketcher.add(text)
    sketches = sketcher.done()
    common = np.array(draw.sample(sketches.hashes.tolist(), 40), dtype=np.uint32)
    near = Near(threshold, np.unique(common))
    own = ~np.isin(sketches.hashes, near.common)
    every = [(i, j) for j in range(len(texts)) for i in range(j)]
    one, other = (np.array(side, dtype=np.int64) for side in zip(*every, strict=True))
    want = module._compare(sketches, own, one, other, threshold)
    got = set(zip(*(side.tolist() for side in near_pairs(sketches, near)), strict=True))
    assert got == {pair for pair, yes in zip(every, want.tolist(), strict=True) if yes}


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("is that right?", "is that right", True),
        ("so, it's done…", "so it s done", True),
        ("?!", "!?", False),
        ("👍 👍 👍", "👍 👍 👎", False),
        ("it costs 5 €", "it costs 5 $", False),
        (
            "東京は今日とても寒いですね、コートを持って行きましょう",
            "東京は今日とても寒いですね。コートを持って行こう",
            False,
        ),
        (
            "東京は今日とても寒いですねコートを持って行きましょうか",
            "東京は今日とても寒いですねコートを持って行きましょう",
            True,
        ),
        ("track my order", "track my orders", False),
        ("man bites dog", "dog bites man", False),
        ("ha ha ha ha ha ha", "ha ha ha", False),
    ],
)
def test_what_counts_as_a_word(one, other, near):
    assert (found([one, other]) == {(0, 1)}) is near


def test_a_sketch_takes_what_is_stated_of_each_text():
    sketcher = Sketcher()
    sizes = [1, 20, MOST - 2, MOST - 1, MOST, 5000]
    for n, size in enumerate(sizes):
        sketcher.add(" ".join(f"t{n}w{i}" for i in range(size)))
    sketches = sketcher.done()
    assert np.diff(sketches.starts).tolist() == [2, 21, MOST - 1, MOST, MOST, MOST]
    assert sketches.hashes.itemsize == 4
    assert all(
        (np.diff(sketches.hashes[a:b].astype(np.int64)) > 0).all()
        for a, b in zip(sketches.starts, sketches.starts[1:], strict=False)
    )


def test_sketches_do_not_depend_on_how_texts_are_batched(monkeypatch):
    texts = corpus(100, 7)

    def made():
        sketcher = Sketcher()
        for text in texts:
            sketcher.add(text)
        return sketcher.done()

    whole = made()
    monkeypatch.setattr("engram.data.sketch.BATCH_WORDS", 10)
    assert made().hashes.tolist() == whole.hashes.tolist()
    assert made().starts.tolist() == whole.starts.tolist()
    some = whole.of(np.array([5, 0, 5]))
    parts = [whole.hashes[whole.starts[i] : whole.starts[i + 1]].tolist() for i in (5, 0, 5)]
    assert some.hashes.tolist() == [one for part in parts for one in part]


def test_texts_too_much_alike_to_compare_are_refused_in_words(monkeypatch):
    monkeypatch.setattr(module, "CANDIDATES_LEAST", 10)
    monkeypatch.setattr(module, "CANDIDATES_PER_TEXT", 1)
    with pytest.raises(DataError, match="too few different words") as caught:
        found([f"one two three four five six {n}" for n in range(15)], 0.5)
    assert "deduplicate: exact" in caught.value.remedy


def test_no_text_and_one_text_have_no_neighbour():
    assert found([]) == set()
    assert found(["alone"]) == set()
