"""A URL that somebody else chose leads to no address of ours, however it is spelt, resolved or redirected."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.loopback import serve
from support.security_stores import Clock

from engram.errors import UnsafeAddress
from engram.security.fetch import Fetcher, check_url, get, post_form
from engram.security.network_addresses import check_public
from engram.security.tls import client_context, load_or_create_certificate, server_context

PUBLIC, OTHER_PUBLIC = "93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"


class FakeStream(httpcore.NetworkStream):
    def __init__(self, content: bytes, peer: str, clock: Clock | None = None, slow: float = 0.0) -> None:
        self.left, self.peer, self.sent, self.closed = content, peer, b"", False
        self.clock, self.slow = clock, slow

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.clock:
            self.clock.pass_(self.slow)
        size = 1 if self.slow else max_bytes
        part, self.left = self.left[:size], self.left[size:]
        return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.sent += buffer

    def close(self) -> None:
        self.closed = True

    def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> httpcore.NetworkStream:
        assert server_hostname, "the certificate must be checked against the name"
        return self

    def get_extra_info(self, info: str) -> Any:
        return (self.peer, 443) if info == "server_addr" else None


class FakeNetwork(httpcore.NetworkBackend):
    """Answers every connection with the next content, and remembers where it went."""

    def __init__(self, *answers: bytes, peer: str | None = None, clock: Clock | None = None, slow: float = 0.0) -> None:
        self.answers, self.peer, self.clock, self.slow = list(answers), peer, clock, slow
        self.asked: list[str] = []
        self.streams: list[FakeStream] = []

    def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> httpcore.NetworkStream:
        self.asked.append(host)
        self.streams.append(FakeStream(self.answers.pop(0), self.peer or host, self.clock, self.slow))
        return self.streams[-1]


def http(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if not any(line.lower().startswith(("content-length", "transfer")) for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@functools.cache
def context() -> ssl.SSLContext:
    return client_context()


def fetcher(network: FakeNetwork, *addresses: str, **more: Any) -> Fetcher:
    given = {
        "backend": network,
        "resolver": lambda host, port: list(addresses),
        "clock": Clock(),
        "tls": context,
        **more,
    }
    return Fetcher(**given)


def refuse(match: str, url: str, network: FakeNetwork, *addresses: str, **more: Any) -> None:
    with pytest.raises(UnsafeAddress, match=match):
        get(fetcher(network, *addresses, **more), url)


def test_a_public_host_answers_and_the_connection_goes_to_the_checked_address():
    network = FakeNetwork(http(b'{"a":1}', Content_Type="application/json"))
    answer = get(fetcher(network, PUBLIC), "https://example.org/x?y=1#z")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b'{"a":1}', "application/json")
    assert network.asked == [PUBLIC]
    said = network.streams[0].sent
    assert said.startswith(b"GET /x?y=1 HTTP/1.1\r\n") and b"Host: example.org\r\n" in said
    assert b"Accept-Encoding: identity" in said


PRIVATE = [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "169.254.170.2", "100.64.0.1", "0.0.0.0", "0.1.2.3", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254",
    "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::127.0.0.1", "::10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "192.88.99.1", "3fff::1", "2001:20::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_asked_by_name_or_by_number(address: str):
    network = FakeNetwork(http())
    refuse("is not public", "https://example.org/", network, address)
    refuse("is not public", "https://example.org/", network, PUBLIC, address)
    with pytest.raises(UnsafeAddress):
        get(fetcher(network, PUBLIC), f"https://[{address}]/" if ":" in address else f"https://{address}/")
    assert network.asked == []


@pytest.mark.parametrize("address", [PUBLIC, OTHER_PUBLIC, "1.1.1.1", "::ffff:93.184.216.34"])
def test_public_addresses_are_public(address: str):
    check_public(address, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://x/", "//example.org/", "example",
        "", "https://", "https:///x", "https://ada@example.org/", "https://ada:pw@example.org/", "https://@example.org/",
        "https://example.org\\@10.0.0.1/", "https://example.org/\r\nHost: x", "https://example.org/ x", "https://exämple.org/",
        "https://１２７.0.0.1/", "https://example.org:0/", "https://example.org:99999/", "https://example.org:x/",
        "https://example.org./", "https://127.0.0.1./", "https://%31%32%37.0.0.1/", "https://[fe80::1%25eth0]/",
        "https://[::1", "https://x/" + "a" * 3000, "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/",
        "https://2130706433/", "https://017700000001/", "https://127.1/", "https://127.0.1/", "https://1.2.3.0x4/",
        "https://00000000000.1/", "https://127.0.0.01/", "HTTP://127.0.0.1/", "http://localhost/", "http://[::1]/",
    ],
)  # fmt: skip
def test_no_trick_of_spelling_is_asked(url: str):
    network = FakeNetwork(http())
    with pytest.raises(UnsafeAddress):
        get(fetcher(network, "127.0.0.1"), url)
    with pytest.raises(UnsafeAddress):
        check_url(url, allow_loopback=False)
    assert network.asked == []


@settings(deadline=None)
@given(st.text(max_size=40))
def test_whatever_is_written_leads_to_a_public_host_or_nowhere(text: str):
    for url in (text, f"https://{text}", f"https://{text}/", f"https://example.org{text}"):
        network = FakeNetwork(http())
        try:
            get(fetcher(network, "10.0.0.1"), url)
        except UnsafeAddress:
            pass
        assert [address for address in network.asked if address.startswith("10.")] == []


def test_a_name_that_changes_its_answer_is_caught_at_the_peer():
    """Rebinding: whatever the name said before, the other end of the connection is what counts."""
    for peer in ("127.0.0.1", "10.0.0.1", "::ffff:169.254.169.254", "1.1.1.1"):
        network = FakeNetwork(http(), peer=peer)
        refuse("is not public|was asked for", "https://example.org/", network, PUBLIC)
        assert network.streams[0].sent == b"" and network.streams[0].closed


def test_a_name_is_asked_for_once_and_the_connection_needs_no_second_answer():
    answers = [[PUBLIC], ["127.0.0.1"]]
    network = FakeNetwork(http())
    get(fetcher(network, resolver=lambda host, port: answers.pop(0)), "https://example.org/")
    assert network.asked == [PUBLIC] and len(answers) == 1


@pytest.mark.parametrize(
    "location",
    ["http://example.org/", "https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "//169.254.169.254/latest", "file:///x",
     "https://0x7f.1/", "https://user@example.org/"],
)  # fmt: skip
def test_redirects_are_checked_like_the_first_url(location: str):
    network = FakeNetwork(http(status="302 Found", Location=location), http())
    refuse("not asked|not public", "https://example.org/", network, PUBLIC)
    assert network.asked == [PUBLIC]


def test_a_redirect_s_host_is_resolved_and_checked_too():
    network = FakeNetwork(http(status="307 Temporary Redirect", Location="https://inside.example.org/"), http())
    names = {"example.org": [PUBLIC], "inside.example.org": ["192.168.0.1"]}
    refuse("is not public", "https://example.org/", network, resolver=lambda host, port: names[host])
    assert network.asked == [PUBLIC]


def test_few_redirects_are_followed():
    more = [http(status="302 Found", Location="/again") for _ in range(9)]
    network = FakeNetwork(*more)
    refuse("redirects more than 3 times", "https://example.org/", network, PUBLIC)
    assert len(network.asked) == 4
    network = FakeNetwork(http(status="302 Found", Location="/b?c=1"), http(b"there"))
    assert get(fetcher(network, PUBLIC), "https://example.org/a").url == "https://example.org/b?c=1"
    refuse("to nowhere", "https://example.org/", FakeNetwork(http(status="302 Found")), PUBLIC)


def test_a_form_is_never_redirected():
    network = FakeNetwork(http(status="307 Temporary Redirect", Location="https://example.com/"), http())
    answer = post_form(fetcher(network, PUBLIC), "https://example.org/token", {"code": "a b&c"}, {"X-A": "1"})
    assert answer.status == 307 and len(network.asked) == 1
    assert network.streams[0].sent.endswith(b"\r\n\r\ncode=a+b%26c")


def test_size_is_counted_not_believed():
    for answer in (
        http(b"x" * 101),
        http(b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
        http(b"x" * 101, Content_Length="1000000000"),
    ):
        refuse("more than 100 bytes", "https://example.org/", FakeNetwork(answer), PUBLIC, max_bytes=100)
    assert len(get(fetcher(FakeNetwork(http(b"x" * 100)), PUBLIC, max_bytes=100), "https://example.org/").body) == 100
    refuse("compressed", "https://example.org/", FakeNetwork(http(b"x", Content_Encoding="gzip")), PUBLIC)


def test_a_drip_is_cut_off_when_the_time_is_up():
    """One byte a second, in the header or in the body: each read is quick, all together are too slow."""
    for answer in (http(X_Long="y" * 500), http(b"y" * 500)):
        clock = Clock()
        network = FakeNetwork(answer, clock=clock, slow=1.0)
        refuse("longer than 10 s", "https://example.org/", network, PUBLIC, clock=clock)
        assert clock() - Clock()() <= 12


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx", b"\0" * 99]
)
def test_what_is_no_answer_is_an_error_in_words(answer: bytes):
    refuse("gives no answer", "https://example.org/", FakeNetwork(answer), PUBLIC)


def test_messages_never_repeat_what_was_secret_in_a_url():
    with pytest.raises(UnsafeAddress) as caught:
        check_url("https://ada:hunter2@example.org/x?token=hunter3", allow_loopback=False)
    assert "hunter" not in str(caught.value)


def test_a_host_without_an_address_is_an_error():
    refuse("has no address", "https://example.org/", FakeNetwork(http()))


# Loopback, on real sockets


@pytest.fixture
def plain() -> Iterator[str]:
    with serve(lambda method, path, headers, body: (200, {}, f"{method} {path}".encode())) as url:
        yield url


def test_loopback_is_asked_only_where_the_setting_says_so(plain: str):
    with pytest.raises(UnsafeAddress):
        get(Fetcher(), plain + "/x")
    assert get(Fetcher(allow_loopback=True), plain + "/x").body == b"GET /x"
    for url in ("http://10.0.0.1/", "https://169.254.169.254/", "http://example.org/"):
        with pytest.raises(UnsafeAddress):
            get(Fetcher(allow_loopback=True, resolver=lambda host, port: ["10.0.0.1"]), url)


def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path):
    files = load_or_create_certificate(tmp_path / "tls", time.time)
    with serve(lambda method, path, headers, body: (200, {}, b"over TLS"), tls=server_context(files, time.time)) as url:
        with pytest.raises(UnsafeAddress, match="gives no answer"):
            get(Fetcher(allow_loopback=True), url)
        trusting = Fetcher(allow_loopback=True, tls=lambda: client_context(files.certificate))
        assert get(trusting, url).body == b"over TLS"
