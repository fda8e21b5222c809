"""What a user sees when rows are files: in folders, named by a table, or written into its cells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import sounds

from engram.data.attached import asked_file, to_url
from engram.data.cache import is_sound
from engram.data.prepare import Prepared, check_data, prepare_split, whole_digest
from engram.data.rows import FileRow, read_part
from engram.data.sound import decode
from engram.errors import DataError, UsageError
from engram.prep.plan import plan
from engram.schema.recipe import Clean, Data, PrepStep, Source, SplitPlan

FORMS = ("sound_label",)
PLAN = SplitPlan(train=0.6, valid=0.2, test=0.2, seed=1)


def prepared(folder: Path, source: Source, split: SplitPlan = PLAN, cache: str = "cache", **options) -> Prepared:
    data = Data(sources=(source,), split=split, **options)
    return prepare_split(data, folder=folder, cache=folder / cache, forms=FORMS)


def rows_of(made: Prepared, *parts: str) -> list[FileRow]:
    return [row for name in parts or made.split.parts for row in read_part(made.folder, made.split.parts[name])]


def refused(folder: Path, name: str = "rows.csv", **options) -> str:
    with pytest.raises(DataError) as caught:
        prepared(folder, Source(path=name, **options))
    assert not [path for path in (folder / "cache").glob("*") if not path.name.startswith(".")]
    return str(caught.value)


def table(folder: Path, *cells: str, label: str = "low") -> None:
    (folder / "rows.csv").write_text("audio,label\n" + "".join(f"{cell},{label}\n" for cell in cells))


def test_sub_folders_are_labels_and_their_files_are_the_rows(tmp_path):
    sounds.write_folders(tmp_path / "clips")
    made = prepared(tmp_path, Source(path="clips"))
    assert made.split.labels == ("high", "low", "noise")
    found = {row.file.name: row for row in rows_of(made)}
    assert len(found) == 36
    for name, row in found.items():
        content = (tmp_path / "clips" / name).read_bytes()
        assert row.file.read() == content
        assert made.split.labels[row.label] == name.split("/")[0]
        assert row.file.facts["rate"] == 16_000
    assert any("36 sound files in clips, labelled by sub-folder" in sentence for sentence in made.report.said)
    assert made.report.class_counts["train"].keys() == {"high", "low", "noise"}


def test_a_table_names_files_beside_it_and_columns_are_kept_together_or_held_out(tmp_path):
    sounds.write_table(tmp_path)
    split = SplitPlan(train=0.8, valid=0.2, test=0.0, held_out={"voice": ("b", "e")}, seed=1)
    made = prepared(tmp_path, Source(path="rows.csv"), split)
    voices = {line.split(",")[0]: line.split(",")[2] for line in (tmp_path / "rows.csv").read_text().splitlines()[1:]}
    assert {voices[row.file.name] for row in rows_of(made, "test")} == {"b", "e"}
    assert {voices[row.file.name] for row in rows_of(made, "train", "valid")} == {"a", "c", "d", "f"}
    together = prepared(tmp_path, Source(path="rows.csv"), SplitPlan(0.4, 0.3, 0.3, group="voice", stratify=None))
    where = [{voices[row.file.name] for row in rows_of(together, part)} for part in together.split.parts]
    assert sum(map(len, where)) == 6


def test_names_of_files_can_tell_columns(tmp_path):
    (tmp_path / "clips").mkdir()
    for number in range(24):
        label, content = sounds.sound(number)
        (tmp_path / "clips" / f"{label}_{'ab'[number % 2]}_{number}.wav").write_bytes(content)
    source = Source(path="clips", names="{label}_{speaker}_{take}")
    made = prepared(tmp_path, source, SplitPlan(0.8, 0.2, 0.0, held_out={"speaker": ("b",)}))
    assert all("_b_" in row.file.name for row in rows_of(made, "test"))
    assert made.split.labels == ("high", "low", "noise")
    (tmp_path / "clips" / "odd.wav").write_bytes(sounds.sound(0)[1])
    with pytest.raises(DataError, match=r"'odd.wav' does not fit '\{label\}_\{speaker\}_\{take\}'"):
        prepared(tmp_path, source)


def test_the_file_may_stand_in_the_cell_itself(tmp_path):
    lines = [{"audio": to_url(content), "label": label} for label, content in map(sounds.sound, range(30))]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = prepared(tmp_path, Source(path="rows.jsonl"))
    assert {row.file.read() for row in rows_of(made)} == {sounds.sound(number)[1] for number in range(30)}
    assert asked_file(rows_of(made)[0].input) == rows_of(made)[0].file.read()


def test_a_part_holds_its_own_files_and_no_other(tmp_path):
    sounds.write_folders(tmp_path / "clips")
    made = prepared(tmp_path, Source(path="clips"))
    for part in made.split.parts.values():
        content = (made.folder / part.pack).read_bytes()
        own = [row.file for row in read_part(made.folder, part)]
        assert b"".join(one.read() for one in own) == content
    shutil.rmtree(tmp_path / "clips")
    assert len(rows_of(made)) == 36, "what was read does not need its source any more"


@pytest.mark.parametrize("kept", ["train.pack", "test.pack", "valid.jsonl"])
def test_one_changed_byte_of_a_file_is_found(tmp_path, kept):
    sounds.write_folders(tmp_path / "clips")
    made = prepared(tmp_path, Source(path="clips"))
    assert is_sound(made.folder)
    content = bytearray((made.folder / kept).read_bytes())
    content[len(content) // 2] ^= 1
    (made.folder / kept).write_bytes(bytes(content))
    assert not is_sound(made.folder)


def test_a_changed_file_is_another_dataset_though_its_table_is_the_same(tmp_path):
    sounds.write_table(tmp_path)
    first = prepared(tmp_path, Source(path="rows.csv"))
    again = prepared(tmp_path, Source(path="rows.csv"))
    assert again.cached
    (tmp_path / "clips" / "004.wav").write_bytes(sounds.wav(sounds.tone(300, 0.5)))
    changed = prepared(tmp_path, Source(path="rows.csv"))
    assert changed.split.sources[0].digest != first.split.sources[0].digest
    assert changed.split.digest != first.split.digest


def test_the_same_content_under_two_names_is_one_row_and_two_labels_for_it_are_none(tmp_path):
    sounds.write_folders(tmp_path / "clips", 30)
    shutil.copy(tmp_path / "clips" / "low" / "001.wav", tmp_path / "clips" / "low" / "copy.wav")
    shutil.copy(tmp_path / "clips" / "low" / "004.wav", tmp_path / "clips" / "high" / "wrong.wav")
    report = prepared(tmp_path, Source(path="clips")).report
    assert report.dropped == {"duplicate": 1, "conflicting_label": 2}
    assert report.leaked_test_rows == 0


def test_rows_without_a_file_or_a_label_are_dropped_and_counted(tmp_path):
    sounds.write_table(tmp_path)
    with (tmp_path / "rows.csv").open("a") as stream:
        stream.write(",low,a\nclips/000.wav,,a\n")
    assert prepared(tmp_path, Source(path="rows.csv")).report.dropped == {"missing_file": 1, "missing_label": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file 'bad.wav' is empty"),
        (b"%PDF-1.7 and more", "it is no sound file that is read here (WAV, FLAC, OGG or MP3)"),
        (sounds.wav(sounds.tone(300))[:2000], "the file is cut off: it has 2,000 of 9,644 bytes"),
        (sounds.wav(np.zeros(0, dtype=np.float32)), "it holds no samples"),
        (b"RIFF\x24\x00\x00\x00WAVEjunk" + b"\0" * 40, "it can't be decoded"),
    ],
    ids=["empty", "another format", "cut off", "no samples", "corrupt"],
)
def test_a_bad_file_is_named_with_the_line_that_names_it(tmp_path, content, said):
    (tmp_path / "good.wav").write_bytes(sounds.sound(1)[1])
    (tmp_path / "bad.wav").write_bytes(content)
    table(tmp_path, "good.wav", "bad.wav")
    told = refused(tmp_path)
    assert told.startswith(f"{tmp_path / 'rows.csv'}:3, column 'audio':")
    assert "'bad.wav'" in told
    assert said in told


@pytest.mark.parametrize("cell", ["../secret.wav", "/etc/passwd", "C:/x.wav", "a\\b.wav", "sub/../../secret.wav"])
def test_no_name_leaves_the_folder_of_the_rows(tmp_path, cell):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.wav").write_bytes(sounds.sound(1)[1])
    table(inside, cell)
    assert "must be the name of a file below the folder of its rows" in refused(inside)


def test_no_link_leaves_the_folder_of_the_rows(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.wav").write_bytes(sounds.sound(1)[1])
    (inside / "link.wav").symlink_to(tmp_path / "secret.wav")
    table(inside, "link.wav")
    assert "leads out of the folder" in refused(inside)


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
    (tmp_path / "tone1.wav").write_bytes(sounds.sound(1)[1])
    table(tmp_path, "tone2.wav")
    assert "there is no file 'tone2.wav'. Did you mean 'tone1.wav'?" in refused(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "rows.csv").write_text("sound,label\na.wav,low\n")
    assert "there is no column 'audio'" in refused(tmp_path)


def test_a_recipe_may_take_one_rate_only(tmp_path):
    sounds.write_table(tmp_path)
    (tmp_path / "clips" / "007.wav").write_bytes(sounds.wav(sounds.tone(300, rate=8_000), 8_000))
    strict = plan([PrepStep("sample_rate", {"hz": 16_000})])
    data = Data(sources=(Source(path="rows.csv"),), split=PLAN)
    with pytest.raises(DataError) as caught:
        prepare_split(
            data, folder=tmp_path, cache=tmp_path / "c", forms=FORMS, step_names=strict.names, refuse=strict.refuse
        )
    assert "rows.csv:9" in str(caught.value)
    assert "'clips/007.wav' has 8000 samples a second, and the recipe takes 16000 only" in str(caught.value)
    assert len(rows_of(prepared(tmp_path, Source(path="rows.csv")))) == 36, "without the step every rate is taken"


def test_words_can_not_be_compared_where_there_are_none(tmp_path):
    sounds.write_table(tmp_path)
    with pytest.raises(UsageError, match="these rows are files"):
        prepared(tmp_path, Source(path="rows.csv"), clean=Clean(deduplicate="near"))


def test_a_check_reads_every_file_and_writes_none(tmp_path):
    sounds.write_table(tmp_path)
    report = check_data(Data(sources=(Source(path="rows.csv"),)), folder=tmp_path, forms=FORMS)
    assert report.rows_kept == 36
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "rows.csv"]


def test_a_sound_becomes_one_channel_at_the_rate_that_is_asked():
    left, right = sounds.tone(440, 0.5, 8_000), sounds.tone(440, 0.5, 8_000, loud=0.1)
    samples = decode(sounds.wav(np.stack([left, right], axis=1), 8_000), 16_000)
    assert samples.dtype == np.float32
    assert len(samples) == 8_000
    wanted = sounds.tone(440, 0.5, 16_000, loud=0.2)
    assert np.abs(samples[800:-800] - wanted[800:-800]).max() < 2e-3


@pytest.mark.parametrize("given", [7, "hello", "data:audio/wav,abc", "data:;base64,@@", "data:;base64,"])
def test_a_request_that_is_no_file_is_told_so(given):
    with pytest.raises(UsageError):
        asked_file(given)


def test_a_templates_digest_is_that_of_the_table_and_of_its_files(tmp_path):
    sounds.write_table(tmp_path)
    source = Source(path="rows.csv")
    data = Data(sources=(source,))
    before = whole_digest(source, data, tmp_path, FORMS)
    assert before == prepared(tmp_path, source).split.sources[0].digest
    (tmp_path / "clips" / "004.wav").write_bytes(sounds.wav(sounds.tone(300, 0.5)))
    assert whole_digest(source, data, tmp_path, FORMS) != before
