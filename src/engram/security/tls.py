"""TLS: the server's certificate, its own or one made at the first start, and mutual TLS for gRPC. At least 1.2."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from engram.errors import NotFound, UsageError, VerificationFailed
from engram.files import OWNER_ONLY, read_private, write_atomic, write_private
from engram.security.certificates import (
    CLIENT,
    LOCAL_NAMES,
    SERVER,
    Pair,
    days_left,
    issue,
    load_key,
    make_ca,
    make_self_signed,
    names_of,
)

RENEW_DAYS = 30
# TLS 1.2 with forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!SHA1"
# The names inside the home's own CA; core is asked for by the first, whatever address it listens on.
CORE_NAME, SERVER_NAME = "core.engram.internal", "server.engram.internal"


@dataclass(frozen=True)
class CertificateFiles:
    """Where a server's certificate (with its chain) and private key lie."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class MutualCredentials:
    """What one side of a mutual TLS connection needs, PEM: who it trusts, and who it is."""

    roots: bytes
    own: Pair


def load_or_create_certificate(
    tls_folder: Path, clock: Callable[[], float], names: Iterable[str] = LOCAL_NAMES
) -> CertificateFiles:
    """Return the certificate that the home made for itself: at the first start, in time, and when it gets new names."""
    files, wanted = CertificateFiles(tls_folder / "server.crt", tls_folder / "server.key"), [*names]
    _load_or_make(files, clock, wanted, lambda: make_self_signed(wanted, clock))
    return files


def server_context(files: CertificateFiles, clock: Callable[[], float]) -> ssl.SSLContext:
    """Return the context of a server: TLS 1.2 or 1.3, strong ciphers, no renegotiation, no compression.

    Raises UsageError, in words, for files that are missing, don't belong together or can't be read, for a certificate
    that has expired, and for a private key that others can read.
    """
    try:
        read_private(files.key)
        left = days_left(files.certificate.read_bytes(), clock)
    except (FileNotFoundError, NotFound, VerificationFailed) as error:
        raise UsageError(f"The certificate can't be used: {error}", remedy="Name your own, or none.") from error
    except ValueError as error:
        raise UsageError(f"{files.certificate} is no certificate (PEM).", remedy="Name a PEM file.") from error
    if left <= 0:
        raise UsageError(f"The certificate {files.certificate} is not valid today.", remedy="Renew it, or name none.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"{files.certificate} and {files.key} can't be used together: {error}.",
            remedy="Give the certificate with its chain, and the private key that belongs to it, without a passphrase.",
        ) from error
    return context


def client_context(roots: Path | None = None) -> ssl.SSLContext:
    """Return the context of a client, which checks name and chain; `roots` replaces the system's roots."""
    context = ssl.create_default_context(cafile=roots)
    _harden(context)
    return context


def core_credentials(
    keys_folder: Path, tls_folder: Path, clock: Callable[[], float], names: Iterable[str] = ()
) -> MutualCredentials:
    """Return what core needs to be called: its certificate for serving, and the home's CA, whose clients it trusts.

    The server calls this before it starts core, so that only one process ever makes the CA.
    """
    return _mutual(keys_folder, tls_folder, clock, "core", [CORE_NAME, *LOCAL_NAMES, *names])


def caller_credentials(keys_folder: Path, tls_folder: Path, clock: Callable[[], float]) -> MutualCredentials:
    """Return what the server needs to call core: a certificate for calling only."""
    return _mutual(keys_folder, tls_folder, clock, "caller", [SERVER_NAME])


def _mutual(
    keys_folder: Path, tls_folder: Path, clock: Callable[[], float], role: str, names: list[str]
) -> MutualCredentials:
    ca_files = CertificateFiles(tls_folder / "ca.crt", keys_folder / "ca.key")
    ca = _load_or_make(ca_files, clock, [], lambda: make_ca("Engram home", clock))
    own_files = CertificateFiles(tls_folder / f"{role}.crt", tls_folder / f"{role}.key")
    use = SERVER if role == "core" else CLIENT
    own = _load_or_make(own_files, clock, names, lambda: issue(ca, names[0], names, use, clock), root=ca.certificate)
    return MutualCredentials(ca.certificate, own)


def _load_or_make(
    files: CertificateFiles,
    clock: Callable[[], float],
    names: list[str],
    make: Callable[[], Pair],
    *,
    root: bytes | None = None,
) -> Pair:
    """Load a pair that the home made, or make it: at first, when it ends soon, lacks a name, or its CA is new."""
    if files.key.exists() and files.certificate.exists():
        found = Pair(files.certificate.read_bytes(), read_private(files.key))
        try:
            fits = names_of(found.certificate) >= {name.lower() for name in names} and _belongs(found, root)
            if fits and days_left(found.certificate, clock) > RENEW_DAYS:
                return found
        except ValueError as error:
            raise VerificationFailed(
                f"{files.certificate} or {files.key} is damaged: {error}.",
                remedy="Remove both; they are made again at the next start.",
            ) from error
    made = make()
    # The key first: a crash in between leaves a pair that doesn't belong together, and is made anew.
    write_private(files.key, made.key)
    write_atomic(files.certificate, made.certificate, mode=OWNER_ONLY)
    return made


def _belongs(pair: Pair, root: bytes | None) -> bool:
    certificate = x509.load_pem_x509_certificate(pair.certificate)
    if certificate.public_key() != load_key(pair.key).public_key():
        return False
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(root) if root else certificate)
    except (InvalidSignature, ValueError):
        return False
    return True


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
