"""The rows of a split's part, as files hold them: one line of canonical JSON each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring
from pathlib import Path

from engram.schema.split import Part


@dataclass(frozen=True, slots=True)
class Row:
    """One kept row. `id` is its number among the kept rows; `label` an index into the split's labels."""

    id: int
    text: str
    label: int


def row_line(number: int, text: str, label: int) -> str:
    """Return the row's line: canonical JSON, written by hand because a general encoder takes five times as long.

    >>> row_line(7, 'say "hi"', 1)
    '{"id":7,"label":1,"text":"say \\\\"hi\\\\""}\\n'
    """
    return f'{{"id":{number},"label":{label},"text":{encode_basestring(text)}}}\n'


def read_part(folder: Path, part: Part) -> Iterator[Row]:
    """Stream the rows of one part; nothing is verified here (see `engram.data.cache.is_sound`)."""
    decode = json.JSONDecoder().raw_decode
    with (folder / part.file).open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            record, _ = decode(line)
            yield Row(record["id"], record["text"], record["label"])
