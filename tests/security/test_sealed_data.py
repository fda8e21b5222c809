"""Datasets of a home that seals: what lies on the disk, what is refused, and that everything reads them as before."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest
from support.home import make_home
from support.uploading import people_in

from engram.artifacts import opened as opening
from engram.artifacts import sealed_data
from engram.artifacts.home_keys import HomeKeys
from engram.artifacts.opened import ENVELOPE
from engram.artifacts.seal import MAGIC
from engram.artifacts.sealed_data import DataVault, opened_content, opened_store, seal_datasets
from engram.data.names import add_dataset
from engram.data.prepare import prepare_split
from engram.data.stored import SEALED, find_content
from engram.errors import DataError, VerificationFailed
from engram.files import sha256_bytes
from engram.schema.recipe import Data, Source
from engram.security.at_rest import rotate_home_kek, seal_home

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="private memory is offered on Linux")
ROWS = "".join(f"canary-7f3a91 number {number} {'ab'[number % 2]},{'ab'[number % 2]}\n" for number in range(6000))
CONTENT = f"text,label\n{ROWS}".encode()  # several chunks
OTHER = CONTENT.replace(b"canary-7f3a91", b"canary-000000")


def put(home, name, content):
    """Add a dataset as the command does, and return where its file lies."""
    file = home.parent / name
    file.write_bytes(content)
    vault = DataVault(HomeKeys(home))
    made = add_dataset(home / "datasets", file, Source(license="own"), name, vault=vault)
    return find_content(home / "datasets", made.digest)


@pytest.fixture
def home(tmp_path):
    """A home that seals, with two datasets."""
    made = tmp_path / "home"
    seal_home(made)
    put(made, "one.csv", CONTENT)
    put(made, "two.csv", OTHER)
    return made


def holds(folder, word=b"canary-"):
    return [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]


def read(home, content=CONTENT):
    digest = sha256_bytes(content)
    with opened_content(find_content(home / "datasets", digest), digest, HomeKeys(home)) as path:
        return path.read_bytes()


def file_of(home, content=CONTENT):
    return find_content(home / "datasets", sha256_bytes(content))


def in_memory():
    return list(opening.MEMORY.glob(f"engram-{os.getuid()}-{os.getpid()}-*"))


def test_no_row_lies_in_clear_and_digest_and_size_are_those_of_the_plaintext(home):
    assert holds(home / "datasets") == []
    assert holds(home.parent), "the search would have found it"
    record = json.loads((file_of(home).parent / "dataset.json").read_text())
    assert (record["digest"], record["bytes"]) == (sha256_bytes(CONTENT), len(CONTENT))
    assert (read(home), read(home, OTHER)) == (CONTENT, OTHER)
    assert in_memory() == []


def test_the_same_file_again_changes_nothing_and_a_damaged_one_is_replaced(home):
    before = file_of(home).read_bytes()
    put(home, "one.csv", CONTENT)
    assert file_of(home).read_bytes() == before
    file_of(home).write_bytes(before[:-20])
    put(home, "one.csv", CONTENT)
    assert read(home) == CONTENT


def cut(home):
    path = file_of(home)
    path.write_bytes(path.read_bytes()[:-16])


def swap_chunks(home):
    path = file_of(home)
    content, size = path.read_bytes(), (1 << 16) + 16
    path.write_bytes(content[: -2 * size] + content[-size:] + content[-2 * size : -size])


def move(home):
    shutil.copyfile(file_of(home, OTHER), file_of(home))


def move_with_its_envelope(home):
    move(home)
    shutil.copyfile(file_of(home, OTHER).parent / ENVELOPE, file_of(home).parent / ENVELOPE)


def lose_the_envelope(home):
    (file_of(home).parent / ENVELOPE).unlink()


def change_the_key(home):
    shutil.rmtree(home / "keys")
    seal_home(home)


@pytest.mark.parametrize("damage", [cut, swap_chunks, move, move_with_its_envelope, lose_the_envelope, change_the_key])
def test_what_is_not_what_was_sealed_there_is_refused(home, damage):
    damage(home)
    with pytest.raises(VerificationFailed):
        read(home)
    assert in_memory() == []


def test_an_open_file_in_place_of_a_sealed_one_is_found_by_its_digest(home, tmp_path):
    """Whoever can write to the disk gains nothing by putting rows there in clear."""
    file_of(home).write_bytes(OTHER)
    data, digest = Data((Source(dataset=sha256_bytes(CONTENT)),)), sha256_bytes(CONTENT)
    with (
        opened_store(home / "datasets", [digest], HomeKeys(home)) as stored,
        pytest.raises(DataError, match="changed on the disk"),
    ):
        prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", stored=stored)


def test_a_split_reads_sealed_and_open_datasets_side_by_side(tmp_path):
    home = tmp_path / "home"
    (home / "datasets").mkdir(parents=True)
    digests = [sha256_bytes(one) for one in (CONTENT, OTHER)]
    put(home, "open.csv", OTHER)
    seal_home(home / "elsewhere")
    shutil.move(home / "elsewhere" / "keys", home / "keys")  # a home that seals from now on
    put(home, "sealed.csv", CONTENT)
    with opened_store(home / "datasets", digests, HomeKeys(home)) as stored:
        data = Data(tuple(Source(dataset=one) for one in digests))
        made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", stored=stored)
        assert stored.parent == opening.MEMORY
    assert [one.digest for one in made.split.sources] == digests
    assert made.report.rows_read == 12_000
    assert in_memory() == []


def test_a_home_that_was_open_is_sealed_whole_and_its_keys_rotate(tmp_path):
    home = tmp_path / "home"
    put(home, "one.csv", CONTENT)
    assert holds(home / "datasets")
    assert (seal_home(home), seal_home(home)) == (1, 0)
    assert holds(home / "datasets") == []
    sealed = file_of(home).read_bytes()
    kid, count = rotate_home_kek(home)
    assert (count, file_of(home).read_bytes() == sealed, read(home) == CONTENT) == (1, True, True)
    assert list(json.loads((home / "keys" / "kek.json").read_bytes())["keys"]) == [kid]


@pytest.mark.parametrize("where", ["seal_file", "write_atomic", "fsync_folder"])
def test_sealing_that_is_broken_off_loses_nothing_and_is_finished(tmp_path, monkeypatch, where):
    home = tmp_path / "home"
    put(home, "one.csv", CONTENT)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sealed_data, where, die)
        seal_home(home)
    assert read(home) == CONTENT
    seal_home(home)
    assert read(home) == CONTENT
    assert sorted(path.name for path in file_of(home).parent.iterdir()) == ["data.csv", "dataset.json", ENVELOPE]
    assert holds(home / "datasets") == []


@pytest.mark.parametrize("seals", [False, True])
def test_rows_that_look_sealed_are_refused_and_so_never_left_open(tmp_path, seals):
    """Whether a file is sealed is told by how it begins; such rows would lie in clear in a home that seals."""
    home = tmp_path / "home"
    if seals:
        seal_home(home)
    assert SEALED == MAGIC
    with pytest.raises(DataError, match="has sealed"):
        put(home, "odd.csv", MAGIC + b",label\ncanary-1,a\n")
    assert holds(home) == []


def test_a_damaged_dataset_is_not_sealed_over(tmp_path):
    home = tmp_path / "home"
    put(home, "one.csv", CONTENT).write_bytes(OTHER)
    with pytest.raises(VerificationFailed, match="not what its digest says"):
        seal_home(home)
    assert file_of(home).read_bytes() == OTHER
    assert seal_datasets(home / "nothing", HomeKeys(home)) == 0


def test_a_server_that_seals_takes_in_shows_and_gives_back_as_any_other(tmp_path):
    seal_home(tmp_path / "home")
    with people_in(tmp_path / "home") as people:
        made = people.dataset("ann", "mails.csv", CONTENT)
        assert holds(people.home / "datasets") == []
        assert holds(people.home / "uploads") == []
        path = f"/datasets/{made['id']}"
        told = people.ask("ann", "GET", f"{path}/preview?rows=1").json()
        assert told["rows"][0]["cells"] == {"text": "canary-7f3a91 number 0 a", "label": "a"}
        assert people.ask("ann", "POST", f"{path}/check").json()["rows"] == 6000
        sent = people.ask("ann", "GET", f"{path}/download")
        assert (sent.content, sent.headers["content-length"]) == (CONTENT, str(len(CONTENT)))
        assert sent.headers["content-disposition"] == 'attachment; filename="mails.csv"'
        (find_content(people.home / "datasets", made["digest"])).write_bytes(b"ENGRAMS1 and nothing more")
        assert people.ask("ann", "GET", f"{path}/download").status_code >= 400
        assert people.ask("ann", "GET", f"{path}/preview").status_code >= 400


def test_a_run_trains_on_a_sealed_dataset(tmp_path):
    home = make_home(tmp_path, rows=150)
    home.json("data", "add", "tickets.csv", "--name", "tickets")
    assert home.engram("seal").returncode == 0
    recipe = (home.folder / "toy.yaml").read_text().replace("path: tickets.csv", "dataset: tickets")
    (home.folder / "toy.yaml").write_text(recipe)
    (home.folder / "tickets.csv").unlink()
    done = home.engram("train", "toy.yaml")
    assert (done.returncode, home.record()["state"]) == (0, "published"), done.stdout + done.stderr
    assert all(sealed_data.is_sealed(one) for one in (home.home / "datasets").glob("*/data.*"))
