"""One way to write a conversation down: what stands before an answer is the same in training and in serving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import talking, tiny

from engram.data.rows import ChatRow
from engram.errors import UserError
from engram.kinds.language.generate.examples import prepare, prompt_ids, tokenise_rows, tokenizer_of, voice_of
from engram.kinds.language.generate.model import load
from engram.kinds.language.generate.voice import Voice, dress, listen, write_down
from engram.kinds.language.load import Loaded
from engram.kinds.language.padding import MASKED

KINDS = {
    "causal": {"special_tokens": ()},
    "causal with a template": {
        "special_tokens": ("<context>", "<response>"),
        "template": "<context>{system}: {prompt}<response>{response}!\n",
    },
    "chatml": {"chat_template": talking.CHATML},
    "forgetful": {"chat_template": talking.FORGETFUL},
    "seq2seq": {},
}


@pytest.fixture(scope="module", params=KINDS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder, parts = tmp_path_factory.mktemp("base"), dict(KINDS[request.param])
    chat_template = parts.pop("chat_template", None)
    if request.param == "seq2seq":
        talking.save_seq2seq(folder)
    else:
        talking.save_causal(folder, chat_template)
    return load(talking.recipe(folder, max_seq_length=500, **parts))


def rows() -> list[ChatRow]:
    system = {"role": "system", "content": "Be  brief."}
    tool = {"role": "tool", "content": "found: 2"}
    talks = [*talking.chats(3), *talking.chats(3, seed=1, turns=3)]
    longer = [
        ChatRow(6, (system, *talks[0].messages)),
        ChatRow(7, (*talks[4].messages[:1], *talks[4].messages[2:])),
        ChatRow(8, (talks[0].messages[0], tool, talks[0].messages[1])),
        ChatRow(9, ({"role": "user", "content": ""}, {"role": "assistant", "content": " two  spaces \n"})),
        ChatRow(10, ({"role": "user", "content": "x\n"}, {"role": "assistant", "content": "\n\ny"})),
        *(replace(row, id=12) for row in talking.plain_texts(1)),
        ChatRow(11, ({"role": "assistant", "content": "How can I help?"}, *talks[0].messages)),
    ]
    return [*talks, *longer]


def learned(targets: list[int]) -> list[int]:
    return [target for target in targets if target != MASKED]


def test_a_prompt_has_the_same_tokens_in_training_and_in_serving(loaded):
    voice = voice_of(loaded)
    examples = prepare(loaded, rows())
    assert examples.tokens_lost == 0
    last = {row: sequence for sequence, row in enumerate(examples.owners)}
    for number, row in enumerate(rows()):
        served = prompt_ids(voice, row.prompt, row.tools)
        assert served == examples.prompts[number]
        sequence = last[number]
        assert examples.ids[sequence][: len(served)] == served
        if not examples.encoder_decoder:
            assert examples.targets[sequence][len(served) - 1] == examples.ids[sequence][len(served)]


def test_what_is_learned_is_every_answer_and_its_end(loaded):
    voice = voice_of(loaded)
    examples = prepare(loaded, rows())
    for number, row in enumerate(rows()):
        found = [learned(t) for t, owner in zip(examples.targets, examples.owners, strict=True) if owner == number]
        text = "".join(loaded.tokenizer.decode(tokens) for tokens in found)
        said = row.messages[1:] or row.messages
        answers = [str(m["content"]) for m in said if m["role"] == "assistant"]
        place = 0
        for answer in answers:
            wanted = " ".join(answer.split()) if examples.encoder_decoder else answer
            place = text.index(wanted, place) + len(wanted)
        ends = voice.end if voice.encoder_decoder or not row.prompt else (voice.stop or voice.end)
        assert sum(tokens.count(ends) for tokens in found) == len(answers)
        assert all(tokens[-1] == ends for tokens in found)
        asked = {str(m["content"]) for m in row.messages if m["role"] == "user" and m["content"].strip()}
        assert not any(one in text for one in asked if not any(one in answer for answer in answers))


def test_the_tokens_of_a_conversation_are_those_of_its_text(loaded):
    """Pieces are tokenised one by one; put together they are the text that the template writes."""
    voice = voice_of(loaded)
    if voice.encoder_decoder:
        pytest.skip("an encoder and a decoder read two texts")
    for row in filter(lambda row: row.prompt, rows()):
        sequences = write_down(voice, row.messages)
        text = "".join(piece.text for piece in sequences[-1])
        assert text == loaded.tokenizer.apply_chat_template([dict(m) for m in row.messages], tokenize=False)


def test_the_data_gate_sees_the_tokens_that_are_trained(loaded):
    recipe = loaded.recipe
    assert recipe is not None
    found = tokenise_rows(tokenizer_of(recipe), rows(), recipe, ())
    again = prepare(loaded, rows())
    assert (found.ids, found.targets, found.prompts) == (again.ids, again.targets, again.prompts)


def test_the_tokenizers_own_chat_template_is_used_where_the_recipe_has_none(tmp_path):
    folder = talking.save_causal(tmp_path, talking.CHATML)
    own = tokenizer_of(talking.recipe(folder))
    assert own.chat_template == talking.CHATML
    other = tokenizer_of(talking.recipe(folder, template="{prompt} ->{response}"))
    said = other.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False, add_generation_prompt=True)
    assert said == "a ->"


def test_the_end_of_a_turn_is_read_off_the_template(tmp_path):
    tokenizer = tokenizer_of(talking.recipe(talking.save_causal(tmp_path, talking.FORGETFUL)))
    voice = listen(tokenizer, False)
    assert tokenizer.convert_ids_to_tokens(voice.stop) == "<|im_end|>"
    assert (voice.lead, voice.trail, voice.after) == ("<think>\n\n</think>\n\n", "", 1)


def test_answers_that_a_template_writes_anew_have_sequences_of_their_own(tmp_path):
    tokenizer = tokenizer_of(talking.recipe(talking.save_causal(tmp_path, talking.FORGETFUL)))
    voice = listen(tokenizer, False)
    [row] = talking.chats(1, turns=2)
    first, second = write_down(voice, row.messages)
    assert first[-1].text == f"{voice.lead}{row.messages[1]['content']}<|im_end|>\n"
    assert voice.lead not in second[0].text
    assert [piece.answer for piece in second] == [False, True]


def test_a_template_that_asks_otherwise_than_it_answers_is_refused(tmp_path):
    folder = talking.save_causal(tmp_path, "{{ messages[-1]['content'] }}{% if add_generation_prompt %}?{% endif %}")
    with pytest.raises(UserError, match=r"asks for an answer otherwise .* model\.template"):
        load(talking.recipe(folder))


def test_a_conversation_that_a_template_refuses_is_told_in_words(tmp_path):
    strict = talking.CHATML.replace(
        "{% for", "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}{% for", 1
    )
    loaded = load(talking.recipe(talking.save_causal(tmp_path, strict)))
    with pytest.raises(UserError, match="refuses a conversation of system, user: no system"):
        prompt_ids(voice_of(loaded), [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}])


def test_a_template_runs_in_the_sandbox_of_transformers(tmp_path):
    reach = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(UserError, match="refuses a conversation"):
        load(talking.recipe(talking.save_causal(tmp_path, reach)))


@pytest.mark.parametrize("bos", [True, False])
def test_a_token_that_begins_a_sequence_is_written_where_the_tokenizer_writes_it(tmp_path: Path, bos: bool):
    tokenizer = tokenizer_of(talking.recipe(tiny.save_causal(tmp_path)))
    tokenizer.chat_template = None
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    if bos:
        from tokenizers.processors import TemplateProcessing

        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
        )
    dress(tokenizer, False, None)
    voice = listen(tokenizer, False)
    ids = prompt_ids(voice, [{"role": "user", "content": "late"}])
    assert (ids[0] == tokenizer.bos_token_id) == bos
    assert ids.count(tokenizer.bos_token_id) == bos
    assert voice.begins == (tokenizer.bos_token_id,)


def test_a_voice_is_plain_data(loaded):
    assert isinstance(voice_of(loaded), Voice)
