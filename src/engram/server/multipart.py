"""A form with one file, read from a request as it arrives: the file goes to the disk, the fields are few and short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from engram.errors import UsageError

MOST_FIELDS, MOST_FIELD_BYTES = 16, 4096
LIST = "[]"  # at the end of a field's name: it may come again


@dataclass(frozen=True)
class Received:
    """What a form held. name: of the file, as its sender calls it; bytes: of the file.

    lists: the fields whose names end with ``[]``, which may come several times, without these brackets.
    """

    fields: Mapping[str, str]
    name: str
    bytes: int
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class _Form:
    """Takes the parser's calls."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.most = file, most
        self.fields: dict[str, bytes] = {}
        self.name: str | None = None
        self.bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._header = [b"", b""]
        self._field: str | None = None
        self.ended = False

    def header_piece(self, at: int, data: bytes, start: int, end: int) -> None:
        self._header[at] += data[start:end]

    def header_end(self) -> None:
        self._headers[self._header[0].lower()], self._header = self._header[1], [b"", b""]

    def part_begin(self) -> None:
        self._headers = {}

    def headers_finished(self) -> None:
        said = parse_options_header(self._headers.get(b"content-disposition", b""))[1]
        name = said.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in said:
            if name != "file" or self.name is not None:
                raise UsageError("The form holds one file, in its field 'file'.")
            self.name, self._field = said[b"filename"].decode("utf-8", "replace"), None
            return
        if name.endswith(LIST):
            name += str(len(self.fields))
        if not name or name in self.fields or len(self.fields) >= MOST_FIELDS:
            raise UsageError(f"The form has no field, or {name[:60]!r} twice, or more than {MOST_FIELDS} fields.")
        self.fields[name], self._field = b"", name

    def data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self.bytes += end - start
            if self.bytes > self.most:
                raise UsageError(f"The file has more than {self.most} bytes.", remedy="Send it in several files.")
            self.file.write(data[start:end])
            return
        self.fields[self._field] += data[start:end]
        if len(self.fields[self._field]) > MOST_FIELD_BYTES:
            raise UsageError(f"The field {self._field[:60]!r} has more than {MOST_FIELD_BYTES} bytes.")

    def end(self) -> None:
        self.ended = True


async def receive(request: Request, to: Path, most: int) -> Received:
    """Read a form with one file, which is written to `to` and is never in memory; as `receive_into`."""
    with to.open("wb") as file:
        return await receive_into(request, file, most)


async def receive_into(request: Request, file: BinaryIO, most: int) -> Received:
    """Read a form with one file, which is written to another as it arrives.

    most: bytes of the file.
    Raises UsageError for what is no such form, or is larger.
    """
    kind, said = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not said.get(b"boundary"):
        raise UsageError("Send the file as multipart/form-data.", remedy="For example: curl -F purpose=… -F file=@…")
    form = _Form(file, most)
    try:
        parser = MultipartParser(
            said[b"boundary"],
            {
                "on_part_begin": form.part_begin,
                "on_header_field": lambda data, start, end: form.header_piece(0, data, start, end),
                "on_header_value": lambda data, start, end: form.header_piece(1, data, start, end),
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_part_data": form.data,
                "on_end": form.end,
            },
        )
        async for piece in request.stream():
            parser.write(piece)
    except FormParserError as error:
        raise UsageError(f"The form can't be read: {error}") from error
    if not form.ended or form.name is None:
        raise UsageError("The form is not whole, or holds no file.", remedy="It needs the field 'file'.")
    return _received(form, form.name)


def _received(form: _Form, name: str) -> Received:
    fields: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for key, value in form.fields.items():
        text, (plain, several, _) = value.decode("utf-8", "replace"), key.partition(LIST)
        if several:
            lists[plain] = (*lists.get(plain, ()), text)
        else:
            fields[key] = text
    return Received(fields, name, form.bytes, lists)
