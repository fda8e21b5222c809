"""Tagged rows to tokens to answers: every word gets one answer, and it is the answer to that word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tagged, tiny

from engram.data.rows import TagRow
from engram.errors import UserError
from engram.kinds.language.examine import token_measures
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED, collate, scoring_batches
from engram.kinds.language.tag import code
from engram.kinds.language.tag.answer import answer
from engram.kinds.language.tag.decode import decode
from engram.kinds.language.tag.examples import CHUNK_ROWS, Examples, prepare, take, tokenise, tokenise_rows
from engram.kinds.language.tag.model import load, loss, open_tagger
from engram.kinds.language.tag.predict import predict, score
from engram.train.adapter import trained_weights

CLASSES = len(tagged.LABELS)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5)
ODD = ("👍🏽", "e\u0301", "\u200b", "\ufe0f", "\u00a0", "x" * 40, "porto", "New York", "[SEP]")
DROPPED = "\u200b"  # BERT's tokenizer makes no token of it


@pytest.fixture(scope="module", params=tagged.FAMILIES)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    save = tagged.FAMILIES[request.param]
    return load(tagged.recipe(save(tmp_path_factory.mktemp("base"))), tagged.LABELS)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tagged.recipe(tiny.save_encoder(tmp_path_factory.mktemp("base"))), tagged.LABELS)


def row_of(*words: str, number: int = 0, tag: int = 0) -> TagRow:
    return TagRow(number, tuple(words), (tag,) * len(words))


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.lists(TEXT | st.sampled_from(ODD), max_size=12), max_size=4), longest=st.integers(6, 30))
def test_every_word_is_answered_at_one_place_of_its_own(loaded, rows, longest):
    asked = [row_of(*words, number=number, tag=1) for number, words in enumerate(rows)]
    examples = tokenise_rows(loaded.tokenizer, asked, longest, tagged.LABELS)
    assert len(examples.places) == len(examples.truth) == sum(map(len, rows)) == examples.offsets[-1]
    with_token = [tuple(place) for place in examples.places.tolist() if place[0] >= 0]
    assert len(set(with_token)) == len(with_token)
    assert examples.errors == len(examples.places) - len(with_token)
    targets = [(w, t) for w, row in enumerate(examples.targets) for t, target in enumerate(row) if target != MASKED]
    assert sorted(targets) == sorted(with_token)
    assert all(len(ids) == len(targets) for ids, targets in zip(examples.ids, examples.targets, strict=True))
    assert max(examples.lengths, default=0) <= longest


def test_odd_words_get_an_answer_too(loaded):
    rows = [row_of("the", *ODD), row_of("\u200b", "\ufe0f", number=1), row_of(*ODD, *ODD, number=2)]
    examples = tokenise_rows(loaded.tokenizer, rows, 16, tagged.LABELS)
    logits = score(loaded, examples)
    assert logits.shape == (3 * len(ODD) + 3, CLASSES)
    assert np.isfinite(logits).all()
    assert (logits != 0).any(axis=1).all()
    assert (logits[examples.places[:, 0] < 0].argmax(axis=1) == 0).all()


def test_the_target_of_a_word_stands_at_its_first_token(loaded):
    examples = prepare(loaded, tagged.rows(20))
    for number, row in enumerate(tagged.rows(20)):
        whole = loaded.tokenizer(row.text, return_offsets_mapping=True)
        begins = np.cumsum([0, *(len(word) + 1 for word in row.tokens)])
        for word, place in enumerate(examples.places[examples.offsets[number] : examples.offsets[number + 1]]):
            begin, end = whole["offset_mapping"][place[1]]
            assert begin in (begins[word], begins[word] - 1)  # a byte-level token begins at the space
            assert begin < end
            assert examples.targets[place[0]][place[1]] == row.tags[word]


def test_a_row_that_fits_is_tokenised_as_without_windows(loaded):
    rows = tagged.rows(30, seed=7)
    examples = prepare(loaded, rows)
    assert [list(ids) for ids in examples.ids] == loaded.tokenizer([row.text for row in rows])["input_ids"]
    assert examples.places[:, 0].tolist() == [number for number, row in enumerate(rows) for _ in row.tokens]
    assert (examples.tokens_lost, examples.errors, examples.untrainable) == (0, 0, 0)


def test_a_long_row_is_read_in_windows_and_no_word_is_lost(loaded):
    words = [word for row in tagged.rows(30, seed=3) for word in row.tokens]
    long, short = row_of(*words), row_of("the", "van", number=1)
    examples = tokenise_rows(loaded.tokenizer, [short, long, short], 16, tagged.LABELS)
    assert len(examples.ids) > 10
    assert max(examples.lengths) <= 16
    assert examples.tokens_lost == 0
    assert (examples.places[:, 0] >= 0).all()
    assert examples.tokens_total == sum(len(loaded.tokenizer(row.text)["input_ids"]) for row in (short, long, short))
    logits = score(loaded, examples)
    alone = score(loaded, tokenise_rows(loaded.tokenizer, [short], 16, tagged.LABELS))
    np.testing.assert_allclose(logits[:2], alone, atol=1e-5)
    np.testing.assert_allclose(logits[-2:], alone, atol=1e-5)
    ids = loaded.tokenizer(long.text)["input_ids"]
    uncut = tokenise_rows(loaded.tokenizer, [long], 10_000, tagged.LABELS).places[:, 1].tolist()
    assert [examples.ids[window][token] for window, token in examples.places[2:-2]] == [ids[token] for token in uncut]


def test_what_one_endless_word_loses_is_counted_to_the_token(loaded):
    endless = "parcel" * 15
    whole = tokenise_rows(loaded.tokenizer, [row_of("van", endless, "box")], 10_000, tagged.LABELS)
    cut = tokenise_rows(loaded.tokenizer, [row_of("van", endless, "box")], 12, tagged.LABELS)
    inside = len(loaded.tokenizer("")["input_ids"])
    size = whole.places[2, 1] - whole.places[1, 1]
    assert whole.tokens_lost == 0
    assert cut.tokens_total == whole.tokens_total
    assert cut.tokens_lost == size - (12 - inside) > 0
    assert (cut.places[:, 0] >= 0).all()
    assert token_measures([cut])["lost_tokens_rate"] == cut.tokens_lost / cut.tokens_total


def test_a_word_without_a_token_is_an_error_and_answered_as_outside(encoder):
    examples = prepare(encoder, [row_of("van", DROPPED, "box", tag=1), row_of(DROPPED, number=1, tag=1)])
    assert examples.errors == 2
    assert token_measures([examples])["tokenisation_error_rate"] == 2 / 4, "of all words, not of all rows"
    assert examples.untrainable == 1
    assert len(examples.ids) == 1
    guess = predict(encoder, examples).answers.guess
    assert guess[1] == guess[3] == tagged.LABELS.index("O")
    elsewhere = replace(encoder, labels=("B-place", "O", "I-place", "B-thing", "I-thing"))
    assert predict(elsewhere, examples).answers.guess[[1, 3]].tolist() == [1, 1]


def test_a_tag_that_is_none_of_the_labels_is_masked_and_counted(encoder):
    rows = [TagRow(0, ("a", "van"), (1, CLASSES)), TagRow(1, ("a", "van"), (-1, CLASSES))]
    examples = prepare(encoder, rows)
    assert examples.truth.tolist() == [1, MASKED, MASKED, MASKED]
    assert examples.untrainable == 1
    assert loss(encoder.model, collate(encoder, examples, [0, 1]))[1] == 1
    total, count = loss(encoder.model, collate(encoder, examples, [1]))
    assert (float(total), count) == (0.0, 0)


def test_spans_that_begin_with_an_i_are_learned_with_a_b(encoder):
    rows = [TagRow(0, ("new", "york", "and", "porto"), (2, 2, 0, 2)), TagRow(1, ("the", "van"), (0, 4))]
    examples = prepare(encoder, rows)
    assert examples.truth.tolist() == [1, 2, 0, 1, 0, 3]
    assert [[tag for tag in row if tag != MASKED] for row in examples.targets] == [[1, 2, 0, 1], [0, 3]]


def test_the_data_gate_sees_what_a_model_will_see(encoder):
    rows = [*tagged.rows(9), row_of(DROPPED, "van")]
    seen = tokenise(encoder.tokenizer, rows, encoder.recipe, tagged.LABELS)
    assert seen.ids == prepare(encoder, rows).ids
    assert seen.errors == 1


def test_more_rows_than_one_chunk_are_tokenised_alike(encoder):
    many = tagged.rows(CHUNK_ROWS + 5, longest=4)
    together, last = prepare(encoder, many), prepare(encoder, many[-5:])
    assert together.ids[-5:] == last.ids
    assert together.targets[-5:] == last.targets
    assert (together.places[-len(last.places) :, 1] == last.places[:, 1]).all()
    assert together.places[-1, 0] == CHUNK_ROWS + 4


def test_some_of_the_rows_are_those_rows(encoder):
    rows = [row_of(DROPPED), *tagged.rows(12, longest=30), row_of("van", DROPPED)]
    examples = tokenise_rows(encoder.tokenizer, rows, 10, tagged.LABELS)
    chosen = np.array([0, 2, 3, 7, 13])
    some = take(examples, chosen)
    direct = tokenise_rows(encoder.tokenizer, [rows[number] for number in chosen], 10, tagged.LABELS)
    assert some.ids == direct.ids
    assert some.targets == direct.targets
    assert some.words == direct.words
    for name in ("truth", "offsets", "places"):
        np.testing.assert_array_equal(getattr(some, name), getattr(direct, name))


def test_the_loss_sums_over_the_words_and_counts_them(loaded):
    examples = prepare(loaded, tagged.rows(8))
    loaded.model.eval()
    with torch.no_grad():
        total, count = loss(loaded.model, collate(loaded, examples, list(range(8))))
    chances = torch.log_softmax(torch.from_numpy(score(loaded, examples)), dim=-1).numpy()
    assert count == len(examples.truth)
    assert float(total) == pytest.approx(-chances[np.arange(count), examples.truth].sum(), rel=1e-4)


def losses(loaded: Loaded, examples: Examples, batches: list[list[int]]) -> np.ndarray:
    found = np.zeros(len(examples.ids))
    with torch.no_grad():
        for rows in batches:
            batch = collate(loaded, examples, rows)
            logits = loaded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch["targets"], reduction="none")
            found[rows] = each.sum(dim=1).numpy()
    return found


def test_a_row_is_learned_and_answered_the_same_in_any_batch(loaded):
    examples = tokenise_rows(loaded.tokenizer, tagged.rows(25, seed=5, longest=30), 24, tagged.LABELS)
    loaded.model.eval()
    count = len(examples.ids)
    assert len(set(examples.lengths)) > 5
    alone = losses(loaded, examples, [[row] for row in range(count)])
    together = losses(loaded, examples, [list(range(i, min(i + 8, count))) for i in range(0, count, 8)])
    np.testing.assert_allclose(together, alone, atol=2e-4, rtol=1e-5)
    logits = score(loaded, examples)
    for row in (0, 11, 24):
        words = slice(examples.offsets[row], examples.offsets[row + 1])
        np.testing.assert_allclose(score(loaded, take(examples, np.array([row]))), logits[words], atol=1e-4)
    assert sum(int((b["targets"] != MASKED).sum()) for b in scoring_batches(loaded, examples)) == len(examples.truth)


def test_predicting_draws_no_dropout_and_says_how_far_it_is(loaded):
    loaded.model.train()
    examples = prepare(loaded, tagged.rows(6))
    said = []
    first = predict(loaded, examples, lambda done, total: said.append((done, total)))
    np.testing.assert_array_equal(first.logits, predict(loaded, examples).logits)
    assert said[-1] == (6, 6)
    assert first.logits.dtype == np.float32
    guess = decode(first.logits, examples.offsets, tagged.LABELS)
    np.testing.assert_array_equal(first.answers.guess, guess)
    np.testing.assert_array_equal(first.answers.offsets, examples.offsets)
    np.testing.assert_array_equal(first.answers.truth, examples.truth)
    assert first.answers.labels == tagged.LABELS


def test_no_rows_are_no_error(encoder):
    nothing = prepare(encoder, [])
    assert set(token_measures([nothing]).values()) == {0.0}
    assert score(encoder, nothing).shape == (0, CLASSES)
    assert answer(encoder, []) == []


def test_a_base_becomes_a_tagger_with_the_labels_of_the_data_and_its_own_body(tmp_path):
    from safetensors.torch import load_file

    for name, save in tagged.FAMILIES.items():
        folder = save(tmp_path / name)
        model = open_tagger(folder, tagged.LABELS, load(tagged.recipe(folder), tagged.LABELS).tokenizer)
        assert model.config.id2label == dict(enumerate(tagged.LABELS))
        assert model.config.label2id == {label: index for index, label in enumerate(tagged.LABELS)}
        saved = list(load_file(folder / "model.safetensors").values())
        for part in getattr(model, model.base_model_prefix).parameters():
            assert any(part.shape == other.shape and torch.equal(part, other) for other in saved), name


@pytest.mark.parametrize("family", tagged.FAMILIES)
def test_lora_adapts_the_body_and_trains_the_head_whole(tmp_path, family):
    loaded = load(tagged.recipe(tagged.FAMILIES[family](tmp_path)), tagged.LABELS)
    trained = trained_weights(loaded.model)
    head = [name for name in trained if "lora_" not in name]
    assert all("modules_to_save" in name for name in head)
    assert (CLASSES, 32) in {tuple(trained[name].shape) for name in head}
    assert not any("classifier" in name or "score" in name for name in trained if "lora_" in name)
    assert len(trained) > 8
    assert loaded.recipe.adapter.target_modules == "all-linear"
    assert loaded.model.peft_config["default"].task_type == "TOKEN_CLS"
    plain = load(tagged.recipe(tmp_path, tiny.FULL), tagged.LABELS)
    examples = prepare(plain, tagged.rows(6))
    np.testing.assert_allclose(score(plain, examples), score(loaded, examples), atol=1e-5)


def test_a_model_that_is_no_tagger_is_refused_in_words(tmp_path, encoder):
    from transformers import ViTConfig, ViTModel

    small = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=16)
    ViTModel(small).save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="holds a vit model, which can't be made a tagger"):
        load(tagged.recipe(tmp_path), tagged.LABELS)


def test_weights_that_do_not_fit_the_config_are_refused_and_not_made_up(tmp_path):
    tiny.save_encoder(tmp_path)
    config = (tmp_path / "config.json").read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3')
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UserError, match=r"lacks 16 weights of a bert model, among them bert\.encoder\.layer\.2\."):
        load(tagged.recipe(tmp_path), tagged.LABELS)


def test_the_names_that_the_pipeline_calls_are_all_there():
    from engram.kinds.language import code as kind

    assert kind.task("tag") is code
    assert set(code.__all__) == set(kind.task("classify").__all__)
    assert all(hasattr(code, name) for name in code.__all__)


def test_an_answer_names_spans_at_their_places_in_the_text(loaded):
    texts = ["the van, sent to   New York!", "", "👍🏽 \u200b"]
    answers = answer(loaded, [*texts, ["New York", "van"], ("porto",)])
    logits = score(loaded, prepare(loaded, [row_of("the", "van", ",", "sent", "to", "New", "York", "!")]))
    assert answers[0]["tokens"] == ["the", "van", ",", "sent", "to", "New", "York", "!"]
    assert answers[0]["tags"] == [tagged.LABELS[tag] for tag in decode(logits, np.array([0, 8]), tagged.LABELS)]
    assert answers[1] == {"spans": [], "tokens": [], "tags": []}
    assert answers[3]["tokens"] == ["New York", "van"]
    for text, one in zip([*texts, "New York van", "porto"], answers, strict=True):
        assert len(one["tags"]) == len(one["tokens"])
        assert set(one["tags"]) <= set(tagged.LABELS)
        for span in one["spans"]:
            assert text[span["start"] : span["end"]] == span["text"] != ""
            assert span["label"] in ("place", "thing")
            assert 0 < span["score"] <= 1


def test_a_span_is_scored_by_the_mean_probability_of_its_words(encoder, monkeypatch):
    def scores(loaded, examples):
        return np.log([[0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.4, 0.1, 0.1, 0.3], [0.1, 0.1, 0.6, 0.1, 0.1]]).astype("f4")

    monkeypatch.setattr("engram.kinds.language.tag.answer.score", scores)
    (found,) = answer(encoder, ["to New York"])
    assert found["tags"] == ["O", "B-place", "I-place"]  # the first may not be I-place, whatever its score
    assert found["spans"] == [{"text": "New York", "label": "place", "start": 3, "end": 11, "score": 0.5}]


def test_tags_that_mark_no_spans_are_answered_without_any(encoder):
    (found,) = answer(replace(encoder, labels=("NOUN", "VERB", "DET", "ADP", "X")), ["the van"])
    assert found["spans"] == []
    assert len(found["tags"]) == 2


@pytest.mark.parametrize("given", [7, None, ["a", 7], {"text": "a"}, b"a"])
def test_an_input_that_is_neither_text_nor_words_is_refused_in_words(encoder, given):
    with pytest.raises(UserError, match="must be a text or a list of words"):
        answer(encoder, ["fine", given])


@pytest.mark.parametrize("family", ["encoder", "gpt2", "t5"])
@pytest.mark.parametrize("name", ["adapter", "merged"])
def test_an_export_opens_as_the_same_tagger(tmp_path, family, name):
    loaded = load(tagged.recipe(tagged.FAMILIES[family](tmp_path / "base")), tagged.LABELS)
    with torch.no_grad():
        for weight in trained_weights(loaded.model).values():
            weight.add_(0.01)
    rows = tagged.rows(12, seed=6)
    expected = predict(loaded, prepare(loaded, rows))
    recipe, base = loaded.recipe, loaded.base
    code.export(loaded, name, tmp_path / name)
    again = code.reopen(name, tmp_path / name, base, tagged.LABELS, recipe)
    found = predict(again, prepare(again, rows))
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)
    np.testing.assert_array_equal(found.answers.guess, expected.answers.guess)
    assert again.model.config.id2label == dict(enumerate(tagged.LABELS)) or name == "adapter"
