"""A tagger and a model that writes, from files to certified artifacts that answer, in every format."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import tagged, talking
from support.home import Home

TAGGER = """
format: engram.recipe/1
name: tagger
kind: language
task: tag
model: {source: BASE}
data:
  sources: [{path: rows.conll, license: cc0}]
  split: {stratify: null}
adapter: {type: lora, r: 8, alpha: 16}
train: {learning_rate: 5.0e-3, num_train_epochs: 6, per_device_train_batch_size: 8, max_grad_norm: 5.0}
evaluate: {bootstrap: 1000}
export: [adapter, merged, onnx, torchscript]
simulate: {concurrency: 2, seconds: 0.2}
"""
WRITER = """
format: engram.recipe/1
name: writer
kind: language
task: generate
model: {source: BASE, special_tokens: [<context>, <response>], template: "<context>{prompt}<response>{response}"}
data:
  sources: [{path: rows.jsonl, license: cc0}]
  split: {stratify: null}
adapter: {type: full}
train:
  learning_rate: 3.0e-3
  num_train_epochs: 10
  packing: true
  tokens_per_batch: 160
  max_seq_length: 64
  max_grad_norm: 50.0
evaluate: {bootstrap: 1000, metrics: [loss, perplexity, exact_match, bleu, rouge_l], max_new_tokens: 12}
export: [merged, onnx, onnx_int8]
simulate: {concurrency: 2, seconds: 0.2}
"""


def conll(count: int) -> str:
    """Return tagged sentences as words and tags on lines, none of them twice."""
    found = {
        "\n".join(f"{word}\t{tagged.LABELS[tag]}" for word, tag in zip(row.tokens, row.tags, strict=True)): None
        for row in tagged.rows(count, seed=1)
        if len(row.tokens) > 2
    }
    return "\n\n".join(found) + "\n"


def asked(count: int) -> str:
    """Return questions with the answers that their words call for."""
    pairs = {row.messages[0]["content"]: row.messages[1]["content"] for row in talking.chats(count, seed=1)}
    return "".join(json.dumps({"prompt": prompt, "response": response}) + "\n" for prompt, response in pairs.items())


@pytest.fixture(scope="module")
def tagger(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("tagger")
    tagged.save_calm_encoder(folder / "base")
    (folder / "rows.conll").write_text(conll(420))
    return trained(folder, TAGGER)


@pytest.fixture(scope="module")
def writer(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("writer")
    talking.save_causal(folder / "base")
    (folder / "rows.jsonl").write_text(asked(400))
    return trained(folder, WRITER)


def trained(folder: Path, recipe: str) -> Home:
    (folder / "recipe.yaml").write_text(recipe.replace("BASE", str(folder / "base")))
    home = Home(folder)
    done = home.engram("train", "recipe.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def test_every_format_of_a_tagger_is_certified(tagger):
    artifact = tagger.artifacts()[0]
    assert {path.name for path in artifact.iterdir() if path.is_dir()} >= {"adapter", "merged", "onnx", "torchscript"}
    done = tagger.engram("verify", str(artifact), "--key", str(tagger.home / "keys" / "ledger.pub"))
    assert done.returncode == 0
    assert "VERIFIED" in done.stdout
    assert "torchscript/model.pt" in done.stdout, "a program that was asked for is named"


def test_a_tagger_beats_or_equals_its_probe_and_finds_spans(tagger):
    metrics = tagger.record()["metrics"]
    assert metrics["span_f1"] > 0.8
    assert metrics["span_f1"] >= metrics["span_f1_baseline"]
    (answer,) = tagger.json("predict", "last", "my courier parcel and the card bank")
    assert [span["label"] for span in answer["spans"]] == ["place", "thing"]


def test_a_model_that_writes_beats_its_n_grams_and_answers(writer):
    metrics = writer.record()["metrics"]
    assert metrics["loss"] < metrics["loss_baseline"]
    assert metrics["exact_match"] > 0.8
    (answer,) = writer.json("predict", "last", "refund card twice bank")
    assert answer["text"].strip() == talking.ANSWERS["payment"]
    assert answer["finish_reason"] == "stop"


def test_what_int8_loses_is_stated(writer):
    report = json.loads((writer.last_run() / "reports" / "export.json").read_text())
    assert report["metrics"]["lossy_metric_loss"]["value"] >= 0


def test_transformers_alone_continues_a_prompt_as_the_platform_does(writer):
    """The added tokens, the template and the weights travel with the files."""
    (ours,) = writer.json("predict", "last", "thanks lovely great")
    script = f"""
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder = {str(writer.artifacts()[0] / "merged")!r}
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
assert len(tokenizer("<context><response>")["input_ids"]) == 2
ids = tokenizer("<context>thanks lovely great<response>", return_tensors="pt")["input_ids"]
with torch.inference_mode():
    written = model.generate(ids, max_new_tokens=12, do_sample=False)
assert "engram" not in sys.modules
print(tokenizer.decode(written[0, ids.shape[1]:], skip_special_tokens=True))
"""
    done = subprocess.run([sys.executable, "-c", script], env=writer.env(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ours["text"].strip()
