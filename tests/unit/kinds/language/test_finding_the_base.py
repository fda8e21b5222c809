"""Where the weights come from, and what is said when they can't be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import tiny

from engram.errors import NotFound, UnknownName
from engram.kinds.language.source import EMBEDDED, find_base
from engram.schema.recipe import Model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import json, sys
from engram.errors import NotFound
from engram.kinds.language.source import find_base
from engram.schema.recipe import Model
try:
    found = find_base(Model(sys.argv[1], sys.argv[2]))
    said = {"folder": str(found.folder), "name": found.name, "revision": found.revision, "digest": found.digest}
except NotFound as error:
    said = {"error": str(error), "remedy": error.remedy}
sys.stdout.write(json.dumps(said))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_encoder(tmp_path_factory.mktemp("saved"))


def offline(home: Path, source: str, revision: str = "main") -> dict[str, str]:
    """Ask for a base in a process of its own whose hub cache is `home` and that has no network."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN"):
        environment.pop(name, None)
    command = [sys.executable, "-c", ASK, source, revision]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def hub_cache(home: Path, saved: Path, repo: str = "org/tiny") -> Path:
    """Make the cache that the hub's own client leaves, and return the snapshot's folder."""
    root = home / "hub" / f"models--{repo.replace('/', '--')}"
    snapshot = shutil.copytree(saved, root / "snapshots" / COMMIT)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    return snapshot


def test_a_hub_id_in_the_cache_is_found_and_pinned_to_its_commit(tmp_path, saved):
    snapshot = hub_cache(tmp_path, saved)
    found = offline(tmp_path, "org/tiny")
    assert found["folder"] == str(snapshot)
    assert (found["name"], found["revision"]) == ("org/tiny", COMMIT)
    assert found["digest"] == find_base(Model(str(saved))).digest
    assert offline(tmp_path, "org/tiny", COMMIT)["revision"] == COMMIT


@pytest.mark.parametrize(
    ("source", "revision"), [("org/other", "main"), ("org/tiny", "v2"), ("not a hub id", "main"), ("a/b/c", "main")]
)
def test_a_hub_id_that_cannot_be_had_is_said_in_words(tmp_path, saved, source, revision):
    hub_cache(tmp_path, saved)
    said = offline(tmp_path, source, revision)
    assert f"The model {source!r} (revision {revision!r}) can't be had" in said["error"]
    assert "embedded:minilm" in said["remedy"]
    assert "Traceback" not in said["error"]
    assert "\n" not in said["error"]


def test_a_snapshot_of_pickled_weights_is_refused(tmp_path, saved):
    snapshot = hub_cache(tmp_path, saved)
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    assert "no .safetensors weights" in offline(tmp_path, "org/tiny")["error"]


def test_a_folder_is_known_by_the_digest_of_its_files(tmp_path, saved):
    one, two = (shutil.copytree(saved, tmp_path / name) for name in ("one", "two"))
    (two / "notes.py").write_text("not part of the model")
    assert find_base(Model(str(one))).digest == find_base(Model(str(two))).digest
    weights = bytearray((two / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (two / "model.safetensors").write_bytes(weights)
    assert find_base(Model(str(one))).digest != find_base(Model(str(two))).digest
    assert find_base(Model(str(one))).revision == ""


def test_a_folder_that_is_not_there_is_no_hub_id(tmp_path):
    with pytest.raises(NotFound, match="There is no model folder"):
        find_base(Model(str(tmp_path / "nowhere")))


def test_a_folder_without_a_config_is_refused(tmp_path, saved):
    shutil.copy(saved / "model.safetensors", tmp_path)
    with pytest.raises(NotFound, match=r"holds no config\.json"):
        find_base(Model(str(tmp_path)))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl"])
def test_a_folder_with_pickled_weights_only_is_refused(tmp_path, saved, name):
    shutil.copy(saved / "config.json", tmp_path)
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(NotFound, match="are refused"):
        find_base(Model(str(tmp_path)))


def test_an_unknown_embedded_model_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"Unknown embedded model 'minlm'.*Known: minilm.*Did you mean 'minilm'"):
        find_base(Model("embedded:minlm"))


def test_the_embedded_encoder_is_named_as_its_hub_id():
    pytest.importorskip(EMBEDDED["minilm"][0], reason="the embedded encoder is not installed")
    found = find_base(Model("embedded:minilm"))
    assert (found.name, found.revision) == ("sentence-transformers/all-MiniLM-L6-v2", "")
