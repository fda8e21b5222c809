"""What a file of rows is worth, in flat memory; datasets of a home by name and digest; mapping previews."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from engram.data.mapping import preview
from engram.data.names import add_dataset, find_dataset, find_named, list_datasets
from engram.data.quality import MOST_LABELS, inspect
from engram.data.stored import find_content, folder_of, keep_content
from engram.errors import Conflict, DataError, NotFound, UsageError
from engram.files import sha256_bytes
from engram.schema.form import FORMS
from engram.schema.recipe import Source

MEBIBYTE = 1 << 20


def write(folder, text, name="rows.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_column_of_many_values_is_no_label(tmp_path):
    rows = "".join(f"text {i},{i % (MOST_LABELS + 1)},{i % 3}\n" for i in range(200))
    found = inspect(write(tmp_path, f"text,many,few\n{rows}"), Source())
    assert found.labels == {"few": {"0": 67, "1": 67, "2": 66}}
    assert (found.rows, found.duplicates, found.blank, dict(found.missing)) == (200, 0, 0, {})


def test_duplicates_are_whole_rows(tmp_path):
    found = inspect(write(tmp_path, "a,b\n1,2\n12,\n1,2\n,12\n1,2\n"), Source())
    assert (found.duplicates, dict(found.missing)) == (2, {"a": 1, "b": 1})


def test_rows_of_json_may_each_have_other_keys_up_to_a_limit(tmp_path):
    found = inspect(write(tmp_path, '{"a": 1}\n{"b": 2}\n', "x.jsonl"), Source())
    assert (found.columns, dict(found.missing)) == (("a", "b"), {"a": 1, "b": 1})
    with pytest.raises(DataError, match="different columns"):
        inspect(write(tmp_path, "".join(f'{{"{"k" * 1000}{i}": 1}}\n' for i in range(1100)), "y.jsonl"), Source())


def test_a_large_file_is_read_in_flat_memory(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("w") as stream:
        stream.write("text,label\n")
        for number in range(30_000):
            stream.write(f"{number} {'word ' * 220},{number % 2}\n")
    assert path.stat().st_size > 30 * MEBIBYTE
    told: list[int] = []
    tracemalloc.start()
    try:
        found = inspect(path, Source(), told.append)
        assert tracemalloc.get_traced_memory()[1] < 12 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert (found.rows, told[-1]) == (30_000, 30_000)


def test_a_dataset_has_a_name_a_digest_and_one_place(tmp_path):
    stored, path = tmp_path / "datasets", write(tmp_path, "text,label\nhi,a\nho,b\n")
    made = add_dataset(stored, path, Source(license="own"), "mails")
    assert made.digest == sha256_bytes(path.read_bytes())
    assert add_dataset(stored, path, Source(license="own"), "mails") == made
    assert add_dataset(stored, path, Source(license="own"), "again").digest == made.digest
    assert list(list_datasets(stored)) == ["again", "mails"]
    assert find_dataset(stored, made.digest).digest == find_dataset(stored, "mails").digest == made.digest
    assert find_content(stored, made.digest).read_bytes() == path.read_bytes()
    named = find_named(stored, "mails")
    assert (named.digest, named.license, named.read.format) == (made.digest, "own", "csv")
    write(tmp_path, "text,label\nother,a\n")
    with pytest.raises(Conflict, match="is taken"):
        add_dataset(stored, path, Source(), "mails")
    with pytest.raises(UsageError, match="no name"):
        add_dataset(stored, path, Source(), "../mails")
    with pytest.raises(NotFound, match=r"Did you mean 'mails'"):
        find_dataset(stored, "mail")


@pytest.mark.parametrize("digest", ["../../etc", "sha256:../..", "sha256:" + "A" * 64, "", "sha256:" + "0" * 63])
def test_what_is_no_digest_is_no_place(tmp_path, digest):
    with pytest.raises(NotFound):
        folder_of(tmp_path, digest)


def test_a_bad_file_leaves_nothing_and_is_told_by_its_own_name(tmp_path):
    stored = tmp_path / "datasets"
    with pytest.raises(DataError) as caught:
        add_dataset(stored, write(tmp_path, "text,label\nhi\n"), Source(), "mails")
    assert (caught.value.file, caught.value.line) == ("rows.csv", 2)
    assert not stored.exists()


def test_a_mapping_that_fits_no_form_is_told_in_words():
    told = preview(("label",), {"txt": "a"}, ("a", "b"), [(2, {"a": "x", "b": "y"})])
    assert (told.form, told.usable) == ("", 0)
    assert "unknown role 'txt'" in told.problems[0]
    told = preview(tuple(FORMS), {}, ("a", "b"), [])
    assert "fit none of the forms" in told.problems[0]


def test_an_optional_column_that_is_not_there_is_told():
    told = preview(("alpaca",), {"input": "inp"}, ("instruction", "output"), [(2, {"instruction": "a", "output": "b"})])
    assert (told.form, told.usable) == ("alpaca", 1)
    assert told.problems == ("there is no column 'inp' for 'input'.",)


def test_two_that_keep_the_same_content_at_once_both_have_it(tmp_path, monkeypatch):
    """The other one is done between the look at the place and the renaming."""
    path, replace = tmp_path / "rows.csv", Path.replace
    path.write_bytes(b"text,label\na,b\n")
    found, digest = inspect(path, Source()), sha256_bytes(path.read_bytes())

    def late(self, target):
        if self.is_dir():
            monkeypatch.setattr(Path, "replace", replace)
            keep_content(tmp_path / "datasets", path, digest, found)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", late)
    assert keep_content(tmp_path / "datasets", path, digest, found).read_bytes() == path.read_bytes()
    assert [one.name for one in (tmp_path / "datasets").iterdir()] == [digest.removeprefix("sha256:")]
