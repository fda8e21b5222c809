"""The server over real sockets: TLS from 1.2 on and nothing else, and no plain HTTP off the loopback."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from engram.client import driving
from engram.client.api import Api
from engram.client.trust import trust, trusted_file
from engram.errors import ServerAway, UsageError, VerificationFailed
from engram.security.certificates import make_self_signed
from engram.server.app import create_app
from engram.server.listening import listen_at, make_config
from engram.server.main import open_platform
from engram.settings import load_settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(home: Path, **more: str):
    return load_settings({"ENGRAM_HOME": str(home), **more})


@contextmanager
def serving(home: Path, **options) -> Iterator[str]:
    """Serve a home over TLS at a free port of the loopback; yields its URL."""
    at = listen_at(home, "127.0.0.1", free_port(), time.time, tls=True, **options)
    with open_platform(settings_of(home), at.base_url) as (platform, _):
        server = uvicorn.Server(make_config(create_app(platform), at))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with Api(at.base_url, "", patience=60, verify=trust(settings_of(home))) as api:
                api.call("GET", "/healthz")
            yield at.base_url
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def url(home):
    with serving(home) as found:
        yield found


def connect(url: str, context: ssl.SSLContext, name: str = "127.0.0.1") -> str | None:
    """Shake hands with a server and return the version that was agreed on."""
    port = int(url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), 30) as plain,
        context.wrap_socket(plain, server_hostname=name) as it,
    ):
        return it.version()


def test_the_home_s_own_clients_trust_its_certificate_without_being_told(home, url, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(home))
    monkeypatch.delenv("ENGRAM_CA", raising=False)
    assert url.startswith("https://127.0.0.1:")
    with Api(url, "") as api:
        assert api.call("GET", "/healthz")["status"] == "ok"


def test_a_client_elsewhere_trusts_a_copy_of_it_and_nothing_else(home, url, tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_HOME", str(tmp_path / "elsewhere"))
    with Api(url, "") as api, pytest.raises(ServerAway, match="certificate verify failed"):
        api.call("GET", "/healthz")
    copy = tmp_path / "ca.crt"
    copy.write_bytes(trusted_file(home).read_bytes())
    monkeypatch.setenv("ENGRAM_CA", str(copy))
    with Api(url, "") as api:
        api.call("GET", "/healthz")
    copy.write_bytes(make_self_signed(["127.0.0.1"], time.time).certificate)
    with Api(url, "") as api, pytest.raises(ServerAway, match="certificate verify failed"):
        api.call("GET", "/healthz")
    copy.write_text("nothing")
    with pytest.raises(UsageError, match="ENGRAM_CA names"):
        Api(url, "")


def test_tls_1_2_and_1_3_are_spoken_and_1_1_is_not(home, url):
    context = trust(settings_of(home))
    assert connect(url, context) == "TLSv1.3"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert connect(url, context) == "TLSv1.2"
    with pytest.warns(DeprecationWarning):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.load_verify_locations(trusted_file(home))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(url, old)


def test_a_certificate_is_good_for_its_names_only(home, url):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|doesn't match|not valid for"):
        connect(url, trust(settings_of(home)), "engram.example.org")


def test_plain_http_gets_no_answer_at_a_tls_port(url):
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https:", "http:") + "/healthz", timeout=30)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 30) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answered = b""
        try:
            while piece := plain.recv(4096):
                answered += piece
        except ConnectionError:
            pass
    assert b"HTTP/" not in answered and b"status" not in answered


def test_an_own_certificate_of_another_name_is_served_and_called_by_its_name(tmp_path):
    made = make_self_signed(["localhost", "engram.example.org"], time.time)
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    certificate.write_bytes(made.certificate)
    key.write_bytes(made.key)
    key.chmod(0o600)
    with serving(tmp_path / "home", certificate=certificate, key=key) as found:
        assert found.startswith("https://localhost:")
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(found, trust(settings_of(tmp_path / "home")), "127.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "engram.example.org"])
def test_off_the_loopback_there_is_no_plain_http(tmp_path, host):
    with pytest.raises(UsageError, match="Without TLS the server listens on the loopback only"):
        listen_at(tmp_path, host, 3000, time.time)
    at = listen_at(tmp_path, host, 3000, time.time, tls=True)
    assert at.context is not None and at.base_url.startswith("https://")
    assert not any(wild in at.base_url for wild in ("0.0.0.0", "//[::]"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_stops_the_start(tmp_path, mode):
    listen_at(tmp_path, "localhost", 3000, time.time, tls=True)
    (tmp_path / "tls" / "server.key").chmod(mode)
    with pytest.raises((UsageError, VerificationFailed), match="others can read"):
        listen_at(tmp_path, "localhost", 3000, time.time, tls=True)


def test_half_a_pair_and_a_certificate_without_a_host_are_refused(tmp_path):
    made = make_self_signed([], time.time)
    certificate, key = tmp_path / "own.crt", tmp_path / "own.key"
    certificate.write_bytes(made.certificate)
    key.write_bytes(made.key)
    key.chmod(0o600)
    with pytest.raises(UsageError, match="go together"):
        listen_at(tmp_path, "localhost", 3000, time.time, certificate=certificate)
    with pytest.raises(UsageError, match="names no host"):
        listen_at(tmp_path, "localhost", 3000, time.time, certificate=certificate, key=key)


def test_browsers_are_kept_to_https_only_where_it_is_spoken_and_not_on_this_machine(tmp_path):
    asked = (("https", "e.org", True), ("https", "localhost", False), ("http", "e.org", False))
    for scheme, name, kept in asked:
        with open_platform(settings_of(tmp_path), f"{scheme}://e.org") as (platform, _):
            answer = TestClient(create_app(platform), base_url=f"https://{name}").get("/healthz")
        assert ("strict-transport-security" in answer.headers) is kept


def test_a_client_of_plain_http_reads_no_authorities_and_believes_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("ENGRAM_CA", str(trusted_file(tmp_path)))
    at = listen_at(tmp_path, "127.0.0.1", free_port(), time.time, tls=True)
    plain = driving._options(httpx, "http://127.0.0.1:1", "", None)["verify"]
    assert plain.verify_mode is ssl.CERT_REQUIRED and plain.check_hostname
    assert plain.cert_store_stats()["x509"] == 0
    assert driving._options(httpx, at.base_url, "", None)["verify"].cert_store_stats()["x509"] > 0
