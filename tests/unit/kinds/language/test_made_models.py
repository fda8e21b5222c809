"""Models that the platform makes itself: the same each time, whole, and ready to learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import talking
from transformers import AutoTokenizer

from engram import files
from engram.errors import PlatformError, UnknownName
from engram.kinds.language import made
from engram.kinds.language.generate.model import answer, load
from engram.kinds.language.source import MADE, find_base
from engram.schema.recipe import Model

TEXTS = ["A line,\n\tand  another: 1234 — “naïve”.", "<|endoftext|> order 40512", "The kettle's lid"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def at_home(home, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(home))


@pytest.mark.parametrize("name", MADE)
def test_it_is_made_once_and_found_again(name, home):
    folder = made.make(name)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert made.make(name) == folder
    assert folder.parent == home / "models"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".tmp")]


@pytest.mark.parametrize("name", MADE)
def test_another_home_makes_the_same_files_byte_by_byte(name, tmp_path, monkeypatch):
    base = find_base(Model(f"made:{name}"))
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    torch.manual_seed(7)
    state = torch.get_rng_state()
    again = find_base(Model(f"made:{name}"))
    assert torch.equal(torch.get_rng_state(), state), "making a model draws nothing from the world's generators"
    assert again.folder != base.folder
    assert (again.digest, again.name, again.revision) == (base.digest, f"made:{name}", "")


@pytest.mark.parametrize("name", MADE)
def test_the_ids_of_its_tokenizer_survive_reloading_and_saving_again(name, tmp_path):
    folder = made.make(name)
    first = AutoTokenizer.from_pretrained(folder)
    first.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    again = AutoTokenizer.from_pretrained(tmp_path)
    texts = [*TEXTS, *list(made.sample_texts())[::40]]
    assert again(texts)["input_ids"] == first(texts)["input_ids"]
    assert len(first) == 2048


def test_the_causal_one_writes_every_text_back():
    tokenizer = AutoTokenizer.from_pretrained(made.make("causal"))
    for text in [*TEXTS, "漢字 🙂"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == text


def test_the_encoder_decoder_knows_the_letters_of_latin_alphabets():
    tokenizer = AutoTokenizer.from_pretrained(made.make("seq2seq"))
    ids = tokenizer("Zürich, Łódź – naïve: 100 €")["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "Zürich, Łódź – naïve: 100 €"
    digits = tokenizer.convert_ids_to_tokens(tokenizer("12345")["input_ids"])
    assert [piece for piece in digits if piece.strip("▁").isdigit()] == list("12345")


def test_a_tokenizer_that_does_not_survive_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path))
    other = AutoTokenizer.from_pretrained(talking.save_causal(tmp_path / "other"))
    monkeypatch.setattr(made.AutoTokenizer, "from_pretrained", lambda folder: other)
    with pytest.raises(PlatformError, match="gives other tokens"):
        made.make("causal")
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


@pytest.mark.parametrize("name", MADE)
def test_it_answers(name):
    loaded = load(talking.recipe(f"made:{name}"))
    [found] = answer(loaded, ["My kettle leaks."])
    assert found["prompt_tokens"] > 3
    assert loaded.base is not None
    assert loaded.base.digest == find_base(Model(f"made:{name}")).digest
    assert files.read_json(loaded.base.folder / "config.json")["vocab_size"] == 2048


def test_an_unknown_one_is_met_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"Known: causal, seq2seq\. Did you mean 'causal'"):
        find_base(Model("made:casual"))


def test_the_pieces_of_words_do_not_depend_on_the_order_of_the_texts():
    texts = talking.corpus()
    assert made.word_pieces(texts, 500) == made.word_pieces(texts[::-1], 500)
