"""X.509 certificates that the home makes itself: EC P-256, for its own names, with the right key usage (RFC 5280)."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engram.errors import UsageError

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LEAF_DAYS, CA_DAYS = 397, 3650
# A clock that is a little behind must not find a certificate that is not yet valid.
BACKDATED = datetime.timedelta(hours=1)

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def make_self_signed(names: Iterable[str], clock: Callable[[], float]) -> Pair:
    """Make a server's certificate that vouches for itself; browsers ask once, clients are given it as their root.

    Raises UsageError for a name that is neither a host's nor an address.

    >>> sorted(names_of(make_self_signed(["localhost", "::1"], lambda: 1.8e9).certificate))
    ['::1', 'localhost']
    """
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder("Engram", key.public_key(), clock, LEAF_DAYS)
    made = _for_use(made, _names(names), SERVER).issuer_name(_name("Engram"))
    return _pair(made.sign(key, SHA256()), key)


def make_ca(name: str, clock: Callable[[], float]) -> Pair:
    """Make a certificate authority that signs leaves and no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder(name, key.public_key(), clock, CA_DAYS).issuer_name(_name(name))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = made.add_extension(_usage(sign=False, ca=True), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return _pair(made.sign(key, SHA256()), key)


def issue(ca: Pair, name: str, names: Iterable[str], use: x509.ObjectIdentifier, clock: Callable[[], float]) -> Pair:
    """Issue a leaf of a CA for one use only, `SERVER` or `CLIENT`."""
    authority = x509.load_pem_x509_certificate(ca.certificate)
    signer, key = load_key(ca.key), ec.generate_private_key(ec.SECP256R1())
    made = _builder(name, key.public_key(), clock, LEAF_DAYS).issuer_name(authority.subject)
    made = _for_use(made, _names(names), use)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    return _pair(made.sign(signer, SHA256()), key)


def days_left(certificate: bytes, clock: Callable[[], float]) -> float:
    """Return for how many days a certificate (PEM) is still valid; negative when it has expired or is not yet valid.

    >>> round(days_left(make_self_signed(["localhost"], lambda: 1.8e9).certificate, lambda: 1.8e9))
    397
    """
    found = x509.load_pem_x509_certificate(certificate)
    now = datetime.datetime.fromtimestamp(clock(), datetime.UTC)
    if now < found.not_valid_before_utc:
        return -1.0
    return (found.not_valid_after_utc - now) / datetime.timedelta(days=1)


def names_of(certificate: bytes) -> frozenset[str]:
    """Return the host names and addresses that a certificate (PEM) is for; empty for a CA."""
    found = x509.load_pem_x509_certificate(certificate)
    try:
        said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = (str(each) for each in said.get_values_for_type(x509.IPAddress))
    return frozenset([*said.get_values_for_type(x509.DNSName), *addresses])


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a private key of ours.

    Raises ValueError when it is no EC key.
    """
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an EC key")
    return key


def _builder(
    name: str, public: ec.EllipticCurvePublicKey, clock: Callable[[], float], days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.fromtimestamp(clock(), datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _for_use(
    builder: x509.CertificateBuilder, names: list[x509.GeneralName], use: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    made = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(_usage(sign=True, ca=False), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return made.add_extension(x509.SubjectAlternativeName(names), critical=False)


def _usage(*, sign: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
            continue
        except ValueError:
            pass
        if not name.isascii() or not name or any(char.isspace() or char in "*/:@" for char in name):
            raise UsageError(f"{name!r} is no host name for a certificate.", remedy="For example: engram.example.org")
        found.append(x509.DNSName(name.lower()))
    return found


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
