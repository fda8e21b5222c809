"""What a user sees when a source is a data set of the hub; the hub itself is a folder on this disk."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest
from datasets.naming import camelcase_to_snakecase

from engram.data import hub
from engram.data.prepare import prepare_split
from engram.data.reader import choose_reader
from engram.data.sources import open_sources
from engram.errors import DataError, MissingExtra
from engram.schema.recipe import Data, Source, SplitPlan

COMMIT, OTHER = "a" * 40, "b" * 40
NAME = "org/My-Set"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Caches of the test's own, and nothing remembered from another test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache" / "datasets")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
    for constants in (datasets.config, huggingface_hub.constants):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    hub._load.cache_clear()
    yield
    hub._load.cache_clear()


class Hub:
    """A hub whose data sets are local folders; it counts how often it was asked, and can be out of reach."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.reachable, self.commit = folder, [], True, COMMIT

    def __call__(self, path: str, subset: str | None, revision: str) -> Any:
        self.asked.append((path, subset, revision))
        if not self.reachable:
            raise ConnectionError("no route to host")
        builder = datasets.load_dataset_builder(str(self.folder / path.removeprefix("hf://datasets/")), subset)
        # What the library does with the commit that the hub names: it is the folder of the rows in the cache.
        name = path.removeprefix("hf://datasets/")
        refs = Path(huggingface_hub.constants.HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}" / "refs"
        refs.mkdir(parents=True, exist_ok=True)
        (refs / revision).write_text(self.commit)
        builder.repo_id, builder.hash = name, self.commit
        builder.dataset_name = camelcase_to_snakecase(name.partition("/")[2])
        builder.config_id = builder.config.name
        builder._cache_dir = builder._output_dir = builder._build_cache_dir()
        return builder


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    folder = tmp_path / "remote" / NAME
    folder.mkdir(parents=True)
    rows = [{"text": f"row {i}", "label": i % 2, "turns": [{"role": "user", "n": i}]} for i in range(40)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    made = Hub(tmp_path / "remote")
    real = datasets.load_dataset_builder

    def load(path: str, name: str | None = None, **options: Any) -> Any:
        return made(path, name, options["revision"]) if path.startswith("hf://") else real(path, name, **options)

    monkeypatch.setattr(datasets, "load_dataset_builder", load)
    return made


def opened(**options: Any):
    (found,) = open_sources((Source(hub=NAME, **options),), Path())
    return found


def refuse(**options: Any) -> DataError:
    hub._load.cache_clear()
    with pytest.raises(DataError) as caught:
        opened(**options)
    return caught.value


def test_rows_are_read_and_the_commit_is_in_the_name(fake):
    found = opened(split="train")
    assert found.said == f"read hub:{NAME}@{COMMIT}/default/train, 40 rows, 3 columns: text, label, turns"
    assert (found.file.name, found.file.format) == (f"hub:{NAME}@{COMMIT}/default/train", "hub")
    rows = list(found.reader.read(found.path, found.source, ("label", "text")))
    assert rows[0] == (1, {"label": "0", "text": "row 0"})
    assert rows[-1] == (40, {"label": "1", "text": "row 39"})
    nested = list(found.reader.read(found.path, found.source, ("turns",), ("turns",)))
    assert json.loads(nested[7][1]["turns"]) == [{"role": "user", "n": 7}]
    with pytest.raises(DataError, match="received a column of the type") as caught:
        list(found.reader.read(found.path, found.source, ("turns",)))
    assert caught.value.column == "turns"
    with pytest.raises(DataError, match=r"no column 'lable'.*Did you mean 'label'"):
        list(found.reader.read(found.path, found.source, ("lable",)))


def test_what_is_cached_needs_no_network(fake):
    first = opened(split="train").file
    hub._load.cache_clear()
    fake.reachable, fake.asked = False, []
    assert opened(split="train").file == first
    assert opened(split="test").file.name.endswith("/test")
    hub._load.cache_clear()
    (found,) = open_sources((Source(hub=f"{NAME}@{COMMIT}", split="train"),), Path())
    assert found.file == first
    assert fake.asked == []


def test_another_commit_than_the_cached_one_is_never_taken_for_it(fake):
    opened(split="train")
    fake.reachable = False
    for options in ({"revision": OTHER}, {"revision": "v2"}, {"subset": "fr"}):
        error = refuse(split="train", **options)
        assert "the hub can't be reached, and the cache of this machine does not hold" in str(error)
        assert error.file == f"hub:{NAME}@{options.get('revision', 'main')}"
    fake.reachable, fake.commit = True, OTHER
    hub._load.cache_clear()
    assert opened(split="train", revision="v2").file.name == f"hub:{NAME}@{OTHER}/default/train"
    assert fake.asked[-1] == (f"hf://datasets/{NAME}", None, "v2")


def test_what_the_library_falls_back_to_is_refused(fake, monkeypatch):
    opened(split="train")
    # Out of reach of the hub the library itself answers with whatever commit it has.
    cached = hub._cached(NAME, COMMIT, None)
    monkeypatch.setattr(hub, "_fetched", lambda name, revision, subset: cached)
    error = refuse(split="train", revision="v2")
    assert f"holds only the commit {COMMIT} and the subset default" in str(error)


def test_the_real_library_without_a_network_is_told_in_words():
    error = refuse(split="train")
    assert "the hub can't be reached" in str(error)
    assert error.file == f"hub:{NAME}@main"


def test_a_subset_that_was_named_is_not_the_one_that_was_not(fake, tmp_path):
    folder = tmp_path / "remote" / NAME
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: fr\n  data_files: test.jsonl\n---\n")
    opened(subset="fr")
    fake.reachable = False
    assert "hold what was asked for" in str(refuse())
    assert opened(subset="fr").file.name == f"hub:{NAME}@{COMMIT}/fr/train"


@pytest.mark.parametrize(
    ("options", "words", "remedy"),
    [
        ({}, "the source names no part. Parts: train, test.", "Say which with split"),
        ({"split": "tran"}, "the source has no part 'tran'. Parts: train, test.", "Did you mean 'train'?"),
        ({"split": "train", "subset": "fr"}, "ValueError: BuilderConfig 'fr' not found", ""),
    ],
)
def test_parts_and_subsets_that_do_not_exist_are_answered(fake, options, words, remedy):
    error = refuse(**options)
    assert words in str(error)
    assert remedy in error.remedy


def test_the_only_part_needs_no_name(fake, tmp_path):
    (tmp_path / "remote" / NAME / "test.jsonl").unlink()
    assert opened().file.name.endswith("/default/train")


def test_the_digest_is_over_the_rows(fake, tmp_path):
    first = opened(split="train").file
    rows = [json.loads(line) for line in (tmp_path / "remote" / NAME / "train.jsonl").read_text().splitlines()]
    lines = [json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows]
    assert first.digest == f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"
    assert first.bytes == len("".join(lines))
    assert opened(split="test").file.digest != first.digest


def test_classes_are_named_in_what_is_said(fake, tmp_path):
    folder = tmp_path / "remote" / NAME
    shutil.rmtree(folder)
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "y\x1b"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    folder.mkdir()
    rows.to_parquet(folder / "train.parquet")
    found = opened()
    assert found.said.endswith("2 columns: text, label; label: 0 = no, 1 = y\\x1b")
    assert [cells["label"] for _, cells in found.reader.read(found.path, found.source, ("label",))] == ["1", "0"]


def test_images_are_no_rows(fake, tmp_path):
    folder = tmp_path / "remote" / NAME
    shutil.rmtree(folder)
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "the data set is read as 'imagefolder'" in str(refuse())


def test_code_of_a_repository_is_never_run(fake, tmp_path):
    folder = tmp_path / "remote" / NAME
    ran = tmp_path / "ran"
    (folder / "My-Set.py").write_text(f"open({str(ran)!r}, 'w')\n")
    assert "scripts are no longer supported" in str(refuse(split="train"))
    assert not ran.exists()


def test_a_broken_file_of_a_data_set_is_told(fake, tmp_path):
    (tmp_path / "remote" / NAME / "train.jsonl").write_text("{oops\n")
    error = refuse(split="train")
    assert "the data set can't be read (" in str(error)
    assert error.file == f"hub:{NAME}@main"


def test_a_split_is_prepared_from_the_hub(fake, tmp_path):
    data = Data((Source(hub=NAME, split="train"),), split=SplitPlan(seed=1))
    prepared = prepare_split(data, folder=tmp_path, cache=tmp_path / "splits")
    assert sum(part.rows for part in prepared.split.parts.values()) == 40
    assert prepared.split.labels == ("0", "1")
    assert prepared.split.sources[0].name == f"hub:{NAME}@{COMMIT}/default/train"
    assert prepare_split(data, folder=tmp_path, cache=tmp_path / "splits").cached


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra) as caught:
        opened(split="train")
    assert "pip install -e '.[hub]'" in caught.value.remedy


def test_a_source_of_the_hub_has_the_readers_of_the_hub():
    assert choose_reader(Path("hub:org/name"), Source(hub="org/name")) is hub.HUB
    assert hub.HUB.sniff(b"text,label\n", "a.csv") == 0
