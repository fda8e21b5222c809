"""Where a server listens and under which URL it is called: off the loopback with TLS only."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from engram.client.trust import trusted_file
from engram.errors import UsageError
from engram.files import write_atomic
from engram.security.certificates import LOCAL_NAMES, names_of
from engram.security.network_addresses import is_loopback
from engram.security.tls import CertificateFiles, load_or_create_certificate, server_context
from engram.server.live.protocol import OPTIONS

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a person may ask for, and gets with TLS only


@dataclass(frozen=True)
class Listening:
    """Where to listen. base_url: how attempts and people reach it; context: None where plain HTTP is spoken."""

    host: str
    port: int
    base_url: str
    context: ssl.SSLContext | None = None


def listen_at(
    home: Path,
    host: str,
    port: int,
    clock: Callable[[], float],
    *,
    tls: bool = False,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Listening:
    """Decide how to listen; the certificate is the given one, or one that the home makes for itself.

    What is served is also written to `tls/trusted.crt`, which the home's own attempts and commands trust.

    Raises UsageError for plain HTTP off the loopback, and for a certificate or key that can't serve.
    """
    if not check_door(host, tls=tls, certificate=certificate, key=key):
        return Listening(host, port, f"http://{_in_url(host)}:{port}")
    if certificate is not None and key is not None:
        files = CertificateFiles(certificate, key)
    else:
        files = load_or_create_certificate(home / "tls", clock, [*LOCAL_NAMES, *_own_names(host)])
    context, content = server_context(files, clock), files.certificate.read_bytes()
    name = _called(host, names_of(content))
    if not name:
        raise UsageError(
            f"{files.certificate} names no host under which this server could be called.",
            remedy="Use one that names a host, not only a wildcard.",
        )
    write_atomic(trusted_file(home), content)
    return Listening(host, port, f"https://{_in_url(name)}:{port}", context)


def check_door(host: str, *, tls: bool, certificate: Path | None, key: Path | None) -> bool:
    """Tell whether TLS is to be spoken.

    Raises UsageError for half a pair, and for plain HTTP off the loopback.
    """
    if (certificate is None) != (key is None):
        raise UsageError("A certificate and its key go together.", remedy="Give both --cert and --key, or neither.")
    secured = tls or certificate is not None
    if not secured and not is_loopback(host):
        raise UsageError(f"Without TLS the server listens on the loopback only, not at {host}.", remedy="Add --tls.")
    return secured


def make_config(app: Any, at: Listening) -> uvicorn.Config:
    """Return the settings of the library that listens; TLS, where there is any, is ours alone."""
    context = at.context
    return uvicorn.Config(
        app,
        host=at.host,
        port=at.port,
        log_config=None,  # what the library says goes to our log, too
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_context_factory=None if context is None else lambda config, usual: context,
        **OPTIONS,
    )


def wants_https_kept(host: str) -> bool:
    """Tell whether browsers may be told to speak HTTPS only: not for this machine, where others serve beside us.

    host: the Host header of a request.

    >>> wants_https_kept("engram.example.org:3000"), wants_https_kept("localhost:3000"), wants_https_kept("[::1]:3000")
    (True, False, False)
    """
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return bool(name) and not is_loopback(name.strip("[]"))


def _own_names(host: str) -> list[str]:
    return [socket.gethostname().lower()] if host in EVERYWHERE else [host]


def _called(host: str, names: frozenset[str]) -> str:
    """Return the name under which the home's own attempts call the server, one that its certificate names."""
    local = [host, *LOCAL_NAMES] if is_loopback(host) or host in EVERYWHERE else [host]
    others = sorted(name for name in names if "*" not in name)
    return next((name for name in (*local, *others) if name.lower() in names and name not in EVERYWHERE), "")


def _in_url(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
