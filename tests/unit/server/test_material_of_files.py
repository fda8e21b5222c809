"""What a trainer elsewhere gets of rows that are files: those of train and valid, and of the test part nothing."""

from __future__ import annotations

from support.kinds import sound_recipe
from support.sounds import write_folders

from engram.data.prepare import prepare_split
from engram.data.rows import read_part
from engram.files import write_json
from engram.pipeline.folder import RunFolder
from engram.schema.codec import to_dict
from engram.server.material import material


def test_the_packs_of_train_and_valid_travel_and_the_tests_does_not(tmp_path):
    write_folders(tmp_path / "clips")
    recipe = sound_recipe("made:listener")
    made = prepare_split(recipe.data, folder=tmp_path, cache=tmp_path / "home" / "datasets", forms=("sound_label",))
    run = RunFolder(tmp_path / "home" / "runs" / "r_1")
    for name, content in (
        ("recipe.json", to_dict(recipe)),
        ("gates.json", {}),
        ("declared.json", {}),
        ("data.json", {"folder": made.folder.name, "split": made.split.digest}),
    ):
        write_json(run.path / name, content)
    found = material(run, tmp_path / "home")
    assert {"train.jsonl", "train.pack", "valid.jsonl", "valid.pack"} <= set(found)
    sent = b"".join(path.read_bytes() for path in found.values())
    for row in read_part(made.folder, made.split.parts["test"]):
        assert row.file.read() not in sent
        assert row.file.digest.encode() not in sent
