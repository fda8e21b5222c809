"""The server's side of its talk with a core: where it listens, the home's secret, deadlines, errors by name.

Off the loopback it speaks mutual TLS whatever the note of the core says, so nothing there can talk it into plaintext.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from engram import errors
from engram.errors import EngramError
from engram.rpc import core_pb2, core_pb2_grpc
from engram.schema.options import NO_OPTIONS, Options
from engram.security.network_addresses import is_loopback
from engram.security.tls import CORE_NAME, caller_credentials

CALL_SECONDS, PREDICT_SECONDS = 10.0, 120.0
# The most that a core sends in one message: the same as it takes, or an answer that is a file would not come through.
SIZES = [("grpc.max_receive_message_length", 8 * 2**20)]

# What a core answers, as the errors that people know.
NAMES = {
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: errors.UsageError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.NoSlot,
    grpc.StatusCode.UNAVAILABLE: errors.ServerAway,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.ServerAway,
}


class CoreLink:
    """Calls the core of a home; a new core, on another port, is found by itself."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._address = ""
        self._channel: grpc.Channel | None = None
        self._asked: Any = None
        self._opening, self._said = threading.Lock(), ""
        self._note, self._secret = _Note(home / "core.json"), _Note(home / "keys" / "core.secret")

    def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            self._channel.close()

    def present(self) -> str:
        """Return what tells the present core from those before it; empty when there is none."""
        return self._note.read() or ""

    def launch(self, **order: Any) -> Any:
        """Start an attempt; raises NoSlot when the machine is busy."""
        with _told():
            return self._stub().Launch(core_pb2.LaunchRequest(**order), **self._call(CALL_SECONDS))

    def status(self, run: str = "") -> Any:
        """Return the living attempts and the slots."""
        with _told():
            return self._stub().Status(core_pb2.StatusRequest(run=run), **self._call(CALL_SECONDS))

    def kill(self, run: str, attempt: int) -> bool:
        """End an attempt at once; False when it lived no more."""
        with _told():
            asked = core_pb2.KillRequest(run=run, attempt=attempt)
            return bool(self._stub().Kill(asked, **self._call(CALL_SECONDS)).killed)

    def predict(
        self,
        artifact: str,
        inputs: Sequence[str],
        options: Options = NO_OPTIONS,
    ) -> Iterator[str]:
        """Yield the answers to JSON documents as JSON documents."""
        for one in self._predict(artifact, inputs, options, pieces=False):
            yield one.answer

    def write(self, artifact: str, asked: str, options: Options = NO_OPTIONS) -> Iterator[tuple[str, str]]:
        """Answer one JSON document: yield ``(piece, "")`` while text is written, and ``("", answer)`` at the end.

        A reader that goes away ends the call, and with it the writing.
        """
        for one in self._predict(artifact, [asked], options, pieces=True):
            yield one.piece, one.answer

    def _predict(self, artifact: str, inputs: Sequence[str], options: Options, *, pieces: bool) -> Iterator[Any]:
        asked = core_pb2.PredictRequest(
            artifact=artifact,
            inputs=inputs,
            max_input_tokens=options.max_input_tokens,
            max_new_tokens=options.max_new_tokens,
            stop=options.stop,
            pieces=pieces,
        )
        with _told():
            answers = self._stub().Predict(asked, **self._call(PREDICT_SECONDS))
            try:
                yield from answers
            finally:
                answers.cancel()

    def classify(self, artifact: str, texts: Sequence[str]) -> list[dict[str, float]]:
        """Return the probability of each label, for each text."""
        with _told():
            asked = core_pb2.ClassifyRequest(artifact=artifact, texts=texts)
            said = self._stub().Classify(asked, **self._call(PREDICT_SECONDS))
            return [dict(one.probabilities) for one in said.scores]

    def health(self) -> Any:
        """Return the core's version and open models."""
        with _told():
            return self._stub().Health(core_pb2.HealthRequest(), **self._call(CALL_SECONDS))

    def _stub(self) -> Any:
        note = self._note.read()
        if note is None:
            raise errors.ServerAway("There is no core in this home.", remedy="`engram up` starts server and core.")
        with self._opening:
            if note != self._said:
                said = json.loads(note)
                address = str(said["address"])
                if self._channel is None or address != self._address:
                    self.close()
                    self._channel, self._address = self._open(address, secured=bool(said.get("tls"))), address
                    self._asked = core_pb2_grpc.CoreStub(self._channel)  # type: ignore[no-untyped-call]
                self._said = note
            return self._asked

    def _open(self, address: str, *, secured: bool) -> grpc.Channel:
        if is_loopback(address.rpartition(":")[0].strip("[]")) and not secured:
            return grpc.insecure_channel(address, SIZES)
        own = caller_credentials(self._home / "keys", self._home / "tls", time.time)
        credentials = grpc.ssl_channel_credentials(own.roots, own.own.key, own.own.certificate)
        return grpc.secure_channel(address, credentials, [("grpc.ssl_target_name_override", CORE_NAME), *SIZES])

    def _call(self, seconds: float) -> dict[str, Any]:
        secret = self._secret.read()
        if secret is None:
            raise errors.ServerAway(
                "The core has no secret in this home.", remedy="`engram up` starts server and core."
            )
        return {"timeout": seconds, "metadata": (("authorization", f"Bearer {secret.strip()}"),)}


class _Note:
    """A small file that another process replaces now and then: looked at each time, read when it is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: tuple[tuple[int, int, int], str] | None = None

    def read(self) -> str | None:
        """Return what it says now, None when it is not there."""
        try:
            seen = self._path.stat()
            present, found = (seen.st_ino, seen.st_mtime_ns, seen.st_size), self._found
            if found is None or found[0] != present:
                self._found = found = present, self._path.read_text()
        except FileNotFoundError:
            self._found = None
            return None
        return found[1]


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        cls: type[EngramError] = NAMES.get(error.code(), errors.PlatformError)
        raise cls(str(error.details() or error.code().name)) from None
