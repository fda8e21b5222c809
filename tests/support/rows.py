"""Files of rows in every format that Engram reads, written by other code than that which reads them."""

from __future__ import annotations

import csv
import functools
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c

Records = Iterable[Mapping[str, Any]]

# The columns of every row that a test of all formats writes.
COLUMNS = {"text": ("text",), "conll": ("tokens", "tags"), "tfrecord": ("label", "text")}
LISTS = ("jsonl", "json", "parquet", "tfrecord", "conll")


def columns_of(name: str) -> tuple[str, ...]:
    """The columns that `write_rows` gives a file of a format."""
    return COLUMNS.get(name, ("text", "label"))


def records_of(name: str, count: int, text: str = "row") -> list[dict[str, Any]]:
    """Some records that fit a format."""
    if name == "conll":
        return [{"tokens": [text, str(i)], "tags": ["O", f"B-{i % 3}"]} for i in range(count)]
    records = [{"text": f"{text} {i}", "label": "ab"[i % 2]} for i in range(count)]
    return [{"text": record["text"]} for record in records] if name == "text" else records


def as_cells(record: Mapping[str, Any]) -> dict[str, str]:
    """A record as a reader gives it: lists are compact JSON."""
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for key, value in record.items()
    }


def write_rows(name: str, path: Path, records: Records) -> None:
    """Write records as a file of a format."""
    globals()[f"_write_{name}"](path, records)


def _write_csv(path: Path, records: Records, delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        for place, record in enumerate(records):
            if not place:
                writer.writerow(record)
            writer.writerow(record.values())


def _write_tsv(path: Path, records: Records) -> None:
    _write_csv(path, records, "\t")


def _write_jsonl(path: Path, records: Records) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in records)


def _write_json(path: Path, records: Records) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{"version": 1, "data": [')
        stream.writelines((", " if place else "") + json.dumps(each, indent=1) for place, each in enumerate(records))
        stream.write('], "end": null}\n')


def _write_text(path: Path, records: Records) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(record["text"] + "\n" for record in records)


def _write_conll(path: Path, records: Records) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for record in records:
            pairs = zip(record["tokens"], record["tags"], strict=True)
            stream.writelines([*(f"{token}\t{tag}\n" for token, tag in pairs), "\n"])


def _write_parquet(path: Path, records: Records) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, batch = None, []
    for record in records:
        batch.append(dict(record))
        if len(batch) == 5_000:
            table = pa.Table.from_pylist(batch)
            writer = writer or pq.ParquetWriter(path, table.schema, write_page_checksum=True)
            writer.write_table(table)
            batch = []
    if batch or writer is None:
        table = pa.Table.from_pylist(batch)
        writer = writer or pq.ParquetWriter(path, table.schema, write_page_checksum=True)
        writer.write_table(table)
    writer.close()


def _write_tfrecord(path: Path, records: Records) -> None:
    with path.open("wb") as stream:
        stream.writelines(framed(serialised(record)) for record in records)


def framed(data: bytes) -> bytes:
    """One record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def serialised(record: Mapping[str, Any], *, packed: bool = True) -> bytes:
    """A record as a tf.train.Example, serialised by the protobuf package."""
    kind = example_class(packed)
    example = kind()
    for name, value in record.items():
        values = value if isinstance(value, list) else [value]
        feature = example.features.feature[name]
        if all(isinstance(each, int) for each in values):
            feature.int64_list.value.extend(values)
        elif all(isinstance(each, float) for each in values):
            feature.float_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(each if isinstance(each, bytes) else each.encode() for each in values)
    return example.SerializeToString(deterministic=True)


@functools.cache
def example_class(packed: bool = True) -> Any:
    """The class of tf.train.Example, made from its description; the lists of numbers are packed or not."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name=f"example_{packed}.proto", package=f"tf{packed}", syntax="proto3")
    types = descriptor_pb2.FieldDescriptorProto

    def message(name: str, *fields: tuple[str, int, int, str]) -> Any:
        made = file.message_type.add(name=name)
        for field, label, kind, of in fields:
            number = len(made.field) + 1
            entry = made.field.add(name=field, number=number, label=label, type=kind)
            if of:
                entry.type_name = f".tf{packed}.{of}"
        return made

    one, many, of = types.LABEL_OPTIONAL, types.LABEL_REPEATED, types.TYPE_MESSAGE
    for name, kind in (
        ("BytesList", types.TYPE_BYTES),
        ("FloatList", types.TYPE_FLOAT),
        ("Int64List", types.TYPE_INT64),
    ):
        made = message(name, ("value", many, kind, ""))
        if kind != types.TYPE_BYTES:
            made.field[0].options.packed = packed
    lists = (("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List"))
    feature = message("Feature", *((name, one, of, kind) for name, kind in lists))
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message("Features", ("feature", many, of, "Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=one, type=types.TYPE_STRING)
    entry.field.add(name="value", number=2, label=one, type=of, type_name=f".tf{packed}.Feature")
    message("Example", ("features", one, of, "Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tf{packed}.Example"))


def lines(*rows: Sequence[str], between: str = "\t") -> str:
    """Rows of cells as text."""
    return "".join(between.join(row) + "\n" for row in rows)
