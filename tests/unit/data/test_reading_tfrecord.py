"""What a user sees when TFRecord files of tf.train.Example are read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.rows import example_class, framed, serialised

from engram.data.example import NotAnExample, features, spell_float
from engram.data.tfrecord import READER
from engram.errors import DataError
from engram.schema.recipe import Source

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
LISTS = st.lists(TEXT, min_size=1, max_size=4) | st.lists(INT64, min_size=1, max_size=4) | st.lists(FLOAT32, min_size=1)


def read(path: Path, content: bytes, wanted: tuple[str, ...] | None = None, nested: tuple[str, ...] = ()) -> list:
    path.write_bytes(content)
    return list(READER.read(path, Source(path=str(path)), wanted, nested))


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": TEXT, "list": LISTS}), max_size=4), st.booleans())
def test_what_protobuf_writes_is_read_back(tmp_path_factory, records, packed):
    path = tmp_path_factory.getbasetemp() / "round.tfrecord"
    content = b"".join(framed(serialised(record, packed=packed)) for record in records)
    rows = read(path, content, ("text", "list"), ("list",))
    assert [number for number, _ in rows] == list(range(1, len(records) + 1))
    assert [cells["text"] for _, cells in rows] == [record["text"] for record in records]
    for (_, cells), record in zip(rows, records, strict=True):
        found = json.loads(cells["list"])
        kinds = {type(each) for each in record["list"]}
        assert (
            [struct.pack("<f", each) for each in found] == [struct.pack("<f", each) for each in record["list"]]
            if (kinds == {float})
            else found == record["list"]
        )


@settings(deadline=None)
@given(FLOAT32)
@example(0.12345678)
@example(2.1860256043467146e-43)  # below the least normal number: three digits tell it
@example(1.401298464324817e-45)
def test_floats_are_spelled_shortly_and_without_loss(value):
    value = float(np.float32(value))
    spelled = spell_float(struct.pack("<f", value))
    assert struct.pack("<f", float(spelled)) == struct.pack("<f", value)
    assert spelled == repr(float(str(np.float32(value))))


def test_one_value_is_a_cell_and_several_are_a_list(tmp_path):
    record = {"text": "é", "n": -7, "x": 0.1, "ids": [1, 2], "none": []}
    path = tmp_path / "a.tfrecord"
    ((number, cells),) = read(path, framed(serialised(record)))
    assert (number, dict(sorted(cells.items()))) == (
        1,
        {"ids": "[1,2]", "n": "-7", "none": "", "text": "é", "x": "0.1"},
    )
    assert read(path, framed(serialised(record)), ("n", "none"), ("n", "none")) == [(1, {"n": "[-7]", "none": "[]"})]
    assert "5 columns" in READER.look(path, Source()).said


def test_a_feature_without_a_list_is_an_empty_text(tmp_path):
    example = example_class()()
    example.features.feature["text"].SetInParent()
    assert read(tmp_path / "a", framed(example.SerializeToString(deterministic=True)), ("text",)) == [(1, {"text": ""})]


def test_of_two_lists_in_one_feature_the_last_counts_as_in_protobuf():
    one, two = serialised({"a": [1, 2]}), serialised({"a": ["x"]})
    lists = [data[data.index(b"a") + 3 :] for data in (one, two)]
    value = lists[0] + lists[1]
    entry = b"\n\x01a\x12" + bytes([len(value)]) + value
    data = b"\n" + bytes([len(entry) + 2]) + b"\n" + bytes([len(entry)]) + entry
    assert features(data) == {"a": ("bytes", [b"x"])}
    parsed = example_class().FromString(data).features.feature["a"]
    assert (list(parsed.bytes_list.value), list(parsed.int64_list.value)) == ([b"x"], [])


GOOD = framed(serialised({"text": "one", "label": "x"}))


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def place_of(number: int) -> str:
    return f"begins at byte {(number - 1) * len(GOOD) + 1} of the file"


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (GOOD + flip(GOOD, 0), 2, f"the checksum of the length is wrong, in the record that {place_of(2)}"),
        (GOOD + flip(GOOD, 9), 2, f"the checksum of the length is wrong, in the record that {place_of(2)}"),
        (GOOD * 2 + flip(GOOD, 20), 3, f"the checksum of the data is wrong, in the record that {place_of(3)}"),
        (GOOD + flip(GOOD, len(GOOD) - 1), 2, "the checksum of the data is wrong"),
        (GOOD + GOOD[:5], 2, f"the file is truncated: the record that {place_of(2)} ends inside its head"),
        (GOOD + GOOD[:-1], 2, f"and a checksum, and only {len(GOOD) - 13} bytes are left"),
        (GOOD + GOOD[:12], 2, "and a checksum, and only 0 bytes are left"),
        (GOOD + framed(b"")[:8] + framed(b"")[8:12], 2, "and only 0 bytes are left"),
    ],
)
def test_a_damaged_record_is_named_by_number_and_byte(tmp_path, content, line, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.tfrecord", content)
    assert caught.value.line == line
    assert f"record {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_an_absurd_length_is_refused_before_anything_is_read(tmp_path):
    content = bytearray(framed(b""))
    length = struct.pack("<Q", 1 << 60)
    content[:12] = length + framed(length)[20:24]
    with pytest.raises(DataError, match="says it has 1,152,921,504,606,846,976 bytes") as caught:
        read(tmp_path / "a.tfrecord", GOOD + bytes(content))
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("record", "column", "words"),
    [
        ({"text": ["a", "b"], "label": "x"}, "text", "received a list of 2"),
        ({"text": b"\xff", "label": "x"}, "text", "bytes that are not UTF-8"),
        ({"text": "a\0", "label": "x"}, "text", "bytes that are not UTF-8"),
        ({"text": "a", "label": float("nan")}, "label", "received NaN"),
        ({"text": "a", "label": float("-inf")}, "label", "received -Infinity"),
        ({"text": "a", "lable": "x"}, "label", "Did you mean 'lable'"),
    ],
)
def test_what_is_no_text_is_named_by_record_and_column(tmp_path, record, column, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.tfrecord", GOOD + framed(serialised(record)), ("text", "label"))
    assert (caught.value.line, caught.value.column) == (2, column)
    assert words in str(caught.value)


def test_a_column_that_nobody_wants_may_hold_anything(tmp_path):
    record = {"text": "a", "image": b"\xff" * 300, "x": [float("nan")]}
    path = tmp_path / "a.tfrecord"
    assert read(path, framed(serialised(record)), ("text",)) == [(1, {"text": "a"})]
    with pytest.raises(DataError, match="received NaN"):
        read(path, framed(serialised(record)))
    assert dict(read(path, framed(serialised({"image": b"\xff" * 300})))[0][1]) == {"image": "(300 bytes)"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\n\x05ab", "a field of 5 bytes begins where 2 are left (byte"),
        (b"\x08\x01", "wire type 0, expected 2"),
        (b"\n\x02\x08\x01", "wire type 0, expected 2"),
        (b"\x7d\0\0", "a field of 4 bytes begins where 2 are left"),
        (b"\x79", "a field of 8 bytes begins where 0 are left"),
        (serialised({"a": "xy"}).replace(b"\x02xy", b"\x00\x08\x07"), "the field 1 has wire type 0, expected 2"),
        (b"\x7b", "wire type 3 has no place in an Example"),
        (b"\x80", "a number does not end where it should"),
        (b"\n" + b"\xff" * 12, "a number does not end where it should"),
        (b"\x02\x00", "0 is no number of a field"),
        (b"\x12\x00", "this is a SequenceExample"),
        (serialised({"a": "x"}) * 2, "the feature 'a' stands twice"),
        (serialised({"a": [1.0, 2.0]}).replace(b"\x08\0\0\x80?", b"\x07\0\0\x80?"), "ends inside one"),
        (b"".join(serialised({f"{i}": 1}) for i in range(4_097)), "more than 4,096 features"),
        (serialised({"a": "x"}).replace(b"\x01a", b"\x01\xff"), "not UTF-8"),
    ],
)
def test_what_is_no_example_is_told(tmp_path, data, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.tfrecord", GOOD + framed(data))
    assert caught.value.line == 2
    assert words in str(caught.value)


def test_fields_that_nobody_knows_are_passed_over():
    data = serialised({"a": "x"}) + b"\x78\x05" + b"\x7d" + bytes(4) + b"\x79" + bytes(8) + b"\x7a\x01x"
    assert features(data) == {"a": ("bytes", [b"x"])}


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_an_example_or_not(data):
    try:
        features(data)
    except NotAnExample as error:
        assert 0 <= error.offset <= len(data)
