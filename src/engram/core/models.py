"""The models that a core has open: a few artifacts, each answering requests of many threads in shared passes."""

from __future__ import annotations

import json
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engram.artifacts.check import check_payload
from engram.artifacts.manifest import parse_manifest
from engram.artifacts.opened import Keys
from engram.artifacts.opened import opened as opened_folder
from engram.artifacts.paths import MANIFEST
from engram.artifacts.store import folder_of
from engram.errors import NotFound, Refused, UserError
from engram.schema.options import NO_OPTIONS, Options
from engram.serve.batch import MAX_BATCH, Batcher
from engram.serve.load import Predictor

MOST_OPEN = 4

Open = Callable[[Path], Predictor]


@dataclass
class Opened:
    """An open artifact.

    files: what keeps its plaintext while it is open. users: requests that are being answered; it is closed when there
    are none and it had to go.
    """

    batcher: Batcher
    files: ExitStack
    users: int = 0
    leaving: bool = False

    def close(self) -> None:
        """Stop answering, and remove what was unsealed for it."""
        self.batcher.__exit__(None, None, None)
        self.files.close()


class Models:
    """Open artifacts by digest; the one that was asked longest ago makes room for a new one. For many threads.

    open_artifact: what makes a folder a function from inputs to answers (`engram.serve.load.open_artifact`).
    keys: of a home that seals; a sealed artifact is opened in private memory only. batch: how many requests may share
    one pass.
    """

    def __init__(
        self,
        store: Path,
        open_artifact: Open,
        most: int = MOST_OPEN,
        keys: Keys | None = None,
        batch: int = MAX_BATCH,
    ) -> None:
        self._store, self._open_artifact, self._most, self._keys = store, open_artifact, most, keys
        self._batch = batch
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._door = threading.Lock()  # one model is opened at a time: opening takes memory
        self._list = threading.Lock()
        self._askers = ThreadPoolExecutor(MAX_BATCH, thread_name_prefix="asker")

    def answer(self, digest: str, inputs: Sequence[str], options: Options = NO_OPTIONS) -> Iterator[str]:
        """Answer JSON documents with JSON documents, in their order.

        Raises NotFound when there is no such artifact, Refused when its files are not what its manifest says, and what
        the model raises for an input that it can't take or that is too long.
        """
        asked = [(json.loads(one), options) for one in inputs]
        with self._using(digest) as batcher:
            for answer in self._askers.map(batcher.ask, asked):
                yield json.dumps(answer, ensure_ascii=False)

    def write(
        self, digest: str, asked: str, options: Options, goes_on: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """Answer one JSON document: yield ``(piece, "")`` while text is written, and ``("", answer)`` at the end.

        goes_on: asked with every piece; when it says no the model stops writing. A task that writes no text yields its
        answer alone. Raises what `answer` raises.
        """
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def hear(piece: str) -> bool:
            said.put(piece)
            return goes_on()

        with self._using(digest) as batcher:
            answering = self._askers.submit(batcher.ask, (json.loads(asked), replace(options, on_text=hear)))
            answering.add_done_callback(lambda _: said.put(None))
            while (piece := said.get()) is not None:
                yield piece, ""
            yield "", json.dumps(answering.result(), ensure_ascii=False)

    def classify(self, digest: str, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return the probability of each label, for each text.

        Raises UserError when the artifact is no classifier, and what `answer` raises.
        """
        found = [
            json.loads(one).get("probabilities") for one in self.answer(digest, [json.dumps(one) for one in texts])
        ]
        if not all(isinstance(one, dict) for one in found):
            raise UserError(f"Artifact {digest} gives no probabilities.", remedy="Name one of the task classify.")
        return found

    def open(self) -> list[str]:
        """Return the digests of the open artifacts, the one asked last at the end."""
        with self._list:
            return list(self._opened)

    def close(self) -> None:
        """Close all that answer nothing; the others close when they have answered."""
        with self._list:
            digests = list(self._opened)
            idle = [one for digest in digests if (one := self._let_go(digest))]
        for one in idle:
            one.close()
        self._askers.shutdown(wait=False)

    @contextmanager
    def _using(self, digest: str) -> Iterator[Batcher]:
        opened = self._enter(digest)
        if opened is None:
            with self._door:
                opened = self._enter(digest) or self._open(digest)
        try:
            yield opened.batcher
        finally:
            with self._list:
                opened.users -= 1
                last = opened.leaving and opened.users == 0
            if last:
                opened.close()

    def _enter(self, digest: str) -> Opened | None:
        with self._list:
            opened = self._opened.get(digest)
            if opened is not None:
                opened.users += 1
                self._opened.move_to_end(digest)
            return opened

    def _open(self, digest: str) -> Opened:
        folder = folder_of(self._store, digest)
        if not (folder / MANIFEST).is_file():
            raise NotFound(
                f"There is no artifact {digest} here.", remedy="`engram runs list` shows what was published."
            )
        with ExitStack() as files:
            plain = files.enter_context(opened_folder(folder, self._keys))
            check(plain, digest)
            predict = self._open_artifact(plain)
            batcher = Batcher(
                lambda asked: predict([one for one, _ in asked], [options for _, options in asked]), self._batch
            )
            opened = Opened(batcher.__enter__(), files.pop_all(), users=1)
        with self._list:
            self._opened[digest] = opened
            surplus = list(self._opened)[: max(0, len(self._opened) - self._most)]
            idle = [one for old in surplus if (one := self._let_go(old))]
        for one in idle:
            one.close()
        return opened

    def _let_go(self, digest: str) -> Opened | None:
        """Take one off the list; return it when nobody uses it, so that it can be closed outside the lock."""
        opened = self._opened.pop(digest)
        opened.leaving = True
        return opened if opened.users == 0 else None


def check(folder: Path, digest: str) -> None:
    """Look at every file of an artifact before any of it is opened.

    Raises Refused when a file is not what the manifest or the digest says.
    """
    content = (folder / MANIFEST).read_bytes()
    bad = [f"{one.name}: {one.detail}" for one in check_payload(folder, content) if not one.ok]
    if not bad and (said := parse_manifest(content).digest) != digest:
        bad = [f"its manifest is that of {said}"]
    if bad:
        raise Refused(f"Artifact {digest} is not what was certified: {' '.join(bad)}", remedy="See: engram verify")
