"""How a trainer's run ends: an artifact has its place only when it is verified; otherwise the report, and words."""

from __future__ import annotations

import json
from types import SimpleNamespace

import httpx
import pytest
from support.artifacts import make_artifact

from engram.artifacts.manifest import parse_manifest
from engram.artifacts.store import folder_of
from engram.cli.trained import conclude, trusted_key
from engram.client.api import Api
from engram.client.standing import note, stand
from engram.errors import (
    Cancelled,
    EngramError,
    NeedsReview,
    Paused,
    PlatformError,
    Refused,
    UserError,
    VerificationFailed,
)
from engram.files import sha256_bytes
from engram.ledger.certificate import certify
from engram.ledger.keys import load_or_create_signer
from engram.ledger.log import Ledger

RUN = "r_" + "A" * 26


@pytest.fixture
def far(tmp_path):
    """A server with a certified artifact of a run, and a trainer that waits for it."""
    from engram.artifacts.manifest import build_manifest, encode_manifest

    ledger = Ledger.open(tmp_path / "ledger", load_or_create_signer(tmp_path / "keys"))
    place = folder_of(tmp_path / "store", make_artifact(tmp_path / "store", "one"))
    (place / "manifest.json").unlink()
    content = encode_manifest(build_manifest(place, {"run": RUN, "kind": "language"}))
    certificate = certify(
        manifest=parse_manifest(content), manifest_bytes=content, predicate={}, run=RUN, ledger=ledger,
        keep=tmp_path / "statement.json",
    )  # fmt: skip
    (place / "manifest.json").write_bytes(content)
    (place / "certificate.json").write_bytes(certificate)
    files = {path.name: path.read_bytes() for path in place.iterdir()} | {"report.html": b"<html>"}

    def answer(request):
        query = dict(request.url.params)
        names = ["report.html"] if query["what"] == "report" else sorted(set(files) - {"report.html"})
        if "file" not in query:
            said = [{"path": n, "bytes": len(files[n]), "digest": sha256_bytes(files[n])} for n in names]
            return httpx.Response(200, json={"files": said})
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        return httpx.Response(206, content=files[query["file"]][int(first) : int(last) + 1])

    out = tmp_path / "out"
    trainer = SimpleNamespace(outdir=out, base_url="http://far", model="t_1")
    note(out, stand(out, "http://far", "t_1"), run=RUN)
    api = Api("http://far", "k", transport=httpx.MockTransport(answer))
    said = {"run": RUN, "kind": "language", "state": "published", "reason": "", "key": ledger.key.vkey}
    said |= {"artifact": parse_manifest(content).digest, "metrics": {}}
    return SimpleNamespace(api=api, trainer=trainer, out=out, said=said, files=files)


def places(far):
    return list((far.out / "artifacts_language").glob("*"))


def test_a_verified_artifact_gets_its_place_and_the_key_is_kept(far, capsys):
    assert conclude(far.api, far.trainer, far.said, "") == 0
    (place,) = places(far)
    assert sorted(path.name for path in place.iterdir()) == sorted(set(far.files) - {"report.html"})
    assert (far.out / "ledger.pub").read_text().strip() == far.said["key"]
    assert "engram verify" in capsys.readouterr().out
    assert stand(far.out, "http://far", "t_1").run == ""  # the next start is another run


@pytest.mark.parametrize("changed", ["labels.json", "certificate.json", "manifest.json"])
def test_an_artifact_that_is_not_what_was_signed_gets_no_place(far, changed):
    far.files[changed] = far.files[changed].replace(b"a", b"b", 1)
    with pytest.raises(VerificationFailed, match="Nothing was put in place"):
        conclude(far.api, far.trainer, far.said, "")
    assert places(far) == []
    assert not list(far.out.rglob("fetched/*"))


def test_a_certified_artifact_of_another_run_gets_no_place(far):
    with pytest.raises(VerificationFailed, match="another run's"):
        conclude(far.api, far.trainer, {**far.said, "run": "r_" + "B" * 26}, "")
    assert places(far) == []


def test_a_server_that_signs_with_another_key_is_not_believed(far, tmp_path):
    conclude(far.api, far.trainer, far.said, "")
    other = load_or_create_signer(tmp_path / "far" / "keys").key
    with pytest.raises(VerificationFailed, match="signs with"):
        trusted_key(far.out, {**far.said, "key": other.vkey}, "")
    with pytest.raises(VerificationFailed):
        conclude(far.api, far.trainer, far.said, other.vkey)  # the user's own key counts, whatever the server says
    assert len(places(far)) == 1


@pytest.mark.parametrize(
    ("state", "error", "code", "report"),
    [
        ("refused", Refused, 3, True),
        ("awaiting_review", NeedsReview, 4, True),
        ("cancelled", Cancelled, 1, False),
        ("paused", Paused, 0, False),
        ("failed_user", UserError, 1, False),
        ("failed_platform", PlatformError, 1, False),
    ],
)
def test_a_run_without_an_artifact_says_why_in_words(far, state, error, code, report):
    with pytest.raises(EngramError, match=r"accuracy >= 0\.9") as told:
        conclude(far.api, far.trainer, {**far.said, "state": state, "reason": "accuracy >= 0.9 was missed."}, "")
    assert (type(told.value), told.value.exit_code) == (error, code)
    assert places(far) == []
    assert (far.out / f"report_{RUN}" / "report.html").exists() == report
    goes_on = json.loads((far.out / ".engram-trainer" / "standing.json").read_text())
    assert goes_on["over"] == (state == "refused")
