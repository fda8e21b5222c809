"""TorchScript: opened by its digest alone, and the same bytes wherever it is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
import torch
from support import families

from engram.artifacts.torchscript_check import check_torchscript
from engram.errors import Refused, UserError
from engram.export import torchscript
from engram.export.inspect import digests_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    home = tmp_path_factory.mktemp("script")
    model, tokenizer, ref = families.tuned(families.save_base("bert", home / "base"), "classify")
    folder = home / "torchscript"
    folder.mkdir()
    torchscript.write(model, tokenizer, ref, folder)
    return model, tokenizer, ref, folder


def test_it_opens_by_the_digest_it_was_written_with(written):
    model, tokenizer, ref, folder = written
    graph, _ = torchscript.open_torchscript(folder, ref, (), "classify", digests_of(folder))
    batch = families.tensors(families.batches(tokenizer, False)[2])
    with torch.inference_mode():
        assert (graph(**batch).logits - model(**batch).logits).abs().max() <= 1e-5


def test_one_changed_byte_keeps_it_shut(written, tmp_path):
    import shutil

    _, _, ref, folder = written
    digests = digests_of(folder)
    shutil.copytree(folder, tmp_path / "torchscript")
    file = tmp_path / "torchscript" / "model.pt"
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        place = archive.getinfo("model/constants/0").header_offset + 100
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(Refused, match="not the file that was written"):
        torchscript.open_torchscript(tmp_path / "torchscript", ref, (), "classify", digests)
    with pytest.raises(Refused, match="nobody says"):
        torchscript.open_torchscript(folder, ref, (), "classify", None)


def test_nothing_in_it_names_this_machine(written):
    folder = written[3]
    check_torchscript(folder / "model.pt")
    with zipfile.ZipFile(folder / "model.pt") as archive:
        names = archive.namelist()
        inside = b"".join(archive.read(name) for name in names)
    assert not any("debug" in name for name in names)
    for trace in (b"site-packages", sys.prefix.encode(), str(folder.parent).encode()):
        assert trace not in inside


@pytest.mark.slow  # two fresh processes: torch counts the graphs of a process in their names
def test_two_processes_write_the_same_bytes(written, tmp_path):
    _, _, ref, _ = written
    code = (
        "import sys, json; from pathlib import Path; from support import families; "
        "from engram.export import torchscript; base, out = map(Path, json.loads(sys.stdin.read())); out.mkdir(); "
        "model, tokenizer, ref = families.tuned(base, 'classify'); "
        "torchscript.write(model, tokenizer, ref, out)"
    )
    for name in ("one", "two"):
        given = json.dumps([str(ref.folder), str(tmp_path / name)])
        way = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code], input=given, text=True, check=True, capture_output=True, env=way)
    assert digests_of(tmp_path / "one") == digests_of(tmp_path / "two")


def test_a_model_that_can_not_be_traced_is_told(written, tmp_path, monkeypatch):
    model, tokenizer, ref, _ = written

    def fails(*_, **__):
        raise RuntimeError("a dict is no tensor")

    monkeypatch.setattr(torch.jit, "trace", fails)
    with pytest.raises(UserError, match="bert model can't be exported as TorchScript: RuntimeError: a dict"):
        torchscript.write(model, tokenizer, ref, tmp_path)
