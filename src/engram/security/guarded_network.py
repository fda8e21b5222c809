"""A network backend for `httpcore` that connects to public addresses only, and stops when the time is up.

Names are resolved here, every address is checked, and the connection goes to a checked address, not to the name; then
the address of the connected peer is checked again, before a byte is sent. So no answer of a name server that changes
between check and use (rebinding) leads elsewhere. Every read and write is given the time that is left in all.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from engram.errors import UnsafeAddress
from engram.security.network_addresses import check_public

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once.

    Raises UnsafeAddress when there are none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnsafeAddress(f"The host {host!r} has no address: {error}.") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Deadline:
    """When the whole request must be over; clock: seconds, monotonic."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._ends, self._clock, self._seconds = clock() + seconds, clock, seconds

    def left(self, timeout: float | None = None) -> float:
        """Return how many seconds a step may take.

        Raises UnsafeAddress when the time is up.
        """
        left = self._ends - self._clock()
        if left <= 0:
            raise UnsafeAddress(f"The answer took longer than {self._seconds:g} s.")
        return left if timeout is None else min(timeout, left)


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only."""

    def __init__(
        self, deadline: Deadline, resolver: Resolve, inner: httpcore.NetworkBackend, *, allow_loopback: bool
    ) -> None:
        self._deadline, self._resolve, self._inner, self._loopback = deadline, resolver, inner, allow_loopback

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host; all of them must be public.

        Raises UnsafeAddress when one is not, or the peer is another than was connected to.
        """
        addresses = [check_public(said, allow_loopback=self._loopback) for said in self._resolve(host, port)]
        if not addresses:
            raise UnsafeAddress(f"The host {host!r} has no address.")
        failed: Exception | None = None
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(
                    str(address), port, self._deadline.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            try:
                peer = str(stream.get_extra_info("server_addr")[0])
                if check_public(peer, allow_loopback=self._loopback) != address:
                    raise UnsafeAddress(f"Connected to {peer!r}, but {address} was asked for.")
            except BaseException:
                stream.close()
                raise
            return GuardedStream(stream, self._deadline)
        raise httpcore.ConnectError(str(failed)) from failed

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refuse: a socket file is no public address."""
        raise UnsafeAddress("A socket file is no public address.")


class GuardedStream(httpcore.NetworkStream):
    """A stream whose every step has the time that is left in all."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, in the time that is left."""
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all, in the time that is left."""
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS, in the time that is left."""
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return GuardedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._inner.get_extra_info(info)
