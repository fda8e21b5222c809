"""TLS from 1.2 on, with keys that only their owner reads; gRPC's two sides know each other by the home's own CA."""

from __future__ import annotations

import ssl
import stat
import time
from concurrent import futures
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from support.security_stores import Clock

from engram.errors import UsageError, VerificationFailed
from engram.security.certificates import (
    CLIENT,
    LEAF_DAYS,
    SERVER,
    Pair,
    days_left,
    issue,
    make_ca,
    make_self_signed,
    names_of,
)
from engram.security.tls import (
    CORE_NAME,
    RENEW_DAYS,
    CertificateFiles,
    MutualCredentials,
    caller_credentials,
    client_context,
    core_credentials,
    load_or_create_certificate,
    server_context,
)

DAY = 24 * 3600


@pytest.fixture
def clock() -> Clock:
    """A clock at this machine's day, because OpenSSL asks no other."""
    return Clock(float(int(time.time())))


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> str:
    """Do a whole handshake in memory; return the version that was agreed on, after a byte went each way."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    waiting = [theirs, ours]
    for _ in range(20):
        for side in [*waiting]:
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            break
    assert not waiting, "the handshake never ended"
    theirs.write(b"?")
    assert ours.read(1) == b"?"  # with TLS 1.3 a refused client certificate shows itself only here
    return str(ours.version())


def files_of(folder: Path, pair: Pair) -> CertificateFiles:
    folder.mkdir(parents=True, exist_ok=True)
    files = CertificateFiles(folder / "x.crt", folder / "x.key")
    files.certificate.write_bytes(pair.certificate)
    files.key.write_bytes(pair.key)
    files.key.chmod(0o600)
    return files


# The server's certificate


def test_the_first_start_makes_a_certificate_for_this_machine(tmp_path: Path, clock: Clock):
    files = load_or_create_certificate(tmp_path / "tls", clock)
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    public = found.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    again = load_or_create_certificate(tmp_path / "tls", clock)
    assert x509.load_pem_x509_certificate(again.certificate.read_bytes()) == found
    trusting = client_context(files.certificate)
    for name in ("localhost", "127.0.0.1", "::1"):
        assert shake(server_context(files, clock), trusting, name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server_context(files, clock), trusting, "example.org")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server_context(files, clock), client_context())


def test_it_is_renewed_in_time_and_when_its_halves_do_not_fit(tmp_path: Path, clock: Clock):
    files = load_or_create_certificate(tmp_path / "tls", clock)
    first = files.certificate.read_bytes()
    clock.pass_((LEAF_DAYS - RENEW_DAYS - 1) * DAY)
    load_or_create_certificate(tmp_path / "tls", clock)
    assert files.certificate.read_bytes() == first
    clock.pass_(2 * DAY)
    load_or_create_certificate(tmp_path / "tls", clock)
    second = files.certificate.read_bytes()
    assert second != first and days_left(second, clock) > LEAF_DAYS - 1
    files.key.write_bytes(make_self_signed(["localhost"], clock).key)
    load_or_create_certificate(tmp_path / "tls", clock)
    assert files.certificate.read_bytes() != second
    server_context(files, clock)


def test_a_new_name_gets_a_new_certificate(tmp_path: Path, clock: Clock):
    files = load_or_create_certificate(tmp_path / "tls", clock)
    wider = load_or_create_certificate(tmp_path / "tls", clock, ["localhost", "Engram.example.org", "192.0.2.7"])
    assert names_of(files.certificate.read_bytes()) == {"localhost", "engram.example.org", "192.0.2.7"}
    content = wider.certificate.read_bytes()
    load_or_create_certificate(tmp_path / "tls", clock, ["localhost"])
    assert files.certificate.read_bytes() == content


def test_tls_1_2_is_spoken_and_nothing_older(tmp_path: Path, clock: Clock):
    files = load_or_create_certificate(tmp_path / "tls", clock)
    server = server_context(files, clock)
    client = client_context(files.certificate)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake(server, client) == "TLSv1.2"
    with pytest.warns(DeprecationWarning):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.load_verify_locations(files.certificate)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol|version|internal error"):
        shake(server, old)
    with pytest.warns(DeprecationWarning):
        lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        lax.minimum_version = ssl.TLSVersion.TLSv1
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.load_cert_chain(files.certificate, files.key)
    assert shake(lax, old) in ("TLSv1", "TLSv1.1"), "an old client would have got in at a lax server"


def test_no_weak_cipher_is_offered(tmp_path: Path, clock: Clock):
    context = server_context(load_or_create_certificate(tmp_path / "tls", clock), clock)
    found = context.get_ciphers()
    assert found and all(each["aead"] for each in found)
    assert all(each["protocol"] == "TLSv1.3" or each["name"].startswith("ECDHE") for each in found)
    assert context.options & ssl.OP_NO_COMPRESSION and context.options & ssl.OP_NO_RENEGOTIATION


def test_a_certificate_of_one_s_own_that_can_not_serve_is_an_error_in_words(tmp_path: Path, clock: Clock):
    good = make_self_signed(["engram.example.org"], clock)
    server_context(files_of(tmp_path / "good", good), clock)
    other = make_self_signed(["engram.example.org"], clock)
    with pytest.raises(UsageError, match="can't be used together"):
        server_context(files_of(tmp_path / "mixed", Pair(good.certificate, other.key)), clock)
    with pytest.raises(UsageError, match="is no certificate"):
        server_context(files_of(tmp_path / "none", Pair(b"hello", good.key)), clock)
    with pytest.raises(UsageError, match="can't be used"):
        server_context(CertificateFiles(tmp_path / "x.crt", tmp_path / "x.key"), clock)
    open_key = files_of(tmp_path / "open", good)
    open_key.key.chmod(0o644)
    with pytest.raises(UsageError, match="others can read"):
        server_context(open_key, clock)
    clock.pass_((LEAF_DAYS + 1) * DAY)
    with pytest.raises(UsageError, match="not valid today"):
        server_context(files_of(tmp_path / "good", good), clock)


@pytest.mark.parametrize("name", ["", "*.example.org", "a b", "https://x", "exämple.org", "x/y"])
def test_a_name_that_is_none_gets_no_certificate(name: str, clock: Clock):
    with pytest.raises(UsageError, match="no host name"):
        make_self_signed([name], clock)


def test_a_damaged_file_of_ours_is_named(tmp_path: Path, clock: Clock):
    files = load_or_create_certificate(tmp_path / "tls", clock)
    files.certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(VerificationFailed, match=r"server\.crt"):
        load_or_create_certificate(tmp_path / "tls", clock)


# Mutual TLS


def context_of(credentials: MutualCredentials, folder: Path, *, server: bool) -> ssl.SSLContext:
    """Return the context that gRPC makes of credentials: both sides must show a certificate."""
    files = files_of(folder, credentials.own)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=credentials.roots.decode())
    context.load_cert_chain(files.certificate, files.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def home(tmp_path: Path, clock: Clock) -> tuple[MutualCredentials, MutualCredentials]:
    keys, tls = tmp_path / "keys", tmp_path / "tls"
    return core_credentials(keys, tls, clock), caller_credentials(keys, tls, clock)


def test_core_and_server_of_one_home_trust_each_other(tmp_path: Path, home: tuple, clock: Clock):
    core, caller = home
    ours = context_of(core, tmp_path / "a", server=True)
    assert shake(ours, context_of(caller, tmp_path / "b", server=False), CORE_NAME) == "TLSv1.3"
    assert home == (
        core_credentials(tmp_path / "keys", tmp_path / "tls", clock),
        caller_credentials(tmp_path / "keys", tmp_path / "tls", clock),
    )
    assert stat.S_IMODE((tmp_path / "keys" / "ca.key").stat().st_mode) == 0o600
    for path in (tmp_path / "tls").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert core.own.key.decode() not in repr(core)


def test_nobody_without_the_home_s_certificate_calls_core(tmp_path: Path, home: tuple, clock: Clock):
    core, _ = home
    ours = context_of(core, tmp_path / "a", server=True)
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.load_verify_locations(cadata=core.roots.decode())
    with pytest.raises(ssl.SSLError):
        shake(ours, bare, CORE_NAME)
    stranger = caller_credentials(tmp_path / "x" / "keys", tmp_path / "x" / "tls", clock)
    foreign = MutualCredentials(core.roots, stranger.own)
    with pytest.raises(ssl.SSLError):
        shake(ours, context_of(foreign, tmp_path / "c", server=False), CORE_NAME)
    itself = MutualCredentials(core.roots, make_self_signed([CORE_NAME], clock))
    with pytest.raises(ssl.SSLError):
        shake(ours, context_of(itself, tmp_path / "d", server=False), CORE_NAME)


def test_a_certificate_is_good_for_its_own_side_only(tmp_path: Path, home: tuple):
    core, caller = home
    ours = context_of(core, tmp_path / "a", server=True)
    with pytest.raises(ssl.SSLError):
        shake(ours, context_of(MutualCredentials(core.roots, core.own), tmp_path / "b", server=False), CORE_NAME)
    pretender = context_of(MutualCredentials(core.roots, caller.own), tmp_path / "c", server=True)
    with pytest.raises(ssl.SSLError):
        shake(pretender, context_of(caller, tmp_path / "d", server=False), CORE_NAME)


def test_a_leaf_can_not_issue_another(tmp_path: Path, clock: Clock):
    ca = make_ca("Engram home", clock)
    leaf = issue(ca, "core", [CORE_NAME], SERVER, clock)
    forged = issue(leaf, "caller", ["x.internal"], CLIENT, clock)
    chained = Pair(forged.certificate + leaf.certificate, forged.key)
    core = MutualCredentials(ca.certificate, leaf)
    ours = context_of(core, tmp_path / "a", server=True)
    good = MutualCredentials(ca.certificate, issue(ca, "caller", ["x.internal"], CLIENT, clock))
    shake(ours, context_of(good, tmp_path / "b", server=False), CORE_NAME)
    with pytest.raises(ssl.SSLError):
        shake(ours, context_of(MutualCredentials(ca.certificate, chained), tmp_path / "c", server=False), CORE_NAME)


def test_leaves_follow_a_ca_that_was_made_anew(tmp_path: Path, home: tuple, clock: Clock):
    (tmp_path / "keys" / "ca.key").unlink()
    keys, tls = tmp_path / "keys", tmp_path / "tls"
    core, caller = core_credentials(keys, tls, clock), caller_credentials(keys, tls, clock)
    assert core.roots != home[0].roots and core.own != home[0].own
    shake(context_of(core, tmp_path / "a", server=True), context_of(caller, tmp_path / "b", server=False), CORE_NAME)


def test_grpc_itself_takes_these_credentials(home: tuple):
    """The real library, over loopback: whoever shows the home's certificate is served, whoever shows none is not."""
    grpc = pytest.importorskip("grpc", reason="the server extra is not installed")
    core, caller = home
    echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("engram.Core", {"Health": echo}),))
    pair = (core.own.key, core.own.certificate)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], core.roots, True))
    server.start()
    options = [("grpc.ssl_target_name_override", CORE_NAME)]

    def call(credentials: object) -> bytes:
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
            return bytes(channel.unary_unary("/engram.Core/Health")(b"ping", timeout=30))

    try:
        good = grpc.ssl_channel_credentials(caller.roots, caller.own.key, caller.own.certificate)
        assert call(good) == b"ping"
        for bad in (
            grpc.ssl_channel_credentials(caller.roots),
            grpc.ssl_channel_credentials(caller.roots, core.own.key, core.own.certificate),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(bad)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    finally:
        server.stop(None).wait(30)
