"""Help, lists and checks answer before anything heavy is imported: a fresh interpreter tells."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from house.tree import ROOT, SOURCE

HEAVY = {
    "torch", "transformers", "tokenizers", "peft", "accelerate", "safetensors", "sentence_transformers", "sklearn",
    "scipy", "numpy", "pandas", "datasets", "huggingface_hub", "trl",
}  # fmt: skip
SHOW = """
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr))
"""


def modules_after(code, tmp_path):
    """Run code in a fresh interpreter; return its exit code, what it said, and the top packages it imported."""
    environment = {"ENGRAM_HOME": str(tmp_path / "home"), "PATH": "", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW + code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    said, _, names = done.stderr.rstrip().rpartition("\n")
    return done.returncode, done.stdout + said, {name.split(".")[0] for name in json.loads(names)}


def command(*arguments):
    return f"from engram.cli.main import main; main({list(arguments)!r})"


def test_importing_the_command_line_imports_nothing_heavy(tmp_path):
    code, said, found = modules_after("import engram.cli.main", tmp_path)
    assert code == 0, said
    assert "engram" in found
    assert not found & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("recipes", "list"),
        ("recipes", "validate", str(SOURCE / "recipes" / "quickstart.yaml")),
        ("kinds", "list"),
        ("train", "--help"),
        ("doctor", "--help"),
        ("bench", "--list"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_light_command_stays_light(arguments, tmp_path):
    code, said, found = modules_after(command(*arguments), tmp_path)
    assert code == 0, said
    assert not found & HEAVY


def test_a_wrong_recipe_is_told_before_anything_heavy(tmp_path):
    (tmp_path / "bad.yaml").write_text("format: engram.recipe/1\nname: bad\nlearing_rate: 1\n")
    code, said, found = modules_after(command("recipes", "validate", "bad.yaml"), tmp_path)
    assert code == 2, said
    assert "bad.yaml:3" in said
    assert not found & HEAVY


def test_verify_needs_no_training_packages(tmp_path):
    code, said, found = modules_after(command("verify", str(ROOT / "LICENSE")), tmp_path)
    assert code in (1, 2), said
    assert not found & (HEAVY - {"numpy"})


def test_a_heavy_import_would_be_seen(tmp_path):
    assert "numpy" in modules_after("import numpy", tmp_path)[2] & HEAVY
