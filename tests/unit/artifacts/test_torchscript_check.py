"""A TorchScript archive is what Engram writes and nothing more; it is looked at and never opened."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.artifacts.formats import asked_for, asked_in, check_format
from engram.artifacts.torchscript_check import check_torchscript
from engram.errors import Refused
from engram.export.torchscript import repack
from engram.files import write_json

PLACE = "torchscript/model.pt"


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple:
        return Path.mkdir, (self.place,)


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, bytes]:
    """The parts of a good archive, by name."""
    folder = tmp_path_factory.mktemp("script")
    traced = torch.jit.trace(torch.nn.Linear(3, 2).eval(), torch.zeros(1, 3))
    torch.jit.save(torch.jit.freeze(traced), str(folder / "raw.pt"))
    repack(folder / "raw.pt", folder / "model.pt")
    with zipfile.ZipFile(folder / "model.pt") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(folder: Path, parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "model.pt", "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return folder / "model.pt"


def test_what_engram_writes_passes_and_torch_opens_it(tmp_path, parts):
    path = put(tmp_path, parts)
    check_torchscript(path)
    assert check_format(PLACE, path, asked_for(["torchscript"])) is True
    assert torch.jit.load(str(path))(torch.zeros(1, 3)).shape == (1, 2)


def test_it_passes_at_its_place_and_on_request_only(tmp_path, parts):
    path = put(tmp_path, parts)
    for place, asked in ((PLACE, ()), (PLACE, asked_for(["merged"])), ("merged/model.pt", asked_for(["torchscript"]))):
        with pytest.raises(Refused, match="a pickle"):
            check_format(place, path, asked)


@pytest.mark.parametrize(
    "change", ["comment", "prefix", "sizes", "compressed", "other root", "extra", "climbs", "twice", "code"]
)
def test_an_archive_with_more_or_less_in_it_is_refused(tmp_path, parts, change):
    more = {
        "other root": {"other/data.pkl": b""},
        "extra": {"model/extra/run.sh": b"#!/bin/sh"},
        "climbs": {"model/code/__torch__/../../x.py": b""},
        "code": {},
    }
    kept = {name: content for name, content in parts.items() if change != "code" or "code/" not in name}
    method = zipfile.ZIP_DEFLATED if change == "compressed" else zipfile.ZIP_STORED
    path = put(tmp_path, {**kept, **more.get(change, {})}, method)
    if change == "twice":
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("model/data.pkl", b"")
    if change == "sizes":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
            archive.getinfo("model/byteorder").file_size = 1
    if change == "comment":
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"more"
    if change == "prefix":
        path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    with pytest.raises(Refused, match="no TorchScript archive"):
        check_torchscript(path)


@pytest.mark.parametrize("part", ["model/data.pkl", "model/constants.pkl"])
def test_each_part_is_needed(tmp_path, parts, part):
    with pytest.raises(Refused, match="it has no"):
        check_torchscript(put(tmp_path, {name: content for name, content in parts.items() if name != part}))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("part", ["model/data.pkl", "model/constants.pkl"])
def test_a_pickle_that_names_a_function_is_refused_and_never_opened(tmp_path, parts, protocol, part):
    canary = tmp_path / "canary"
    path = put(tmp_path, {**parts, part: pickle.dumps(Canary(canary), protocol=protocol)})
    with pytest.raises(Refused, match="names"):
        check_torchscript(path)
    assert not canary.exists()


@pytest.mark.parametrize("content", [b"", b"\x80", b"not a pickle", b"(lp0\n", b"\x80\x02}q\x00X\xff\xff\xff\xff"])
def test_a_broken_pickle_is_refused(tmp_path, parts, content):
    with pytest.raises(Refused, match="no sound pickle"):
        check_torchscript(put(tmp_path, {**parts, "model/data.pkl": content}))


def test_state_dicts_and_other_files_are_refused(tmp_path):
    torch.save({"w": torch.zeros(2)}, tmp_path / "dict.pt")
    torch.save({"w": torch.zeros(2)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.zeros(1)), str(tmp_path / "theirs.pt"))
    (tmp_path / "text.pt").write_text("hello")
    for name in ("dict", "old", "theirs", "text"):
        with pytest.raises(Refused):
            check_torchscript(tmp_path / f"{name}.pt")


@settings(deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_changed_byte_never_breaks_the_check(tmp_path_factory, parts, place, byte):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    content = bytearray(stream.getvalue())
    content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("fuzz") / "model.pt"
    path.write_bytes(content)
    try:
        check_torchscript(path)
    except Refused:
        pass


def test_what_was_asked_for_is_read_from_the_recipe_in_the_folder(tmp_path):
    assert asked_in(tmp_path) == frozenset()
    write_json(tmp_path / "recipe.json", {"export": ["merged", "torchscript"]})
    assert asked_in(tmp_path) == {PLACE}
    for content in ("", "[]", '{"export": 1}', '{"export": null}', '{"export": [[]]}', "[" * 100_000, '"x"', "{}"):
        (tmp_path / "recipe.json").write_text(content)
        assert asked_in(tmp_path) == frozenset()


def test_a_link_or_a_giant_is_no_recipe(tmp_path):
    write_json(tmp_path / "elsewhere.json", {"export": ["torchscript"]})
    (tmp_path / "recipe.json").symlink_to(tmp_path / "elsewhere.json")
    assert asked_in(tmp_path) == frozenset()
    (tmp_path / "recipe.json").unlink()
    (tmp_path / "recipe.json").write_text('{"export": ["torchscript"]' + " " * (17 << 20) + "}")
    assert asked_in(tmp_path) == frozenset()
