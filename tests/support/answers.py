"""Answers of every sort, drawn by hypothesis, and what can be done to any of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from engram.evaluate.answers import Answers
from engram.evaluate.box_answers import BoxAnswers
from engram.evaluate.episode_answers import EpisodeAnswers
from engram.evaluate.score_answers import ScoreAnswers
from engram.evaluate.span_answers import SpanAnswers
from engram.evaluate.spoken_answers import SpokenAnswers
from engram.evaluate.text_answers import TextAnswers
from engram.evaluate.vector_answers import VectorAnswers

TAGS = ("O", "B-person", "I-person", "B-place", "I-place")
WORDS = [
    "the", "a", "cat", "cats", "sat", "on", "mat", "Paris", "1", "naïve", "don't", "U.S.", "…", "ça", "猫", "座った",
]  # fmt: skip
SEEDS = st.integers(0, 2**32 - 1)
MOST_STEPS = 50


@st.composite
def class_answers(draw) -> Answers:
    """Valid answers in classes: the guess is the most probable label."""
    classes, rows, seed = draw(st.integers(1, 7)), draw(st.integers(1, 50)), draw(SEEDS)
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.5), rows)
    truth = random.integers(0, classes, rows)
    labels = tuple(f"label {i}" for i in range(classes))
    return Answers(truth, probabilities.argmax(axis=1), probabilities, labels)


@st.composite
def span_answers(draw, tags: tuple[str, ...] = TAGS) -> SpanAnswers:
    """Valid tags, any after any, with a true span in the first row and a guess that is often right."""
    rows, seed = draw(st.integers(1, 30)), draw(SEEDS)
    random = np.random.default_rng(seed)
    truth = [random.integers(0, len(tags), random.integers(1, 9)) for _ in range(rows)]
    truth[0][0] = 1
    guess = [np.where(random.random(len(one)) < 0.6, one, random.integers(0, len(tags), len(one))) for one in truth]
    return SpanAnswers.of([one.tolist() for one in truth], [one.tolist() for one in guess], tags)


@st.composite
def text_answers(draw) -> TextAnswers:
    """Valid texts of four words and more, one to three references a row, guesses near one of them, and losses."""
    rows, most, seed = draw(st.integers(1, 20)), draw(st.integers(1, 3)), draw(SEEDS)
    random = np.random.default_rng(seed)

    def text() -> list[str]:
        return ["cat", *random.choice(WORDS, random.integers(3, 9)).tolist()]

    references = [[text() for _ in range(random.integers(1, most + 1))] for _ in range(rows)]
    guesses = [[word for word in texts[0] if random.random() < 0.7] + text()[:2] for texts in references]
    tokens = random.integers(1, 30, rows)
    return TextAnswers(
        tuple(tuple(" ".join(words) for words in texts) for texts in references),
        tuple(" ".join(words) for words in guesses),
        random.exponential(3.0, rows) * tokens,
        tokens,
    )


@st.composite
def box_answers(draw) -> BoxAnswers:
    """Valid boxes, one at least in the first row, and guesses that are near them or anywhere."""
    classes, rows, seed = draw(st.integers(1, 4)), draw(st.integers(1, 12)), draw(SEEDS)
    random = np.random.default_rng(seed)

    def boxes(count: int) -> np.ndarray:
        return np.concatenate([random.uniform(0, 40, (count, 2)), random.uniform(4, 20, (count, 2))], axis=1)

    truth, guess = [], []
    for row in range(rows):
        places = boxes(int(random.integers(row == 0, 4)))
        kinds = random.integers(0, classes, len(places))
        found = np.concatenate([places + random.uniform(-1.5, 1.5, places.shape), boxes(int(random.integers(0, 3)))])
        said = np.concatenate([kinds, random.integers(0, classes, len(found) - len(places))])
        truth.append((kinds.tolist(), places.tolist()))
        guess.append((said.tolist(), found.tolist(), random.random(len(found)).tolist()))
    return BoxAnswers.of(truth, guess, [f"label {i}" for i in range(classes)])


@st.composite
def vector_answers(draw) -> VectorAnswers:
    """Valid vectors: each question has one right thing in the gallery, among others that are right for nobody."""
    rows, more, seed = draw(st.integers(1, 30)), draw(st.integers(0, 20)), draw(SEEDS)
    random = np.random.default_rng(seed)
    gallery = random.standard_normal((rows + more, 6)).astype(np.float32)
    queries = gallery[:rows] + random.standard_normal((rows, 6)).astype(np.float32)
    right = np.concatenate([np.arange(rows), np.full(more, -1)])
    return VectorAnswers(queries, gallery, np.arange(rows), right, np.full(rows, -1))


@st.composite
def episode_answers(draw) -> EpisodeAnswers:
    """Valid episodes, whose returns are at most 1 here."""
    rows, seed = draw(st.integers(1, 40)), draw(SEEDS)
    random = np.random.default_rng(seed)
    steps, success = random.integers(1, MOST_STEPS + 1, rows), random.integers(0, 2, rows)
    return EpisodeAnswers(np.arange(rows), random.random(rows), steps, success, "a return of at least 1")


@st.composite
def spoken_answers(draw) -> SpokenAnswers:
    """Valid speech: distances, how long each row took and should have taken, and what a judge heard of it."""
    rows, seed = draw(st.integers(1, 30)), draw(SEEDS)
    random = np.random.default_rng(seed)
    texts = tuple(" ".join(random.choice(WORDS, random.integers(1, 5)).tolist()) for _ in range(rows))
    heard = tuple(" ".join(word for word in text.split() if random.random() < 0.7) for text in texts)
    recorded = random.uniform(0.2, 3.0, rows)
    return SpokenAnswers(texts, random.uniform(0, 12, rows), random.uniform(0.2, 3.0, rows), recorded, heard, "a judge")


@st.composite
def score_answers(draw) -> ScoreAnswers:
    """Valid scores, the true ones 0 to 5 and not all the same."""
    rows, seed = draw(st.integers(2, 40)), draw(SEEDS)
    random = np.random.default_rng(seed)
    truth = random.integers(0, 6, rows).astype(float)
    truth[:2] = [0.0, 5.0]
    return ScoreAnswers(np.clip(truth / 5 + random.normal(0, 0.3, rows), -1, 1), truth)


STRATEGIES = {
    Answers: class_answers,
    SpanAnswers: span_answers,
    TextAnswers: text_answers,
    BoxAnswers: box_answers,
    VectorAnswers: vector_answers,
    EpisodeAnswers: episode_answers,
    SpokenAnswers: spoken_answers,
    ScoreAnswers: score_answers,
}


def take(given, rows):
    """Return answers of the rows named, in that order and as often."""
    rows = np.asarray(rows)
    if isinstance(given, Answers):
        chances = given.probabilities
        chances = None if chances is None else chances[rows]
        return replace(given, truth=given.truth[rows], guess=given.guess[rows], probabilities=chances)
    if isinstance(given, SpanAnswers):
        truth, guess = (np.split(tags, given.offsets[1:-1]) for tags in (given.truth, given.guess))
        return SpanAnswers.of([truth[i].tolist() for i in rows], [guess[i].tolist() for i in rows], given.labels)
    if isinstance(given, BoxAnswers):
        true, said = given.truth_offsets, given.guess_offsets
        truth = [(given.truth[true[i] : true[i + 1]], given.truth_boxes[true[i] : true[i + 1]].tolist()) for i in rows]
        guess = [
            (
                given.guess[said[i] : said[i + 1]],
                given.guess_boxes[said[i] : said[i + 1]].tolist(),
                given.scores[said[i] : said[i + 1]],
            )
            for i in rows
        ]
        return BoxAnswers.of(truth, guess, given.labels)
    if isinstance(given, VectorAnswers):
        return replace(given, queries=given.queries[rows], truth=given.truth[rows], own=given.own[rows])
    if isinstance(given, EpisodeAnswers):
        names = ("seeds", "returns", "steps", "success")
        return replace(given, **{name: getattr(given, name)[rows] for name in names})
    if isinstance(given, ScoreAnswers):
        return replace(given, guess=given.guess[rows], truth=given.truth[rows])
    if isinstance(given, SpokenAnswers):
        numbers = {name: getattr(given, name)[rows] for name in ("distances", "seconds", "recorded")}
        texts, guesses = (tuple(one[i] for i in rows) for one in (given.texts, given.guesses))
        return replace(given, texts=texts, guesses=guesses, **numbers)
    return TextAnswers(
        tuple(given.references[i] for i in rows),
        None if given.guesses is None else tuple(given.guesses[i] for i in rows),
        None if given.nll is None else given.nll[rows],
        None if given.tokens is None else given.tokens[rows],
    )


def perfect(given):
    """Return what a model would answer that knows everything."""
    if isinstance(given, Answers):
        return replace(given, guess=given.truth, probabilities=np.eye(len(given.labels))[given.truth])
    if isinstance(given, SpanAnswers):
        return replace(given, guess=given.truth)
    if isinstance(given, BoxAnswers):
        sure = np.ones(len(given.truth))
        true = {"guess_boxes": given.truth_boxes, "guess": given.truth, "guess_offsets": given.truth_offsets}
        return replace(given, scores=sure, **true)
    if isinstance(given, VectorAnswers):
        return replace(given, queries=given.gallery[given.truth])
    if isinstance(given, EpisodeAnswers):
        ones = np.ones(given.rows, dtype=np.int64)
        return replace(given, returns=ones.astype(float), steps=MOST_STEPS * ones, success=ones)
    if isinstance(given, ScoreAnswers):
        return replace(given, guess=given.truth / 5)
    if isinstance(given, SpokenAnswers):
        return replace(given, distances=np.zeros(given.rows), seconds=given.recorded, guesses=given.texts)
    return replace(given, guesses=tuple(texts[-1] for texts in given.references), nll=np.zeros(given.rows))
