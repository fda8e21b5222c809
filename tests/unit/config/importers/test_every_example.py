"""Ten files of each of the four tools: every key in one of three lists, every recipe sound, every refusal by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.coming import not_there_yet

from engram.config.importers.importing import PEERS, import_config
from engram.config.importers.report import Imported
from engram.config.load import load_recipe
from engram.config.parse import parse_yaml
from engram.config.problems import RecipeProblems
from engram.config.tree import dotted, leaves

FOLDER = Path(__file__).resolve().parents[3] / "formats" / "import"
FILES = sorted(FOLDER.glob("*/*.yaml"))
SECRET = "not-a-real-token"

# The files that ask for something that Engram can't do yet, and the keys that say so.
REFUSED = {
    "llama-factory/qlora_sft": {"quantization_bit"},
    "llama-factory/dpo": {"stage"},
    "llama-factory/pictures": {"dataset"},
    "llama-factory/unusual_optimizer": {"use_galore", "template", "lr_schedular_type", "neftune_noise_alpha"},
    "axolotl/qlora": {"load_in_4bit", "adapter", "warmup_steps"},
    "axolotl/dpo": {"rl"},
    "axolotl/multi_dataset": {"datasets.2.type"},
    "axolotl/custom_prompt": {"datasets.0.type.system_prompt", "datasets.0.type.format"},
    "axolotl/custom_template": {"chat_template", "chat_template_jinja", "lora_modules_to_save"},
    "axolotl/not_yet": {
        "plugins", "datasets.0.type", "datasets.1.path", "relora", "context_parallel_size",
        "gradient_acumulation_steps", "optimizer", "lr_scheduler", "embedding_lr", "neftune_noise_alpha",
    },
    "trl/qlora_sft": {"load_in_4bit"},
    "trl/dpo": {"beta", "loss_type", "precompute_ref_log_probs"},
    "trl/weighted_mixture": {"datasets.0.data_dir", "datasets.0.fraction", "datasets.1.data_files"},
    "trl/custom_template": {
        "chat_template_path", "eos_token", "use_dora", "lora_modules_to_save", "loss_type", "truncation_mode",
        "max_length",
    },
    "trl/local_folder": {"completion_only_los", "label_smoothing_factor", "adam_beta2"},
    "autotrain/llm_qlora": {"params.quantization"},
    "autotrain/llm_dpo": {"task", "data.chat_template"},
    "autotrain/llm_text": {"data.train_split", "params.batch_sise"},
    "autotrain/sentence_pairs": {"task"},
}  # fmt: skip
HOPELESS = {"autotrain/sentence_pairs"}


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.fixture(params=FILES, ids=name)
def file(request, monkeypatch) -> Path:
    monkeypatch.chdir(request.param.parent)
    return request.param


def entries(found: Imported) -> list[tuple[str, str]]:
    return [(one.key, one.where) for one in (*found.carried, *found.ignored, *found.unsupported)]


def said(file: Path) -> list[tuple[str, int]]:
    """Return every value of a file by its dotted key, with its line."""
    tree = parse_yaml(file.read_bytes(), file.name)
    return [(dotted(path), tree.mark(path).line) for path, _ in leaves(tree.data)]


def covers(key: str, leaf: str) -> bool:
    return leaf == key or leaf.startswith(f"{key}.")


def test_there_are_ten_of_each():
    assert {peer: len([*(FOLDER / peer).glob("*.yaml")]) for peer in PEERS} == dict.fromkeys(PEERS, 10)


def test_every_key_is_in_exactly_one_of_the_three_lists(file):
    found = import_config(Path(file.name), partial=True)
    keys = [key for key, _ in entries(found)]
    for leaf, _ in said(file):
        assert [key for key in keys if covers(key, leaf)].__len__() == 1, leaf
    for key in keys:
        assert any(covers(key, leaf) for leaf, _ in said(file)), f"{key} is not in the file"


def test_every_key_is_told_with_its_line(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    for key, where in entries(import_config(Path(file.name))):
        shown, _, line = where.rpartition(":")
        assert shown == file.name
        last = key.rpartition(".")[2]
        assert last.isdecimal() or f"{last}:" in lines[int(line) - 1], (key, where)


def test_every_ignored_and_unsupported_key_says_why(file):
    found = import_config(Path(file.name))
    for one in (*found.ignored, *found.unsupported):
        assert len(one.reason.split()) >= 2, one
        assert not one.reason.startswith(("False", "None")), one


def test_the_tool_is_known_by_the_keys(file):
    found = import_config(Path(file.name))
    assert found.peer == file.parent.name
    again = import_config(Path(file.name), peer=file.parent.name)
    assert again.because == "as --from says"
    assert (again.carried, again.ignored, again.unsupported) == (found.carried, found.ignored, found.unsupported)


def test_what_changes_the_training_is_refused_by_name_and_nothing_else_is(file):
    found = import_config(Path(file.name))
    assert {one.key for one in found.refused} == REFUSED.get(name(file), set())
    assert (found.text is None) == (name(file) in REFUSED)
    assert found.final == (name(file) in HOPELESS)


def test_a_partial_recipe_names_all_that_it_leaves_out(file):
    found = import_config(Path(file.name), partial=True)
    if found.final:
        assert found.text is None
        return
    assert ("# PARTIAL:" in found.text) == bool(found.refused or found.lacks)
    told = re.sub(r"\n# +", " ", found.text[found.text.index("\nexport:") :])
    for one in (*found.ignored, *found.unsupported):
        assert f"{one.where} {one.key}: {one.reason}" in told


def test_every_line_of_a_recipe_says_where_it_comes_from(file):
    found = import_config(Path(file.name), partial=True)
    if found.final:
        return
    tree = parse_yaml(found.text.encode(), "r.yaml")
    lines = found.text.splitlines()
    for path, _ in leaves(tree.data):
        if path[0] in ("format", "kind") or path[:2] == ("data", "sources"):
            continue
        line = tree.mark(path[:-1] if isinstance(path[-1], int) else path).line
        assert "  # " in lines[line - 1] or lines[line - 2].lstrip().startswith("# "), lines[line - 1]
    for source in range(len(tree.data["data"]["sources"])):
        line = tree.mark(("data", "sources", source)).line
        assert "# " in lines[line - 1] + lines[line - 2]


def test_no_token_of_a_file_is_passed_on(file):
    found = import_config(Path(file.name), partial=True)
    assert SECRET not in repr(found)


def test_an_import_is_the_same_each_time(file):
    assert import_config(Path(file.name), partial=True) == import_config(Path(file.name), partial=True)


def test_every_recipe_passes_validate(file, tmp_path, request):
    found = import_config(Path(file.name), partial=True)
    if found.final:
        pytest.skip("no recipe can be made of this file")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(found.text, encoding="utf-8")
    pending = not_there_yet(parse_yaml(found.text.encode(), "r.yaml").data)
    if pending:
        reason = f"this version has no {', '.join(sorted(pending))} yet"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False, raises=RecipeProblems))
    loaded = load_recipe(recipe, environment={})
    assert loaded.notes == ()
    assert loaded.recipe.name == found.name


def test_what_this_version_does_not_have_is_all_that_is_wrong_with_a_recipe(file, tmp_path):
    found = import_config(Path(file.name), partial=True)
    if found.final:
        pytest.skip("no recipe can be made of this file")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(found.text, encoding="utf-8")
    pending = not_there_yet(parse_yaml(found.text.encode(), "r.yaml").data)
    try:
        load_recipe(recipe, environment={})
        wrong = set()
    except RecipeProblems as problems:
        wrong = {re.sub(r"\.\d+", "", one.key) for one in problems.problems}
    assert wrong <= {one.removeprefix("task ") if "task" not in one else "task" for one in pending}
