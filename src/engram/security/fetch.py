"""Asking a URL that somebody else chose: HTTPS, public addresses, few redirects, little time, a small answer."""

from __future__ import annotations

import ipaddress
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

import httpcore

from engram.errors import UnsafeAddress
from engram.security.guarded_network import Deadline, GuardedBackend, Resolve, resolve
from engram.security.network_addresses import check_public, is_loopback
from engram.security.tls import client_context

MAX_BYTES = 1 << 20
MAX_SECONDS = 10.0
MAX_REDIRECTS = 3
MAX_URL = 2048
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_URL = re.compile(r"[!-~]+")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Fetcher:
    """How far to go for an answer.

    allow_loopback: also ask this machine, and then http as well; for tests and for a provider beside the server.
    seconds: for everything together, redirects too. clock: seconds, monotonic.
    """

    allow_loopback: bool = False
    max_bytes: int = MAX_BYTES
    seconds: float = MAX_SECONDS
    max_redirects: int = MAX_REDIRECTS
    clock: Callable[[], float] = time.monotonic
    resolver: Resolve = resolve
    backend: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)
    tls: Callable[[], ssl.SSLContext] = client_context


@dataclass(frozen=True)
class Fetched:
    """An answer: the URL that gave it, its status, its headers in lower case, its body."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def get(fetcher: Fetcher, url: str) -> Fetched:
    """Ask a URL, following a few redirects, each checked like the first.

    Raises UnsafeAddress for a URL or an address that is not to be asked, and for an answer that is too large, too slow,
    compressed, or none.
    """
    deadline = Deadline(fetcher.seconds, fetcher.clock)
    for _ in range(fetcher.max_redirects + 1):
        answer = _ask(fetcher, deadline, "GET", url, {}, b"")
        if answer.status not in REDIRECTS:
            return answer
        if "location" not in answer.headers:
            raise UnsafeAddress(f"{_shown(url)} redirects to nowhere.")
        url = urljoin(url, answer.headers["location"])
    raise UnsafeAddress(f"{_shown(url)} redirects more than {fetcher.max_redirects} times.")


def post_form(fetcher: Fetcher, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
    """Send a form; a redirect is an answer here, never followed, because the form holds secrets.

    Raises UnsafeAddress as `get` does.
    """
    deadline = Deadline(fetcher.seconds, fetcher.clock)
    given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return _ask(fetcher, deadline, "POST", url, given, urlencode(fields).encode())


def check_url(url: str, *, allow_loopback: bool) -> SplitResult:
    """Return the parts of a URL that may be asked: https, a plain host, no user, no tricks of spelling.

    http is allowed for loopback only, and only where the setting says so. Raises UnsafeAddress otherwise.

    >>> check_url("https://example.org/x?y=1", allow_loopback=False).hostname
    'example.org'
    >>> check_url("https://0177.0.0.1/", allow_loopback=False)
    Traceback (most recent call last):
    engram.errors.UnsafeAddress: The URL 'https://0177.0.0.1/' is not asked: its host is a number in disguise.
    """
    why = ""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise UnsafeAddress(f"The URL {_shown(url)} is not asked: it is none.") from None
    if not _URL.fullmatch(url) or "\\" in url or len(url) > MAX_URL:
        why = "it has characters that belong in none, or is too long"
    elif parts.username is not None or parts.password is not None or "@" in parts.netloc:
        why = "it has a user in it"
    elif not host or host.endswith(".") or "%" in parts.netloc or port == 0:
        why = "its host is not plain"
    elif _is_number(host) and not _is_address(host):
        why = "its host is a number in disguise"
    elif parts.scheme != "https" and not (parts.scheme == "http" and allow_loopback and is_loopback(host)):
        why = "it is not https"
    if why:
        raise UnsafeAddress(f"The URL {_shown(url)} is not asked: {why}.")
    if _is_address(host):
        check_public(host, allow_loopback=allow_loopback)
    return parts


def _ask(
    fetcher: Fetcher, deadline: Deadline, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> Fetched:
    parts = check_url(url, allow_loopback=fetcher.allow_loopback)
    backend = GuardedBackend(deadline, fetcher.resolver, fetcher.backend, allow_loopback=fetcher.allow_loopback)
    context = fetcher.tls() if parts.scheme == "https" else None
    given = {
        "Host": parts.netloc,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "engram",
        "Connection": "close",
        **headers,
    }
    if body:
        given["Content-Length"] = str(len(body))
    timeout = {name: deadline.left() for name in ("connect", "read", "write", "pool")}
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=backend, max_connections=1) as pool,
            pool.stream(
                method, url, headers=list(given.items()), content=body or None, extensions={"timeout": timeout}
            ) as answer,
        ):
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            if found.get("content-encoding", "identity") != "identity":
                raise UnsafeAddress(f"{_shown(url)} answers compressed, though it was asked not to.")
            return Fetched(url, answer.status, found, _read(fetcher, deadline, answer, url))
    except UnsafeAddress:
        raise
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise UnsafeAddress(f"{_shown(url)} gives no answer: {type(error).__name__}: {error}.") from error


def _read(fetcher: Fetcher, deadline: Deadline, answer: httpcore.Response, url: str) -> bytes:
    body = bytearray()
    for piece in answer.iter_stream():
        deadline.left()
        body += piece
        if len(body) > fetcher.max_bytes:
            raise UnsafeAddress(f"{_shown(url)} answers with more than {fetcher.max_bytes} bytes.")
    return bytes(body)


def _is_number(host: str) -> bool:
    """Tell whether a resolver may take a host for a number: its last label is one, in any base."""
    return _NUMBER.fullmatch(host.rsplit(".", 1)[-1]) is not None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _shown(url: str) -> str:
    """Return a URL for a message: cut, without its user and query, in which secrets travel."""
    return repr(re.sub(r"//[^/@]*@", "//", url[:200].split("?")[0].split("#")[0]))
