"""Uploads: hostile names and files; whatever is refused leaves nothing on the disk."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from support.rows import write_rows
from support.uploading import GOOD, people_in

from engram.store.pages import Ask
from engram.store.records import datasets

CANARY = "engram-canary"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    with people_in(tmp_path_factory.mktemp("home")) as one:
        yield one


def rows_of(people):
    """Return how many datasets there are."""
    with people.here.db.read() as tx:
        return len(datasets.list_datasets(tx, Ask(limit=200)).items)


@pytest.fixture
def clean(people):
    """Whatever the test does, no byte and no dataset may be left of it."""
    before, rows = people.bytes_on_disk(), rows_of(people)
    yield people
    assert people.bytes_on_disk() == before
    assert rows_of(people) == rows


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../mails.csv", "..", ".hidden.csv", "a/../../b.csv", "/etc/passwd", "C:\\mails.csv", "a\\b.csv",
        "%2e%2e%2fa.csv", "%252e%252e", "a\0.csv", "a\n.csv", "a\x1b[2J.csv", "a\u202evsc.exe.csv",
        "file:///etc/passwd", "a#b.csv", " a.csv", "", "x" * 201,
    ],
)  # fmt: skip
def test_a_name_that_could_be_a_place_is_refused(clean, name):
    assert clean.begin("ann", name, 10).status_code == 422
    upload = clean.begin("ann", "fine.csv", len(GOOD)).json()["id"]
    assert clean.piece("ann", upload, 0, GOOD).status_code == 200
    if name:  # an empty one means the upload's own
        assert clean.finish("ann", upload, name=name).status_code == 422
    assert clean.ask("ann", "DELETE", f"/uploads/{upload}").status_code == 204


def test_no_part_of_a_name_but_a_known_suffix_reaches_the_disk(people):
    upload = people.send("ann", "Mails {{x}} $(id) of May.CSV", GOOD)
    assert people.bytes_on_disk()[-1:] == [f"uploads/{upload}/data.csv"]
    people.ask("ann", "DELETE", f"/uploads/{upload}")


@pytest.mark.parametrize("upload", ["..%2f..%2fengram.db", "..", "%00", "up_" + "0" * 26])
def test_an_id_that_is_none_leads_nowhere(clean, upload):
    for answer in (
        clean.ask("root", "GET", f"/uploads/{upload}"),
        clean.piece("root", upload, 0, b"x"),
        clean.finish("root", upload),
        clean.ask("root", "DELETE", f"/uploads/{upload}"),
    ):
        assert answer.status_code in (404, 405, 422)


# --- archives and pickles ------------------------------------------------------------------------------------------


def archive_of(kind, inside=b"text,label\na,b\n"):
    made = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(made, "w") as zipped:
            zipped.writestr("../../evil.csv", inside)
    elif kind == "gz":
        made.write(gzip.compress(b"0" * 10_000_000))  # a bomb: nobody unpacks it
    else:
        with tarfile.open(fileobj=made, mode="w") as tarred:
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tarred.addfile(link)
    return made.getvalue()


def pickles(folder):
    """Return pickled objects of several protocols that would make a file when somebody opened them."""
    order = f"touch {folder / CANARY}".encode()
    short = b"\x8c" + bytes([len(order)]) + order
    return {
        "0": b"cposix\nsystem\n(S'" + order + b"'\ntR.",
        "2": b"\x80\x02cposix\nsystem\nq\x00X" + len(order).to_bytes(4, "little") + order + b"q\x01\x85q\x02Rq\x03.",
        "4": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93" + short + b"\x85R.",
        "a dictionary": b"(dp0\nS'text'\np1\ng1\ns.",
        "an array of objects": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'shape': (1,), }\n\x80\x04N.",
    }


@pytest.mark.parametrize("kind", ["zip", "gz", "tar"])
@pytest.mark.parametrize("renamed", [True, False])
def test_an_archive_is_refused_by_name_and_by_its_first_bytes(clean, kind, renamed):
    content = archive_of(kind)
    if not renamed:
        assert clean.begin("ann", f"rows.{kind}", len(content)).status_code == 422
        return
    upload = clean.begin("ann", "rows.csv", len(content)).json()["id"]
    told = clean.piece("ann", upload, 0, content)
    assert (told.status_code, told.json()["error"]) == (422, "DataError")
    assert "archive" in told.json()["detail"]
    assert clean.ask("ann", "GET", f"/uploads/{upload}").json()["state"] == "aborted"


@pytest.mark.parametrize("which", ["0", "2", "4", "a dictionary", "an array of objects"])
@pytest.mark.parametrize("step", [4 << 20, 40])
def test_a_pickle_is_refused_whatever_it_is_called_and_is_never_opened(clean, tmp_path, which, step):
    content = pickles(tmp_path)[which]
    for name in ("model.pkl", "model.pt", "model.bin", "model.npy", "model.PICKLE"):
        assert clean.begin("ann", name, len(content)).status_code == 422, name
    upload = clean.begin("ann", "rows.csv", len(content)).json()["id"]
    said = clean.piece("ann", upload, 0, content[:step])
    assert said.status_code == 422, said.text
    assert "hold code" in said.json()["detail"]
    assert not (tmp_path / CANARY).exists()


def test_an_archive_in_small_pieces_is_refused_when_it_is_whole(clean):
    content = archive_of("tar")  # its mark is at byte 257
    upload = clean.send("ann", "rows.csv", content, step=100)
    told = clean.finish("ann", upload)
    assert (told.status_code, told.json()["problems"][0]["line"]) == (422, 1)
    assert "tar archive" in told.json()["detail"]


# --- rows ------------------------------------------------------------------------------------------------------------


def spoilt_tfrecord(folder):
    path = folder / "rows.tfrecord"
    write_rows("tfrecord", path, [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}])
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    return bytes(content)


JSONL = b"".join(b'{"text": "row %d", "label": "%c"}\n' % (i, b"ab"[i % 2]) for i in range(30))
BAD = {
    "count.csv": (GOOD + b"a,b,c\n", 32, 3, "3 columns"),
    "nul.csv": (GOOD + b"a\0b,a\n", 32, 2, "NUL"),
    "latin.csv": (GOOD + b"caf\xe9,a\n", 32, 4, "not UTF-8"),
    "quote.csv": (GOOD + b'"never closed,a\n', 32, 1, "never closed"),
    "many.csv": (b",".join(b"c%d" % i for i in range(100_000)) + b"\n", 1, 4097, "100,000 columns"),
    "wide.csv": (GOOD + b"," * 99_999 + b"\n", 32, 3, "100,000 columns"),
    "long.csv": (GOOD + b"a" * (3 << 20), 32, (1 << 20) + 1, "longer than 1 MiB"),
    "nan.jsonl": (JSONL + b'{"text": "a", "label": NaN}\n', 31, "label", "NaN"),
    "deep.jsonl": (JSONL + b'{"text":' + b"[" * 500_000 + b"\n", 31, 40, "levels deep"),
    "twice.jsonl": (JSONL + b'{"text": "a", "text": "b"}\n', 31, "text", "stands twice"),
    "half.jsonl": (JSONL + b'{"text": "\\ud800"}\n', 31, "text", "surrogate"),
    "keys.jsonl": (b"".join(b'{"k%d": 1}\n' % i for i in range(5000)), 4097, None, "different columns"),
    "header.csv": (b"text,label\n", None, None, "no rows"),
    "crc.tfrecord": (spoilt_tfrecord, 2, None, "checksum"),
    "cut.parquet": (b"PAR1 and no more", None, None, "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_with_line_and_column_and_nothing_is_imported(people, tmp_path, name):
    content, line, column, words = BAD[name]
    content = content(tmp_path) if callable(content) else content
    before, rows = people.bytes_on_disk(), rows_of(people)
    upload = people.send("ann", name, content)
    told = people.finish("ann", upload)
    assert (told.status_code, told.headers["content-type"]) == (422, "application/problem+json"), told.text
    (problem,) = told.json()["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == (name, line, column)
    assert words in told.json()["detail"]
    assert str(people.home) not in told.text
    assert people.ask("ann", "DELETE", f"/uploads/{upload}").status_code == 204
    assert people.bytes_on_disk() == before
    assert rows_of(people) == rows


@pytest.mark.parametrize("order", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_with_its_first_piece(clean, order):
    upload = clean.begin("ann", "rows.csv", 1000).json()["id"]
    told = clean.piece("ann", upload, 0, "text,label\na,b\n".encode(order))
    assert told.status_code == 422
    assert "UTF-16" in told.json()["detail"]


def test_a_bad_file_can_be_finished_again_with_other_options(people):
    upload = people.send("ann", "quotes.csv", b'text,label\n"a pipe of 5,a\nno,b\n')
    assert people.finish("ann", upload).status_code == 422
    assert people.finish("ann", upload, format="nonsense").status_code == 422
    done = people.finish("ann", upload, quoting=False)
    assert done.status_code == 200, done.text
    assert (done.json()["dataset"]["rows"], done.json()["dataset"]["read"]["quoting"]) == (2, False)


def test_what_does_not_have_the_digest_that_was_said_is_refused(people):
    upload = people.send("ann", "rows.csv", GOOD, digest=DIGEST)
    assert "has the digest" in people.finish("ann", upload).json()["detail"]
    people.ask("ann", "DELETE", f"/uploads/{upload}")
