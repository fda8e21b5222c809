"""Server and core over gRPC off the loopback: mutual TLS from 1.2 on, whatever anybody's note says."""

from __future__ import annotations

import socket
import ssl
import time

import grpc
import pytest

from engram import files
from engram.core.guard import OPERATIONS, shared_secret
from engram.core.models import Models
from engram.core.service import MOST_MESSAGE_BYTES, serve
from engram.errors import PlatformError, ServerAway, UnknownName, UsageError
from engram.rpc import core_pb2, core_pb2_grpc
from engram.security import operations
from engram.security.certificates import make_self_signed
from engram.security.policy import decide
from engram.security.principal import SERVER, USER_ROLES, Principal
from engram.security.tls import CORE_NAME, caller_credentials, core_credentials
from engram.server.core_link import CoreLink

OPTIONS = [("grpc.ssl_target_name_override", CORE_NAME)]


def refuse_all(folder, options=None):
    raise AssertionError("no model is opened here")


@pytest.fixture
def home(tmp_path):
    """A home with a core that speaks mutual TLS, as one does off the loopback."""
    credentials = core_credentials(tmp_path / "keys", tmp_path / "tls", time.time)
    models = Models(tmp_path / "artifacts", refuse_all)
    server, port = serve(tmp_path, models, credentials=credentials)
    files.write_json(tmp_path / "core.json", {"address": f"127.0.0.1:{port}", "tls": True})
    yield tmp_path
    server.stop(None)
    models.close()


def health(home, channel, token=True):
    metadata = (("authorization", f"Bearer {shared_secret(home)}"),) if token else ()
    return core_pb2_grpc.CoreStub(channel).Health(core_pb2.HealthRequest(), metadata=metadata, timeout=10)


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


def address_of(home):
    return files.read_json(home / "core.json")["address"]


def test_the_server_of_the_home_is_answered(home):
    link = CoreLink(home)
    assert link.health().version
    link.close()


@pytest.mark.parametrize("who", ["nobody", "another CA", "itself", "core's own certificate"])
def test_a_caller_without_the_home_s_client_certificate_is_refused(home, tmp_path_factory, who):
    roots = caller_credentials(home / "keys", home / "tls", time.time).roots
    other = tmp_path_factory.mktemp("other")
    pairs = {
        "nobody": None,
        "another CA": caller_credentials(other / "keys", other / "tls", time.time).own,
        "itself": make_self_signed([CORE_NAME], time.time),
        "core's own certificate": core_credentials(home / "keys", home / "tls", time.time).own,
    }
    pair = pairs[who]
    shown = grpc.ssl_channel_credentials(roots, pair and pair.key, pair and pair.certificate)
    with grpc.secure_channel(address_of(home), shown, OPTIONS) as channel:
        assert refusal(lambda: health(home, channel)) == grpc.StatusCode.UNAVAILABLE


def test_plaintext_is_refused_and_a_good_certificate_alone_is_not_enough(home):
    with grpc.insecure_channel(address_of(home)) as channel:
        assert refusal(lambda: health(home, channel)) == grpc.StatusCode.UNAVAILABLE
    own = caller_credentials(home / "keys", home / "tls", time.time)
    shown = grpc.ssl_channel_credentials(own.roots, own.own.key, own.own.certificate)
    with grpc.secure_channel(address_of(home), shown, OPTIONS) as channel:
        assert refusal(lambda: health(home, channel, token=False)) == grpc.StatusCode.UNAUTHENTICATED
        huge = core_pb2.ClassifyRequest(artifact="x", texts=["a" * (MOST_MESSAGE_BYTES + 1)])
        call = lambda: core_pb2_grpc.CoreStub(channel).Classify(huge, timeout=30)  # noqa: E731
        assert refusal(call) == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_nothing_older_than_tls_1_2_is_spoken(home):
    host, _, port = address_of(home).rpartition(":")
    own = caller_credentials(home / "keys", home / "tls", time.time)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=own.roots.decode())
    context.load_cert_chain(home / "tls" / "caller.crt", home / "tls" / "caller.key")
    context.set_alpn_protocols(["h2"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((host, int(port)), 30) as plain,
        context.wrap_socket(plain, server_hostname=CORE_NAME) as found,
    ):
        assert found.version() == "TLSv1.2"
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection((host, int(port)), 30) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain, server_hostname=CORE_NAME)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "core.example.org"])
def test_a_core_does_not_listen_in_plaintext_off_the_loopback(tmp_path, host):
    with pytest.raises(UsageError, match="with mutual TLS only"):
        serve(tmp_path, Models(tmp_path, refuse_all), host=host)


def test_an_address_of_another_machine_is_refused_in_words(tmp_path):
    credentials = core_credentials(tmp_path / "keys", tmp_path / "tls", time.time)
    with pytest.raises(UsageError, match="can't listen at"):
        serve(tmp_path, Models(tmp_path, refuse_all), host="192.0.2.7", credentials=credentials)


def test_the_server_speaks_no_plaintext_off_the_loopback_whatever_the_note_says(tmp_path, monkeypatch):
    shared_secret(tmp_path)
    files.write_json(tmp_path / "core.json", {"address": "core.example.org:7", "tls": False})

    def never(address):
        raise PlatformError(f"plaintext to {address}")

    monkeypatch.setattr(grpc, "insecure_channel", never)
    link = CoreLink(tmp_path)
    with pytest.raises(ServerAway):
        link.health()
    link.close()


def test_a_plain_core_of_the_loopback_is_not_believed_to_be_the_secured_one(tmp_path):
    models = Models(tmp_path / "artifacts", refuse_all)
    server, port = serve(tmp_path, models)
    files.write_json(tmp_path / "core.json", {"address": f"127.0.0.1:{port}", "tls": True})
    link = CoreLink(tmp_path)
    with pytest.raises(ServerAway):
        link.health()
    link.close()
    server.stop(None)


def test_each_method_is_an_operation_that_only_the_server_may_call():
    assert len(OPERATIONS) == len(core_pb2.DESCRIPTOR.services_by_name["Core"].methods) == 6
    assert set(OPERATIONS.values()) == {name for name in operations.OPERATIONS if name.startswith("core.")}
    for operation in OPERATIONS.values():
        assert decide(SERVER, operation).allowed
        assert not any(
            decide(Principal("u_1", role), operation).allowed for role in (*USER_ROLES, "anonymous", "attempt")
        )


def test_a_method_without_a_row_stops_the_core_at_its_start(tmp_path, monkeypatch):
    monkeypatch.setitem(OPERATIONS, "/engram.core.v1.Core/Explode", "core.explode")
    with pytest.raises(UnknownName, match=r"core\.explode"):
        serve(tmp_path, Models(tmp_path, refuse_all))


def test_an_unknown_method_is_refused(home):
    own = caller_credentials(home / "keys", home / "tls", time.time)
    shown = grpc.ssl_channel_credentials(own.roots, own.own.key, own.own.certificate)
    metadata = (("authorization", f"Bearer {shared_secret(home)}"),)
    with grpc.secure_channel(address_of(home), shown, OPTIONS) as channel:
        call = channel.unary_unary("/engram.core.v1.Core/Explode")
        assert refusal(lambda: call(b"", metadata=metadata, timeout=10)) == grpc.StatusCode.UNIMPLEMENTED
        reflect = channel.unary_unary("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        assert refusal(lambda: reflect(b"", metadata=metadata, timeout=10)) == grpc.StatusCode.UNIMPLEMENTED
