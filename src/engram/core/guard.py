"""Who may call a core: every method by name and policy, with the home's own secret, with a deadline, and off the
loopback over mutual TLS only."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from engram import files
from engram.errors import UsageError
from engram.rpc import core_pb2
from engram.security.network_addresses import is_loopback
from engram.security.policy import decide
from engram.security.principal import SERVER
from engram.security.tls import MutualCredentials

SERVICE = core_pb2.DESCRIPTOR.services_by_name["Core"]
# Each method is an operation of the policy table, which gives it to the server and to nobody else.
OPERATIONS = {f"/{SERVICE.full_name}/{method.name}": f"core.{method.name.lower()}" for method in SERVICE.methods}
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
        operation = OPERATIONS.get(details.method)
        if operation is None:
            return _refuse(grpc.StatusCode.UNIMPLEMENTED, "There is no such method.")
        if not hmac.compare_digest(given.encode(errors="replace"), self._expected):
            return _refuse(grpc.StatusCode.UNAUTHENTICATED, "The call carries no valid secret of this home.")
        if not decide(SERVER, operation).allowed:
            return _refuse(grpc.StatusCode.PERMISSION_DENIED, f"The policy gives {operation} to nobody.")
        return continuation(details)


def bind(server: grpc.Server, host: str, port: int, credentials: MutualCredentials | None) -> int:
    """Let a core listen, and return its port.

    credentials: its certificate and the CA whose clients it lets in. Raises UsageError off the loopback without them,
    and for an address that is not this machine's to listen at.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if credentials is None:
            if not is_loopback(host):
                raise UsageError(
                    f"A core listens at {host}, off the loopback, with mutual TLS only.",
                    remedy="Start it with `engram up --core-host`, which makes the home's certificates.",
                )
            return int(server.add_insecure_port(place))
        pair = (credentials.own.key, credentials.own.certificate)
        secured = grpc.ssl_server_credentials([pair], credentials.roots, require_client_auth=True)
        return int(server.add_secure_port(place, secured))
    except RuntimeError as error:
        raise UsageError(
            f"A core can't listen at {place}: {error}.", remedy="Name an address of this machine."
        ) from None


def require_deadline(context: grpc.ServicerContext) -> None:
    """Refuse a call without a deadline, or with one further away than ten minutes."""
    left = context.time_remaining()
    if left is None or left > LONGEST_SECONDS:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Give a deadline of at most {LONGEST_SECONDS:.0f} seconds.")


def _refuse(code: grpc.StatusCode, said: str) -> Any:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(code, said)

    return grpc.unary_unary_rpc_method_handler(answer)
