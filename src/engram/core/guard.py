"""Who may call a core: every method by name, with the home's own secret, and with a deadline."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from engram import files
from engram.rpc import core_pb2

SERVICE = core_pb2.DESCRIPTOR.services_by_name["Core"]
METHODS = frozenset(f"/{SERVICE.full_name}/{method.name}" for method in SERVICE.methods)
LONGEST_SECONDS = 600.0


def shared_secret(home: Path) -> str:
    """Return what server and core of a home know and nobody else, made at first use; the file is the owner's alone."""
    path = home / "keys" / "core.secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, secrets.token_urlsafe(32).encode(), mode=0o600)
    return path.read_text().strip()


class Guard(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses calls that are not of the table, carry no secret, or would wait for ever."""

    def __init__(self, secret: str) -> None:
        self._expected = f"Bearer {secret}".encode()

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """Let a call pass, or answer it with why not."""
        given = dict(details.invocation_metadata or ()).get("authorization", "")
        if details.method not in METHODS:
            return _refuse(grpc.StatusCode.UNIMPLEMENTED, "There is no such method.")
        if not hmac.compare_digest(given.encode(errors="replace"), self._expected):
            return _refuse(grpc.StatusCode.UNAUTHENTICATED, "The call carries no valid secret of this home.")
        return continuation(details)


def require_deadline(context: grpc.ServicerContext) -> None:
    """Refuse a call without a deadline, or with one further away than ten minutes."""
    left = context.time_remaining()
    if left is None or left > LONGEST_SECONDS:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Give a deadline of at most {LONGEST_SECONDS:.0f} seconds.")


def _refuse(code: grpc.StatusCode, said: str) -> Any:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(code, said)

    return grpc.unary_unary_rpc_method_handler(answer)
