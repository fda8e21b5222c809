"""Publishing: whole and certified, or not at all; killed anywhere, it is finished or forgotten, and entered once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from certified import FILES, ZERO, make_home, make_signer, safetensors, ticking, write_files

from engram.artifacts import store
from engram.artifacts.check import check_payload
from engram.artifacts.store import find_artifact, folder_of, publish, recover
from engram.errors import NotFound, PlatformError, Refused, UsageError, VerificationFailed
from engram.ledger.certificate import certify
from engram.ledger.log import Ledger
from engram.ledger.verify import verify_certificate
from engram.proc import CRASHPOINT_VARIABLE
from engram.schema.manifest import Manifest

POINTS = ("publish.before-certificate", "publish.before-rename", "publish.after-rename")
PUBLISHER = """
import sys
from pathlib import Path
from certified import make_home
make_home(Path(sys.argv[1]))
"""


def certificate(manifest: Manifest, content: bytes) -> bytes:
    return b"certificate of " + manifest.digest.encode()


def put(folder: Path) -> Path:
    return write_files(folder / "staging", {**FILES, "model.safetensors": safetensors(w=(2,))})


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_artifact_holds_its_files_its_manifest_and_its_certificate(tmp_path: Path):
    target, manifest = publish(put(tmp_path), tmp_path / "store", {"run": "r_1"}, certificate)
    assert target == tmp_path / "store" / manifest.digest.removeprefix("sha256:")
    assert names(target) == sorted([*FILES, "sub", "model.safetensors", "manifest.json", "certificate.json"])
    assert (target / "certificate.json").read_bytes() == certificate(manifest, b"")
    assert all(check.ok for check in check_payload(target, (target / "manifest.json").read_bytes()))
    assert names(tmp_path / "store") == [f"{target.name}", *(f"{target.name}/{name}" for name in names(target))]


def test_the_same_payload_is_published_once(tmp_path: Path):
    first = publish(put(tmp_path), tmp_path / "store", {"run": "r_1"}, certificate)

    def never(*_: object) -> bytes:
        raise AssertionError("an artifact that is there needs no certificate")

    assert publish(put(tmp_path), tmp_path / "store", {"run": "r_2"}, never) == first


def test_a_damaged_artifact_is_not_taken_for_published(tmp_path: Path):
    target, _ = publish(put(tmp_path), tmp_path / "store", {}, certificate)
    (target / "README.md").write_bytes(b"# tinY\n")
    with pytest.raises(VerificationFailed, match=r"not as it was published.*engram verify"):
        publish(put(tmp_path), tmp_path / "store", {}, certificate)


def test_a_refused_file_leaves_the_store_untouched(tmp_path: Path):
    staging = write_files(put(tmp_path), {"optimizer.pt": b"x"})
    with pytest.raises(Refused, match=r"optimizer\.pt"):
        publish(staging, tmp_path / "store", {}, certificate)
    assert not (tmp_path / "store").exists()


def test_a_certificate_that_can_not_be_had_leaves_nothing(tmp_path: Path):
    def fail(*_: object) -> bytes:
        raise PlatformError("no key")

    with pytest.raises(PlatformError, match="no key"):
        publish(put(tmp_path), tmp_path / "store", {}, fail)
    assert names(tmp_path / "store") == []


def test_a_file_that_changes_while_it_is_copied_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = store._copy

    def meddle(source: Path, target: Path, expected: object) -> None:
        source.write_bytes(b"changed")
        real(source, target, expected)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_copy", meddle)
    with pytest.raises(PlatformError, match="changed while"):
        publish(put(tmp_path), tmp_path / "store", {}, certificate)
    assert names(tmp_path / "store") == []


@pytest.mark.parametrize("what", ["_copy", "fsync_tree", "write_atomic", "put_in_place"])
def test_a_full_disk_leaves_nothing_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, what, full)
        with pytest.raises(PlatformError, match=r"No space left.*Nothing was published"):
            publish(put(tmp_path), tmp_path / "store", {}, certificate)
    assert names(tmp_path / "store") == []
    assert publish(put(tmp_path), tmp_path / "store", {}, certificate)[0].is_dir()


def test_artifacts_are_found_by_the_beginning_of_their_digest(tmp_path: Path):
    target, manifest = publish(put(tmp_path), tmp_path / "store", {}, certificate)
    (tmp_path / "store" / ("0" * 64)).mkdir()
    (tmp_path / "store" / ("0" * 63 + "1")).mkdir()
    for prefix in (manifest.digest, target.name, target.name[:12], f"sha256:{target.name[:12]}"):
        assert find_artifact(tmp_path / "store", prefix) == target
    for prefix in ("", "sha256:", "zz", "../staging", target.name + "0"):
        with pytest.raises(NotFound, match="no artifact"):
            find_artifact(tmp_path / "store", prefix)
    with pytest.raises(UsageError, match="2 artifacts"):
        find_artifact(tmp_path / "store", "000")


@pytest.mark.parametrize("digest", ["", "sha256:", "../" + "0" * 61, "A" * 64, "0" * 63])
def test_what_is_no_digest_names_no_folder(digest: str):
    with pytest.raises(UsageError, match="digest"):
        folder_of(Path("store"), digest)


@pytest.mark.skipif(os.name == "nt", reason="crash points use SIGKILL")
@pytest.mark.parametrize(
    "point", [*POINTS, "ledger.after-write:3", "ledger.after-fsync:3", "ledger.after-checkpoint:3"]
)
def test_a_killed_publisher_is_finished_or_forgotten_and_enters_once(tmp_path: Path, point: str):
    """The third append of `make_home` is the certificate's."""
    here = Path(__file__).resolve().parents[2]
    child = subprocess.run(
        [sys.executable, "-c", PUBLISHER, str(tmp_path)],
        env={**os.environ, CRASHPOINT_VARIABLE: point, "PYTHONPATH": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    artifacts = tmp_path / "artifacts"
    before = [path for path in artifacts.iterdir() if not path.name.startswith(".")]
    assert len(before) == (1 if point == "publish.after-rename" else 0), "nothing unfinished has an artifact's name"

    completed = recover(artifacts)
    assert len(completed) == (1 if point == "publish.before-rename" else 0)
    assert not list(artifacts.glob(".*"))

    ledger = Ledger.open(tmp_path / "ledger", make_signer(), clock=ticking())
    target, manifest = publish(
        tmp_path / "staging",
        artifacts,
        {"run": "r_1"},
        lambda manifest, content: certify(
            manifest=manifest, manifest_bytes=content, predicate={"recipe": ZERO}, run="r_1", ledger=ledger
        ),
    )
    entered = [entry for entry in ledger.entries() if entry.type == "artifact.certified"]
    assert [entry.subject for entry in entered] == [manifest.digest]
    content = (target / "manifest.json").read_bytes()
    checks = [
        *verify_certificate((target / "certificate.json").read_bytes(), make_signer().key, content),
        *check_payload(target, content),
    ]
    assert all(check.ok for check in checks), checks
    assert list(artifacts.iterdir()) == [target]


def test_recovery_sweeps_what_is_not_whole(tmp_path: Path):
    home = make_home(tmp_path)
    artifacts = tmp_path / "artifacts"
    home.artifact.rename(artifacts / f".pending-{home.artifact.name}")
    (artifacts / f".pending-{home.artifact.name}" / "README.md").write_bytes(b"half")
    assert recover(artifacts) == []
    assert names(artifacts) == []
    assert recover(tmp_path / "none") == []


def test_every_crash_point_of_publishing_is_tried():
    source = Path(store.__file__).read_text()
    assert tuple(part.split('"')[1] for part in source.split("crashpoint(")[1:]) == POINTS
