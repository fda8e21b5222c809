"""Files in pieces: cut off and gone on with, checked when they are whole, and never outside the folder."""

from __future__ import annotations

import httpx
import pytest

from engram.client import transfer
from engram.client.api import Api
from engram.errors import Refused, ServerAway, VerificationFailed
from engram.files import sha256_bytes

CONTENT = bytes(range(256)) * 40


class Far:
    """A server with files; `cut` calls fail, and what it was asked is in `asked`."""

    def __init__(self, files, cut=0):
        self.files, self.cut, self.asked, self.arrived = files, cut, [], b""

    def api(self):
        return Api("http://far", "k", patience=60, transport=httpx.MockTransport(self.answer), pause=lambda s: None)

    def answer(self, request):
        query = dict(request.url.params)
        self.asked.append((request.method, query.get("file"), request.headers.get("range"), query.get("offset")))
        if self.cut and len(self.asked) % 2 == 0:
            self.cut -= 1
            raise httpx.ConnectError("cut off")
        if request.method == "POST":
            return self.take(int(query["offset"]), int(query["size"]), request.content)
        if "file" not in query:
            items = [{"path": name, "bytes": len(one), "digest": sha256_bytes(one)} for name, one in self.files.items()]
            return httpx.Response(200, json={"files": items})
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        return httpx.Response(206, content=self.files[query["file"]][int(first) : int(last) + 1])

    def take(self, offset, size, content):
        if offset == len(self.arrived):
            self.arrived += content
        return httpx.Response(200, json={"received": len(self.arrived), "size": size})


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(transfer, "PIECE_BYTES", 1000)


def test_a_folder_arrives_whole_though_the_line_is_cut_again_and_again(tmp_path):
    far = Far({"a.json": b"{}", "base/model.safetensors": CONTENT, "empty": b""}, cut=5)
    done = []
    transfer.fetch_folder(far.api(), "/x", "material", tmp_path / "got", lambda *said: done.append(said))
    assert (tmp_path / "got" / "base" / "model.safetensors").read_bytes() == CONTENT
    assert (tmp_path / "got" / "empty").read_bytes() == b""
    assert done[-1] == (len(CONTENT) + 2, len(CONTENT) + 2)
    before = len(far.asked)
    transfer.fetch_folder(far.api(), "/x", "material", tmp_path / "got")
    assert len(far.asked) == before + 1  # what is there and right is not asked for again


def test_a_file_that_was_cut_off_by_a_kill_goes_on_where_it_was(tmp_path):
    (tmp_path / "big.part").write_bytes(CONTENT[:5000])
    far = Far({"big": CONTENT})
    transfer.fetch_file(far.api(), "/x", {"file": "big"}, tmp_path / "big", len(CONTENT), sha256_bytes(CONTENT))
    assert (tmp_path / "big").read_bytes() == CONTENT
    assert far.asked[0][2] == "bytes=5000-5999"


def test_what_is_not_what_was_listed_gets_no_name(tmp_path):
    far = Far({"big": CONTENT})
    with pytest.raises(VerificationFailed, match="not what the server listed"):
        transfer.fetch_file(far.api(), "/x", {"file": "big"}, tmp_path / "big", len(CONTENT), sha256_bytes(b"other"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "a\\b", "C:x", "con"])
def test_a_server_can_name_no_place_outside_the_folder(tmp_path, name):
    with pytest.raises(Refused):
        transfer.fetch_folder(Far({name: b"x"}).api(), "/x", "material", tmp_path / "got")
    assert not (tmp_path / "out").exists()


def test_a_file_is_sent_from_where_the_server_has_it(tmp_path):
    (tmp_path / "weights").write_bytes(CONTENT)
    far = Far({}, cut=3)
    far.arrived = CONTENT[:2500]
    transfer.send_file(far.api(), "/up", {"run": "r"}, "weights", tmp_path / "weights")
    assert far.arrived == CONTENT
    assert not any(offset == "1000" for _, _, _, offset in far.asked)


def test_a_transfer_waits_where_it_is_too_fast_for_the_servers_limits(tmp_path):
    far, waited = Far({"big": CONTENT}), []
    limit = {"error": "Throttled", "detail": "The limit of 1 per 1 second is reached."}

    def answer(request):
        if len(far.asked) == 3 and not waited:
            return httpx.Response(429, json=limit, headers={"content-type": "application/problem+json"})
        return far.answer(request)

    api = Api("http://far", "k", transport=httpx.MockTransport(answer), pause=waited.append)
    transfer.fetch_file(api, "/x", {"file": "big"}, tmp_path / "big", len(CONTENT), sha256_bytes(CONTENT))
    assert (tmp_path / "big").read_bytes() == CONTENT
    assert waited == [1]


def test_a_server_that_stays_away_is_told(tmp_path):
    (tmp_path / "weights").write_bytes(CONTENT)

    def never(request):
        raise httpx.ConnectError("nobody")

    api = Api("http://far", "k", transport=httpx.MockTransport(never), pause=lambda s: None)
    with pytest.raises(ServerAway, match="nobody"):
        transfer.send_file(api, "/up", {}, "weights", tmp_path / "weights")
