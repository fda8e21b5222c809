"""The store: `artifacts/<hex digest>/`, each folder whole, certified and named by its payload's digest.

Publishing copies the staging folder to `.pending-<hex>`, makes it durable, asks for the certificate (whose ledger entry
is the point of no return), and renames. The caller keeps the staging folder until `publish` has returned. After a crash

- before the ledger entry: nothing happened; `recover` sweeps the pending folder;
- between the entry and the certificate: `recover` sweeps the pending folder, and the resumed run publishes the same
  staging folder again: `certify` finds the entry that is there, so none is entered twice;
- after the certificate: `recover` completes the rename.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from engram.artifacts.check import check_payload
from engram.artifacts.manifest import build_manifest, encode_manifest, parse_manifest
from engram.artifacts.opened import Keys, opened, seal_payload
from engram.artifacts.paths import CERTIFICATE, MANIFEST
from engram.errors import EngramError, NotFound, PlatformError, UsageError, VerificationFailed
from engram.files import BLOCK_BYTES, fsync_folder, fsync_tree, write_atomic
from engram.proc import crashpoint
from engram.schema.manifest import FileEntry, Manifest

PENDING = ".pending-"
UNSEALED = ".unsealed-"  # an open artifact while its sealed twin takes its place


def publish(
    staging: Path,
    store: Path,
    about: Mapping[str, str],
    make_certificate: Callable[[Manifest, bytes], bytes],
    keys: Keys | None = None,
) -> tuple[Path, Manifest]:
    """Publish a folder of files; it appears in the store whole and certified, or not at all.

    make_certificate: takes the manifest and the bytes of `manifest.json`, returns the bytes of `certificate.json`. It
    must enter the same statement in the ledger at most once, however often it is called.
    keys: of a home; where it seals, what appears in the store is sealed.

    The same payload published again returns what is there and asks for no certificate.
    Raises Refused when a file may not be published, and PlatformError when the staging folder changes meanwhile or the
    disk refuses.
    """
    manifest = build_manifest(staging, about)
    target = folder_of(store, manifest.digest)
    if target.exists():
        return target, _published(target, keys)
    store.mkdir(parents=True, exist_ok=True)
    pending = store / f"{PENDING}{target.name}"
    shutil.rmtree(pending, ignore_errors=True)
    try:
        pending.mkdir()
        if keys is not None and keys.sealing:
            seal_payload(staging, pending, manifest, keys)
        else:
            for file in manifest.files:
                _copy(staging / file.path, pending / file.path, file)
        content = encode_manifest(manifest)
        (pending / MANIFEST).write_bytes(content)
        fsync_tree(pending)
        fsync_folder(store)
        crashpoint("publish.before-certificate")
        write_atomic(pending / CERTIFICATE, make_certificate(manifest, content))
        crashpoint("publish.before-rename")
        put_in_place(pending, target)
        crashpoint("publish.after-rename")
    except OSError as error:
        raise PlatformError(
            f"The artifact can't be written to {store}: {error}. Nothing was published.",
            remedy="Make room on the disk, or mend its permissions, and publish again.",
        ) from error
    finally:
        shutil.rmtree(pending, ignore_errors=True)
    return target, manifest


def recover(store: Path, keys: Keys | None = None) -> list[Path]:
    """Finish or sweep what a crash left behind; return the artifacts that were completed.

    keys: of a home that seals; without them nothing sealed is completed.

    Call it when the home is opened, before any run is resumed, and never while another process publishes.
    """
    completed: list[Path] = []
    for pending in sorted(store.glob(f"{PENDING}*")):
        target = store / pending.name.removeprefix(PENDING)
        if not target.exists() and is_whole(pending, target.name, keys):
            put_in_place(pending, target)
            completed.append(target)
        else:
            shutil.rmtree(pending)
    for old in sorted(store.glob(f"{UNSEALED}*")):  # its sealed twin has taken its place, or never will
        target = store / old.name.removeprefix(UNSEALED)
        if target.exists():
            shutil.rmtree(old)
        else:
            put_in_place(old, target)
    return completed


def folder_of(store: Path, digest: str) -> Path:
    """Return where an artifact lives.

    Raises UsageError when that is no digest.

    >>> folder_of(Path("artifacts"), "sha256:" + "0" * 64).name == "0" * 64
    True
    """
    name = digest.removeprefix("sha256:")
    if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        raise UsageError(f"{digest[:80]!r} is not an artifact's digest: expected sha256: and 64 hex digits.")
    return store / name


def find_artifact(store: Path, prefix: str) -> Path:
    """Return the one artifact whose digest begins with ``prefix`` (``sha256:`` or not).

    Raises NotFound when there is none, and UsageError when several begin so.
    """
    wanted = prefix.removeprefix("sha256:")
    names = [path.name for path in sorted(store.glob("*")) if len(path.name) == 64]
    found = [name for name in names if wanted and name.startswith(wanted)]
    if not found:
        raise NotFound(f"There is no artifact {prefix!r} in {store}.", remedy="See: engram runs list")
    if len(found) > 1:
        raise UsageError(f"{len(found)} artifacts begin with {prefix!r}.", remedy="Give more digits.")
    return store / found[0]


def _copy(source: Path, target: Path, expected: FileEntry) -> None:
    """Copy a file and prove that what was copied is what the manifest lists."""
    target.parent.mkdir(parents=True, exist_ok=True)
    state = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        while block := reading.read(BLOCK_BYTES):
            state.update(block)
            writing.write(block)
    if f"sha256:{state.hexdigest()}" != expected.digest:
        raise PlatformError(
            f"{source} changed while it was being published.", remedy="Publish again when nothing writes there."
        )


def _published(target: Path, keys: Keys | None) -> Manifest:
    """Return the manifest of an artifact that is there already, and make sure that it is still whole."""
    if not is_whole(target, target.name, keys):
        bad = f"{target} is in the store, but not as it was published."
        raise VerificationFailed(bad, remedy=f"See what is wrong with: engram verify {target}")
    return parse_manifest((target / MANIFEST).read_bytes())


def is_whole(folder: Path, name: str, keys: Keys | None = None) -> bool:
    """Tell whether a folder is the artifact of that name, with a certificate, to the last byte."""
    try:
        content = (folder / MANIFEST).read_bytes()
        if not (folder / CERTIFICATE).is_file() or parse_manifest(content).digest != f"sha256:{name}":
            return False
        with opened(folder, keys) as plain:
            return all(check.ok for check in check_payload(plain, content))
    except (OSError, EngramError):
        return False


def put_in_place(pending: Path, target: Path) -> None:
    """Rename a folder to what it is to be called, durably."""
    pending.replace(target)
    fsync_folder(target.parent)
