"""What a model writes: the same alone and among others, greedily, and no longer than it was allowed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from support import talking

from engram.errors import UsageError, UserError
from engram.kinds.language.generate import writing
from engram.kinds.language.generate.examples import prepare, prompt_ids, voice_of
from engram.kinds.language.generate.model import answer, load
from engram.kinds.language.generate.writing import write
from engram.kinds.language.load import Loaded
from engram.schema.options import Options
from engram.schema.recipe import Evaluate

SAVE = {"causal": talking.save_causal, "chatml": talking.save_causal, "seq2seq": talking.save_seq2seq}


@pytest.fixture(scope="module", params=SAVE)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = tmp_path_factory.mktemp("base")
    if request.param == "chatml":
        talking.save_causal(folder, talking.CHATML)
    else:
        SAVE[request.param](folder)
    return load(talking.recipe(folder))


def by_hand(loaded: Loaded, prompt: list[int], most: int) -> list[int]:
    """Write greedily, with one whole pass for each token and no cache."""
    model, ids, own = loaded.model.get_base_model(), list(prompt), []
    stops = model.generation_config.eos_token_id
    start = model.config.decoder_start_token_id if voice_of(loaded).encoder_decoder else None
    with torch.inference_mode():
        while len(own) < most:
            if start is None:
                logits = model(input_ids=torch.tensor([ids + own])).logits
            else:
                logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start, *own]])).logits
            token = int(logits[0, -1].argmax())
            if token in stops:
                break
            own.append(token)
    return own


def test_many_at_once_are_written_as_one_by_one_and_as_by_hand(loaded):
    voice, prompts = voice_of(loaded), prepare(loaded, talking.chats(9, seed=4)).prompts
    assert len(set(map(len, prompts))) > 3
    together = write(loaded, voice, prompts)
    for prompt, one in zip(prompts, together, strict=True):
        assert write(loaded, voice, [prompt]) == [one]
        own = by_hand(loaded, prompt, 8)
        assert (one.text, one.completion_tokens) == (voice.read(own), len(own))
        assert one.finish_reason == ("length" if len(own) == 8 else "stop")
        assert one.prompt_tokens == len(prompt)


def test_answers_come_in_the_order_of_the_questions_whatever_the_batches(loaded, monkeypatch):
    voice, prompts = voice_of(loaded), prepare(loaded, talking.chats(7, seed=4)).prompts
    together = write(loaded, voice, prompts)
    said = []
    monkeypatch.setattr(writing, "WRITING_TOKENS", 40)
    assert write(loaded, voice, prompts, said.append) == together
    assert len(said) > 2
    assert said[-1] == 7


def test_no_more_is_written_than_the_recipe_allows(loaded):
    voice, prompts = voice_of(loaded), prepare(loaded, talking.chats(4)).prompts
    for most in (1, 3):
        brief = replace(loaded, recipe=replace(loaded.recipe, evaluate=Evaluate(max_new_tokens=most)))
        assert all(one.completion_tokens <= most for one in write(brief, voice, prompts))


def test_a_publishers_sampling_and_penalties_have_no_say(tmp_path):
    folder = talking.save_causal(tmp_path)
    prompts = prepare(load(talking.recipe(folder)), talking.chats(6)).prompts
    plain = load(talking.recipe(folder))
    before = write(plain, voice_of(plain), prompts)
    said = json.loads((folder / "generation_config.json").read_text())
    said |= {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "max_new_tokens": 1}
    (folder / "generation_config.json").write_text(json.dumps(said))
    other = load(talking.recipe(folder))
    assert write(other, voice_of(other), prompts) == before


def test_a_publishers_end_token_ends_an_answer(tmp_path):
    folder = talking.save_causal(tmp_path)
    loaded = load(talking.recipe(folder))
    [prompt] = prepare(loaded, talking.chats(1)).prompts
    first = by_hand(loaded, prompt, 1)
    said = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**said, "eos_token_id": first}))
    ended = load(talking.recipe(folder))
    [one] = write(ended, voice_of(ended), [prompt])
    assert (one.text, one.finish_reason, one.completion_tokens) == ("", "stop", 0)
    assert voice_of(ended).end in ended.model.get_base_model().generation_config.eos_token_id


def test_people_ask_with_texts_and_with_conversations(loaded):
    asked = [{"role": "user", "content": "late parcel"}]
    text, talk, other = answer(loaded, ["late parcel", {"messages": asked}, {"messages": asked, "tools": []}])
    assert text == talk == other
    assert set(text) == {"text", "finish_reason", "prompt_tokens", "completion_tokens"}
    assert text["prompt_tokens"] == len(prompt_ids(voice_of(loaded), asked))
    assert answer(loaded, []) == []


@pytest.mark.parametrize("asked", [7, None, {}, {"messages": "late"}, {"messages": [{"role": 1}]}, {"messages": [1]}])
def test_what_is_no_question_is_said_in_words(loaded, asked):
    with pytest.raises(UserError, match="neither a text nor a conversation"):
        answer(loaded, [asked])


def test_a_begun_answer_is_gone_on_with(tmp_path):
    loaded = load(talking.recipe(talking.save_causal(tmp_path)))
    voice, asked = voice_of(loaded), [{"role": "user", "content": "late parcel"}]
    begun = [*asked, {"role": "assistant", "content": " kind"}]
    assert prompt_ids(voice, begun) == prompt_ids(voice, asked) + loaded.tokenizer(" kind")["input_ids"]
    assert prompt_ids(voice, begun[1:]) == [voice.end, *loaded.tokenizer(" kind")["input_ids"]]
    assert prompt_ids(voice, []) == [voice.end]


def test_an_encoder_decoder_does_not_go_on_with_an_answer(tmp_path):
    loaded = load(talking.recipe(talking.save_seq2seq(tmp_path)))
    with pytest.raises(UserError, match="does not go on with an answer"):
        answer(loaded, [{"messages": [{"role": "assistant", "content": "kind"}]}])


def test_a_prompt_and_its_answer_fit_into_the_models_positions(tmp_path):
    folder = talking.save_causal(tmp_path, max_position_embeddings=24)
    loaded = load(talking.recipe(folder, max_new_tokens=100))
    [one] = write(loaded, voice_of(loaded), [list(range(1, 200))])
    assert one.prompt_tokens + one.completion_tokens <= 24
    assert one.prompt_tokens == 12


def test_writing_draws_no_dropout(loaded):
    voice, prompts = voice_of(loaded), prepare(loaded, talking.chats(3)).prompts
    loaded.model.train()
    first = write(loaded, voice, prompts)
    loaded.model.train()
    assert write(loaded, voice, prompts) == first
    assert np.all([one.prompt_tokens > 0 for one in first])


def heard_of(loaded, asked, **wanted):
    """Ask with a listener; return the answers and what was heard of each."""
    heard = [[] for _ in asked]
    options = [Options(**wanted, on_text=lambda text, pieces=pieces: pieces.append(text) or True) for pieces in heard]
    return answer(loaded, asked, options), heard


ASKED = ["my parcel is late", "refund the card", "thanks", "the van was lost and the box was late today"]


def test_what_is_heard_piece_by_piece_is_the_answer(loaded):
    answers, heard = heard_of(loaded, ASKED)
    assert answers == answer(loaded, ASKED)
    assert ["".join(pieces) for pieces in heard] == [one["text"] for one in answers]
    assert max(map(len, heard)) > 1


def test_limits_and_stops_of_one_change_nothing_for_the_others(loaded):
    plain = answer(loaded, ASKED)
    stop = next(one["text"][2:4] for one in plain if len(one["text"]) > 4)
    options = [Options(max_new_tokens=2), Options(), Options(stop=(stop,)), Options(stop=("never written",))]
    together = answer(loaded, ASKED, options)
    assert together == [answer(loaded, [one], [option])[0] for one, option in zip(ASKED, options, strict=True)]
    assert together[0]["completion_tokens"] <= 2
    assert plain[0]["text"].startswith(together[0]["text"])
    assert together[1] == plain[1]
    assert together[3] == plain[3]
    assert stop not in together[2]["text"]


def test_an_answer_ends_before_a_stop_text(loaded):
    for asked in ASKED:
        [whole] = answer(loaded, [asked])
        stop = whole["text"][3:5]
        if len(stop) == 2:
            [cut], [heard] = heard_of(loaded, [asked], stop=(stop,))
            assert cut["text"] == whole["text"][: whole["text"].index(stop)] == "".join(heard)
            assert cut["finish_reason"] == "stop"
            assert 0 < cut["completion_tokens"] <= whole["completion_tokens"]
            return
    pytest.fail("no answer is long enough")


def test_a_listener_that_stops_listening_stops_the_writing(loaded):
    heard = []
    answer(loaded, ASKED[:1], [Options(on_text=lambda text: heard.append(text) or False)])
    assert len(heard) <= 1


def test_a_prompt_that_is_too_long_is_refused_and_not_cut(loaded):
    with pytest.raises(UsageError, match="at most 3 are read"):
        answer(loaded, ["one two three four five six seven"], [Options(max_input_tokens=3)])
    with pytest.raises(UsageError, match="nothing was cut"):
        answer(loaded, ["again " * 2000], [Options()])
