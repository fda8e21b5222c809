"""Whom a client believes when a server shows its certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from engram.errors import UsageError
from engram.settings import Settings


def trusted_file(home: Path) -> Path:
    """Return the file in which a server leaves its certificate for the attempts and commands of its home."""
    return home / "tls" / "trusted.crt"


def trust(settings: Settings) -> ssl.SSLContext:
    """Return the context of a client, from TLS 1.2 on, which checks chain and name.

    ENGRAM_CA names the only certificates that are believed; without it those of the system are, and the one of this
    home's server.

    Raises UsageError when the file of ENGRAM_CA is missing or holds no certificate.
    """
    context = ssl.create_default_context(cafile=None) if settings.ca is None else _context_of(settings.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    own = trusted_file(settings.home)
    if settings.ca is None and own.is_file():
        context.load_verify_locations(own)
    # A server's own certificate may be named, not only that of an authority.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _context_of(path: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"ENGRAM_CA names {path}, which holds no certificate that can be read: {error}.",
            remedy="Name a PEM file: the server's tls/trusted.crt, or its authority's certificate.",
        ) from error
