"""Scores of texts are those of the libraries that the field quotes, and of the rules written down again here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from itertools import zip_longest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import text_answers

from engram.errors import MissingExtra, UsageError
from engram.evaluate import bleu, chrf, exact_match, qa_f1, rouge_l
from engram.evaluate.rouge_l import longest_common
from engram.evaluate.squad import normalised
from engram.evaluate.text_answers import TextAnswers

MANY = settings(max_examples=60, deadline=None)
ENGLISH = st.lists(
    st.sampled_from(["the", "a", "an", "cat", "Cat,", "sat.", "'mat'", "an-other", "theory", "U.S.", "café"]),
    max_size=7,
)


@st.composite
def english(draw) -> TextAnswers:
    """Short English answers, some of articles and punctuation alone, some not there at all."""
    references = draw(st.lists(st.lists(ENGLISH.filter(bool), min_size=1, max_size=3), min_size=1, max_size=8))
    guesses = [draw(st.one_of(ENGLISH, st.sampled_from(texts))) for texts in references]
    return TextAnswers(
        tuple(tuple("  ".join(words) for words in texts) for texts in references),
        tuple(" ".join(words) for words in guesses),
    )


@MANY
@given(text_answers())
def test_bleu_and_chrf_are_what_sacrebleu_prints(case: TextAnswers) -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    streams = list(zip_longest(*case.references))
    expected = sacrebleu.corpus_bleu(list(case.guesses), streams, force=True).score
    assert bleu.compute(case) == pytest.approx(expected, rel=0, abs=1e-9)
    assert chrf.compute(case) == pytest.approx(sacrebleu.corpus_chrf(list(case.guesses), streams).score, abs=1e-9)


@MANY
@given(text_answers(), st.integers(0, 1000))
def test_weighted_bleu_and_chrf_are_what_sacrebleu_prints_of_the_drawn_rows(case: TextAnswers, seed: int) -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    drawn = np.random.default_rng(seed).integers(0, case.rows, case.rows)
    weighted = case.weighted(np.bincount(drawn, minlength=case.rows))
    guesses = [case.guesses[row] for row in drawn]
    streams = list(zip_longest(*(case.references[row] for row in drawn)))
    assert bleu.compute(weighted) == pytest.approx(sacrebleu.corpus_bleu(guesses, streams, force=True).score, abs=1e-9)
    assert chrf.compute(weighted) == pytest.approx(sacrebleu.corpus_chrf(guesses, streams).score, abs=1e-9)


def test_the_signature_names_the_version_and_every_choice() -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    one = TextAnswers((("a b c d",), ("e f g h",)), ("a b c d", "e"))
    version = f"version:{sacrebleu.__version__}"
    assert bleu.method(one) == f"sacrebleu nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|{version}"
    assert chrf.method(one) == f"sacrebleu nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|{version}"
    several = TextAnswers((("a", "b"), ("e",)), ("a", "e"))
    assert "nrefs:var|" in bleu.method(several) and "nrefs:var|" in chrf.method(several)


def test_a_text_that_was_not_written_scores_nothing_and_counts() -> None:
    case = TextAnswers((("the cat sat on the mat",), ("the dog lay on the rug",)), ("the cat sat on the mat", ""))
    assert 0 < bleu.compute(case) < 100
    assert 0 < chrf.compute(case) < 100
    assert [metric.compute(case) for metric in (exact_match.METRIC, qa_f1.METRIC, rouge_l.METRIC)] == [0.5, 0.5, 0.5]


@MANY
@given(st.one_of(text_answers(), english()))
def test_rouge_l_is_that_of_rouge_score(case: TextAnswers) -> None:
    scorers = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    scorer = scorers.RougeScorer(["rougeL"])
    pairs = zip(case.references, case.guesses, strict=True)
    expected = [scorer.score_multi(list(texts), guess)["rougeL"].fmeasure for texts, guess in pairs]
    if any(re.search("[A-Za-z0-9]", text) for texts in case.references for text in texts):
        assert rouge_l.compute(case) == pytest.approx(np.mean(expected), rel=0, abs=1e-9)


def test_rouge_l_says_that_it_cant_read_a_script_instead_of_scoring_it_zero() -> None:
    with pytest.raises(UsageError, match=r"letters a to z.*Use chrf"):
        rouge_l.compute(TextAnswers((("猫が座った",),), ("猫が座った",)))


def longest_by_table(one: str, other: str) -> int:
    """The textbook's table, cell by cell."""
    above = [0] * (len(other) + 1)
    for left in one:
        line = [0]
        for at, right in enumerate(other):
            line.append(above[at] + 1 if left == right else max(above[at + 1], line[at]))
        above = line
    return above[-1]


@given(st.text("abc", max_size=100), st.text("abcd", max_size=100))
def test_the_longest_common_subsequence_is_that_of_the_table(one: str, other: str) -> None:
    assert longest_common(one, other) == longest_common(other, one) == longest_by_table(one, other)


def by_the_script(text: str) -> list[str]:
    """Read an answer as SQuAD's page describes it, one rule after another."""
    kept = "".join(char for char in text.lower() if char not in set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"))
    return [word for word in re.sub(r"\b(a|an|the)\b", " ", kept).split() if word]


@MANY
@given(english())
def test_exact_match_and_f1_are_those_of_the_rules_of_squad(case: TextAnswers) -> None:
    exact, overlap = [], []
    for texts, guess in zip(case.references, case.guesses, strict=True):
        given_words, best, hit = by_the_script(guess), 0.0, False
        for text in texts:
            right = by_the_script(text)
            hit |= right == given_words
            common = sum((Counter(right) & Counter(given_words)).values())
            precision, recall = common / max(1, len(given_words)), common / max(1, len(right))
            score = 2 * precision * recall / (precision + recall) if common else float(right == given_words == [])
            best = max(best, score)
        exact.append(hit)
        overlap.append(best)
    assert exact_match.compute(case) == pytest.approx(np.mean(exact), abs=1e-9)
    assert qa_f1.compute(case) == pytest.approx(np.mean(overlap), abs=1e-9)
    assert case.correct().tolist() == exact


@pytest.mark.parametrize(
    ("text", "read"),
    [("The  Eiffel Tower.", "eiffel tower"), ("An a the", ""), ("theory", "theory"), ("it's", "its"), ("ÉTÉ", "été")],
)
def test_case_punctuation_articles_and_spaces_do_not_count(text: str, read: str) -> None:
    assert normalised(text) == read


@pytest.mark.parametrize("metric", [bleu.METRIC, chrf.METRIC, rouge_l.METRIC, exact_match.METRIC, qa_f1.METRIC])
def test_texts_that_were_never_written_are_told_with_what_to_do(metric) -> None:
    silent = TextAnswers((("yes",),), nll=np.array([1.0]), tokens=np.array([1]))
    with pytest.raises(UsageError, match=f"'{metric.name}' needs the texts.*Take '{metric.name}' out"):
        metric.compute(silent)
    assert silent.correct() is None


def test_nothing_of_sacrebleu_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from engram.evaluate import bleu, compare; from engram.evaluate.text_answers import TextAnswers; "
        "compare.measure(TextAnswers((('a',),), ('a',)), [], resamples=0); print('sacrebleu' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_sacrebleu_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(MissingExtra, match=r"needed to score BLEU.*\[train\]"):
        bleu.compute(TextAnswers((("a",),), ("a",)))
