"""What every export format must keep: a stranger opens it by the card's own code, for every task: it is the model."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import families, tiny
from support.stranger import ask_stranger

from engram import registry
from engram.artifacts.formats import ON_REQUEST
from engram.errors import Refused
from engram.export.format import Export, best_to_open
from engram.export.graph import Graph
from engram.export.inspect import digests_of, find_executables, find_executables_on_request
from engram.export.onnx import encode
from engram.export.tasks import TASKS
from engram.export.use import how_to_open
from engram.files import write_json

EVERY = registry.names("export")
NAMES = [name for name in EVERY if not registry.get("export", name).plain]  # those of transformers' models
HEAVY = {"torch", "transformers", "peft", "onnx", "onnxscript", "onnxruntime", "numpy"}
EXAMPLE = "my parcel was late"
# (family, task, tokens that are added). Every task and every family once in the quick suite; all pairs in the slow one.
SOME = [
    ("bert", "classify", ()),
    ("bert", "tag", families.ADDED),
    ("qwen2", "generate", families.ADDED),
    ("gpt2", "classify", ()),
    ("t5", "generate", families.ADDED),
]
REST = [
    ("qwen2", "classify", families.ADDED),
    ("qwen2", "tag", ()),
    ("gpt2", "tag", ()),
    ("gpt2", "generate", families.ADDED),
    ("t5", "classify", ()),
    ("t5", "tag", ()),
]


@dataclass
class Case:
    """One tuned model in every format: what it answers itself, and what a stranger says that its files answer."""

    task: str
    added: tuple[str, ...]
    tokenizer: Any
    folder: Path
    base: Any
    batches: list[dict[str, Any]]
    wanted: list[np.ndarray]
    text: str
    said: dict[str, dict[str, Any]]

    def is_real(self, batch: int) -> np.ndarray:
        """Tell which logits stand at real tokens, or for whole rows."""
        given = self.batches[batch]
        if self.wanted[batch].ndim == 2:
            return np.ones(len(self.wanted[batch]), dtype=bool)
        if "decoder_input_ids" in given:
            return np.ones(self.wanted[batch].shape[:2], dtype=bool)
        return np.array(given["attention_mask"], dtype=bool)


def export(name: str) -> Export:
    found = registry.get("export", name)
    assert isinstance(found, Export)
    return found


@pytest.fixture(
    scope="module",
    params=[pytest.param(SOME, id="some"), pytest.param(REST, id="rest", marks=pytest.mark.slow)],
)
def cases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Write every format of some models, and have one stranger open them all."""
    home = tmp_path_factory.mktemp("exports")
    found, questions = [], []
    for family, task, added in request.param:
        base = home / family
        if not base.exists():
            families.save_base(family, base)
        model, tokenizer, ref = families.tuned(base, task, added)
        seq2seq = family == "t5" and task == "generate"
        batches = families.batches(tokenizer, seq2seq, added)
        with torch.inference_mode():
            wanted = [model(**families.tensors(batch)).logits.numpy() for batch in batches]
        text = own_words(model, tokenizer, task)
        case = Case(task, added, tokenizer, home / f"{family}-{task}", ref, batches, wanted, text, {})
        for name in sorted(NAMES, key=lambda one: (export(one).consumes, one)):
            folder = case.folder / name
            folder.mkdir(parents=True)
            if name == "onnx_int8":  # from the graph that is there, or the suite would trace each model twice
                quantised_copy(case.folder / "onnx", folder)
            else:
                export(name).write(model, tokenizer, ref, folder, task)
            code = how_to_open(name, task, EXAMPLE, str(base), "", seq2seq)
            questions.append(
                {"folder": case.folder, "code": code, "batches": batches, "case": len(found), "name": name}
            )
        write_json(case.folder / "labels.json", list(tiny.LABELS))
        found.append(case)
    for question, said in zip(questions, ask_stranger(questions), strict=True):
        found[question["case"]].said[question["name"]] = said
    return found


def own_words(model: Any, tokenizer: Any, task: str) -> str:
    """Return what the tuned model itself says to the example, as the card's code prints it."""
    words = {"is_split_into_words": True} if task == "tag" else {}
    batch = tokenizer([EXAMPLE.split() if words else EXAMPLE], return_tensors="pt", **words)
    with torch.inference_mode():
        if task == "generate":
            written = model.generate(**batch, max_new_tokens=32, do_sample=False)
            return str(tokenizer.decode(written[0], skip_special_tokens=True))
        labels = model(**batch).logits[0].argmax(-1).tolist()
    return tiny.LABELS[labels] if isinstance(labels, int) else str([tiny.LABELS[label] for label in labels])


def quantised_copy(source: Path, folder: Path) -> None:
    import onnx

    from engram.export.onnx_int8 import quantise

    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.onnx").write_bytes(encode(quantise(onnx.load(source / "model.onnx"))))


def test_the_formats_of_this_release_are_all_here():
    assert NAMES == ["adapter", "merged", "onnx", "onnx_int8", "torchscript"]
    assert [name for name in EVERY if name not in NAMES] == ["weights"]
    assert {export(name).name for name in EVERY} == set(EVERY)
    assert all(export(name).title for name in EVERY)
    assert [name for name in NAMES if export(name).consumes] == ["merged"]
    assert [name for name in NAMES if export(name).lossy] == ["onnx_int8"]
    assert [name for name in NAMES if export(name).needs_base] == ["adapter"]
    assert {name for name in NAMES if export(name).executable} == set(ON_REQUEST)


