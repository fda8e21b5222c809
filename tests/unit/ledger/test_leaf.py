"""An entry holds digests, opaque ids and numbers only, and has one spelling."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from certified import ZERO, draft, make_ledger, make_signer
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import PlatformError, UnknownName
from engram.files import canonical_json
from engram.ledger.leaf import MAX_LEAF_BYTES, Draft, decode, encode
from engram.ledger.log import Ledger
from engram.ledger.verify import verify_ledger

KEY = make_signer().key


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def is_sound(folder: Path) -> bool:
    return all(check.ok for check in verify_ledger(folder, KEY))


@pytest.mark.parametrize(
    "text",
    ["Ann Smith", "ann@example.com", "two\nlines", "", "x" * 129, "tab\t", "Jürgen", "nul\0", "no\u00a0break"],
)
def test_names_texts_and_addresses_are_refused_everywhere(tmp_path: Path, text: str):
    ledger = make_ledger(tmp_path, 1)
    before = snapshot(tmp_path)
    for bad in (
        Draft("run.declared", text),
        Draft("run.declared", "r_1", {}, text),
        Draft("run.declared", "r_1", {"note": text}),
        Draft("run.declared", "r_1", {"list": [ZERO, text]}),
        Draft("run.declared", "r_1", {"inner": {"note": text}}),
    ):
        with pytest.raises(PlatformError, match="ledger refuses"):
            ledger.append_many([draft(1), bad])
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "body",
    [
        {"Name": 1},
        {"ann@example.com": 1},
        {7: 1},
        {"x": float("nan")},
        {"x": b"bytes"},
        {"x": {"x": {"x": {"x": 1}}}},
        {"x": [[[1]]]},
        {"x": ["y" * 100] * (MAX_LEAF_BYTES // 100)},
    ],
)
def test_bodies_hold_only_what_can_be_opaque(tmp_path: Path, body: dict):
    with pytest.raises(PlatformError, match="ledger"):
        make_ledger(tmp_path, 0).append("run.declared", "r_1", body)


@pytest.mark.parametrize(
    "bad",
    [
        Draft("run.declared", 7),  # type: ignore[arg-type]
        Draft("run.declared", "r_1", {}, None),  # type: ignore[arg-type]
        Draft("run.declared", "r_1", ["a", "b"]),  # type: ignore[arg-type]
        Draft("run.declared", {"x": 1}),  # type: ignore[arg-type]
    ],
)
def test_subject_actor_and_body_have_their_types(tmp_path: Path, bad: Draft):
    with pytest.raises(PlatformError, match="text subject, a text actor"):
        make_ledger(tmp_path, 0).append_many([bad])


def test_the_longest_entry_fits_and_is_read_back(tmp_path: Path):
    time = "2026-01-01T00:00:00.000000Z"

    def missing(body: dict) -> int:
        return MAX_LEAF_BYTES - len(encode(Draft("run.judged", "r_1", body), 0, time)[1])

    body = {"x": ["y" * 100] * 100, "z": "y"}
    body["x"] = ["y" * 100] * (100 + missing(body) // 103)
    body["z"] = "y" * (1 + missing(body))
    ledger = Ledger.open(tmp_path, make_signer(), clock=lambda: time)
    ledger.append("run.judged", "r_1", body)
    assert len(ledger.leaf(0)) == MAX_LEAF_BYTES
    assert Ledger.read(tmp_path, KEY).entry(0).body == body and is_sound(tmp_path)
    with pytest.raises(PlatformError, match="too long"):
        ledger.append("run.judged", "r_1", body | {"z": body["z"] + "y"})


def test_the_types_are_a_closed_list(tmp_path: Path):
    with pytest.raises(UnknownName, match=r"run\.declare'.*Did you mean 'run\.declared'"):
        make_ledger(tmp_path, 0).append("run.declare", "r_1")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_.]{0,20}", fullmatch=True),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(ZERO),
        max_size=5,
    )
)
def test_a_leaf_is_read_back_as_the_entry(body: dict):
    entry, leaf = encode(Draft("run.judged", "r_1", body), 3, "2026-01-01T00:00:00.000000Z")
    assert decode(leaf) == entry


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "engram.entry/2"}, "format"),
        ({"type": "run.forgotten"}, "type"),
        ({"index": "0"}, "'index' must be"),
        ({"more": 1}, "unknown key"),
    ],
)
def test_an_entry_of_another_format_or_type_is_refused(change: dict, why: str):
    _, leaf = encode(Draft("run.judged", "r_1"), 0, "2026-01-01T00:00:00.000000Z")
    with pytest.raises(ValueError, match=why):
        decode(canonical_json(json.loads(leaf) | change))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_entry_are_refused(content: bytes):
    with pytest.raises(ValueError):
        decode(content)
