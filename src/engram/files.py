"""Files: atomic writes, digests and the lock of a home. The only code that knows the operating system's ways."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engram.errors import HomeBusy, NotFound, VerificationFailed

OWNER_ONLY = 0o600

BLOCK_BYTES = 1 << 20


def sha256_bytes(content: bytes) -> str:
    """Return the digest of some bytes as ``sha256:<64 hex digits>``.

    >>> sha256_bytes(b"")[:14]
    'sha256:e3b0c44'
    """
    return "sha256:" + hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the digest of a file, read in blocks so that memory stays flat."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            state.update(block)
    return "sha256:" + state.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Serialise to one agreed byte string: sorted keys, no spaces, UTF-8, finite numbers only.

    Raises ValueError for NaN and infinity.

    >>> canonical_json({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def json_digest(value: Any) -> str:
    """Return the digest of a value's canonical JSON."""
    return sha256_bytes(canonical_json(value))


def fsync_folder(folder: Path) -> None:
    """Make a folder's entries durable (a no-op where folders can't be opened, as on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(folder: Path) -> None:
    """Make every file and folder below ``folder`` durable."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        elif path.is_dir():
            fsync_folder(path)
    fsync_folder(folder)


def write_atomic(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file whole: a reader sees the old bytes or the new ones, never a mixture, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def write_json(path: Path, value: Any) -> str:
    """Write a value as canonical JSON, atomically, and return its digest."""
    content = canonical_json(value)
    write_atomic(path, content)
    return sha256_bytes(content)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_bytes())


def read_private(path: Path) -> bytes:
    """Read a secret.

    Raises NotFound when it is not there, and VerificationFailed when others than its owner can read it or it is a link.
    """
    if path.is_symlink():
        raise VerificationFailed(f"{path} is a link; a secret must be a file.", remedy="Put the file itself there.")
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no {path}.", remedy="Restore it from a backup of the home.") from error
    if os.name != "nt" and mode & 0o077:
        raise VerificationFailed(
            f"{path} has mode {mode:04o}: others can read this secret. Expected 0600.",
            remedy=f"If nobody has copied it, run: chmod 600 {path}",
        )
    return content


def write_private(path: Path, content: bytes) -> None:
    """Write a secret whole, mode 0600, in a folder of mode 0700 if it has to be made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, content, mode=OWNER_ONLY)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Fill a folder that appears whole or not at all.

    Yields a temporary sibling; when the block ends well it is made durable and renamed to ``target``. If ``target``
    exists already (the content is addressed by its digest, so it is the same), the temporary one is thrown away.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".tmp-{target.name}-"))
    temporary.chmod(0o755)
    try:
        yield temporary
        fsync_tree(temporary)
        if not target.exists():
            try:
                temporary.replace(target)
            except OSError:
                if not target.exists():  # else another writer was first
                    raise
            fsync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder: first its name, so that a crash leaves no half of it under it; one that is not there is gone."""
    if not path.exists():
        return
    going = path.with_name(f".tmp-{path.name}-{os.urandom(4).hex()}")
    path.replace(going)
    shutil.rmtree(going)


@contextmanager
def home_lock(home: Path, owner: str) -> Iterator[None]:
    """Hold the home folder as its only writer.

    Raises HomeBusy with the owner's name and process when somebody else holds it. The operating system frees the lock
    when the process ends, however it ends.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / "lock"
    stream = path.open("a+", encoding="utf-8")
    try:
        if not _try_lock(stream.fileno()):
            stream.seek(0)
            said = stream.read().strip() or "an unknown process"
            raise HomeBusy(
                f"The home {home} is in use by {said}.",
                remedy="Wait until it ends, or set ENGRAM_HOME to another folder. Reading (runs list) works meanwhile.",
            )
        stream.truncate(0)
        stream.write(f"{owner} (process {os.getpid()})")
        stream.flush()
        yield
    finally:
        stream.close()


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a file, made at need, while the block lasts; yields False when another process holds it.

    The operating system frees it when the process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        yield _try_lock(stream.fileno())


def is_locked(home: Path) -> bool:
    """Tell whether some process holds the home folder at this moment."""
    path = home / "lock"
    if not path.exists():
        return False
    with path.open("rb") as stream:
        return not _try_lock(stream.fileno())


def _try_lock(descriptor: int) -> bool:
    if os.name == "nt":
        import msvcrt

        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