def test_naming_a_format_imports_nothing_heavy():
    code = (
        "import sys, json; from engram import registry; "
        "[registry.get('export', name) for name in registry.names('export')]; import engram.export.card; "
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not set(json.loads(out)) & HEAVY


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", NAMES)
def test_the_card_can_say_how_it_is_opened(name, task):
    for seq2seq in (False, True):
        code = how_to_open(name, task, 'a "quoted" \\ text```', "org/tiny", "c0ffee", seq2seq)
        compile(code, "card", "exec")
        assert "engram" not in code.replace("`engram verify`", "")
        assert "```" not in code
        assert "$" not in code
        assert f"./{name}" in code


def test_a_stranger_gets_the_same_logits_from_every_exact_format(cases):
    for case in cases:
        for name in (name for name in NAMES if not export(name).lossy):
            for number, wanted in enumerate(case.wanted):
                logits = np.array(case.said[name]["logits"][number], dtype=np.float32)
                assert logits.shape == wanted.shape, (case.folder.name, name)
                real = case.is_real(number)
                assert np.abs(logits - wanted)[real].max() <= 1e-4, (case.folder.name, name)
                np.testing.assert_array_equal(logits.argmax(-1)[real], wanted.argmax(-1)[real])


def test_the_models_are_worth_comparing(cases):
    for case in cases:
        assert max(np.ptp(wanted, axis=0).max() for wanted in case.wanted) > 0.1


def test_the_cards_own_code_gives_the_models_own_answer(cases):
    for case in cases:
        for name in (name for name in NAMES if not export(name).lossy):
            assert case.said[name]["printed"].rstrip("\n") == case.text.rstrip("\n"), (case.folder.name, name)


def test_int8_is_near_and_not_the_same(cases):
    for case in cases:
        off = max(
            np.abs(np.array(logits) - wanted)[case.is_real(number)].max()
            for number, (logits, wanted) in enumerate(zip(case.said["onnx_int8"]["logits"], case.wanted, strict=True))
        )
        scale = max(np.abs(wanted).max() for wanted in case.wanted)
        assert 1e-4 < off < 0.3 * scale, case.folder.name
        sizes = [(case.folder / name / "model.onnx").stat().st_size for name in ("onnx_int8", "onnx")]
        assert sizes[0] < 0.75 * sizes[1]


def test_reopened_by_us_it_behaves_as_the_model(cases):
    for case in cases:
        for name in NAMES:
            folder = case.folder / name
            model, tokenizer = export(name).open(folder, case.base, tiny.LABELS, case.task, digests_of(folder))
            assert len(tokenizer) == len(case.tokenizer)
            assert next(iter(model.parameters())).device.type == "cpu"
            with torch.inference_mode():
                logits = model.eval()(**families.tensors(case.batches[1])).logits.numpy()
            said = np.array(case.said[name]["logits"][1], dtype=np.float32)
            np.testing.assert_allclose(logits, said, atol=1e-5)
            assert isinstance(model, Graph) == (name not in ("adapter", "merged"))


def test_added_tokens_survive(cases):
    for case in (case for case in cases if case.added):
        ids = case.tokenizer.convert_tokens_to_ids(list(case.added))
        assert all(set(ids) <= set(np.ravel(batch["input_ids"][0])) for batch in case.batches)
        for name in NAMES:
            folder = case.folder / name
            _, tokenizer = export(name).open(folder, case.base, tiny.LABELS, case.task, digests_of(folder))
            assert tokenizer.convert_tokens_to_ids(list(case.added)) == ids
            assert tokenizer(" ".join(case.added))["input_ids"] == case.tokenizer(" ".join(case.added))["input_ids"]


def test_no_folder_of_this_machine_stands_in_any_file(cases):
    for case in cases:
        places = [str(case.folder.parent).encode(), sys.prefix.encode(), b"site-packages", str(Path.home()).encode()]
        files = [path for path in case.folder.rglob("*") if path.is_file()]
        assert len(files) >= 16
        for path in files:
            content = path.read_bytes()
            assert [place for place in places if place in content] == [], path


def test_only_what_was_asked_for_by_name_runs_code(cases):
    program = ON_REQUEST["torchscript"]
    for case in cases:
        assert find_executables(case.folder, NAMES) == []
        assert find_executables_on_request(case.folder, NAMES) == [program]
        assert find_executables(case.folder, ["merged"]) == [program]
        assert find_executables_on_request(case.folder, ["merged"]) == []


def test_what_runs_code_opens_by_its_digest_alone(cases):
    folder = cases[0].folder / "torchscript"
    asked = (folder, cases[0].base, tiny.LABELS, cases[0].task)
    for digests in (None, {}, {"model.pt": "sha256:" + "0" * 64}, {"other": digests_of(folder)["model.pt"]}):
        with pytest.raises(Refused, match="can run code"):
            export("torchscript").open(*asked, digests)


def test_a_hostile_file_keeps_any_format_shut(cases, tmp_path):
    import pickle
    import shutil

    canary = tmp_path / "canary"
    evil = b"\x80\x04\x8c\x05posix\x8c\x05mkdir\x93\x8c" + bytes([len(str(canary))]) + str(canary).encode() + b"\x85R."
    assert pickle.loads(evil) is None  # it does run when it is opened
    assert canary.exists()
    canary.rmdir()
    for name in NAMES:
        for victim in ("model.onnx", "config.json", "pytorch_model.bin", "adapter_model.bin", "extra.pt"):
            folder = tmp_path / name / victim
            shutil.copytree(cases[0].folder / name, folder)
            (folder / victim).write_bytes(evil)
            with pytest.raises(Refused):
                export(name).open(folder, cases[0].base, tiny.LABELS, cases[0].task, digests_of(folder))
    assert not canary.exists()


def test_the_best_format_to_open_is_whole_and_exact_and_no_program():
    order = ["merged", "onnx", "adapter", "onnx_int8", "torchscript"]
    for number in range(len(order)):
        assert best_to_open(map(export, reversed(order[number:]))).name == order[number]
