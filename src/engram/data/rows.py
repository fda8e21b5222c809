"""The rows of a split's part, as files hold them: one line of canonical JSON each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from engram.data.attached import MOST_ASKED_BYTES, to_url
from engram.errors import PlatformError
from engram.schema.split import Part

Message = Mapping[str, Any]
ANSWERING = "assistant"
MOST_SAMPLE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Row:
    """One text and its class. `id` is its number among the kept rows; `label` an index into the split's labels."""

    id: int
    text: str
    label: int

    @property
    def input(self) -> str:
        """What a model is asked."""
        return self.text


@dataclass(frozen=True, slots=True)
class TagRow:
    """The words of one sentence, and for each the index of its tag in the split's labels."""

    id: int
    tokens: tuple[str, ...]
    tags: tuple[int, ...]

    @property
    def text(self) -> str:
        """The words with a space between them."""
        return " ".join(self.tokens)

    @property
    def input(self) -> tuple[str, ...]:
        """What a model is asked."""
        return self.tokens


@dataclass(frozen=True, slots=True)
class ChatRow:
    """A conversation. Each message has `role` (system, user, assistant or tool) and `content`.

    A plain text to continue is one assistant message; a prompt and its completion are a user and an assistant message.
    """

    id: int
    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages before the last answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last answer."""
        return str(self.messages[-1]["content"])

    @property
    def text(self) -> str:
        """The question by which rows are told apart: what stands before the last answer, or the text itself."""
        return "\n".join(str(one["content"]) for one in self.prompt) or self.answer

    @property
    def input(self) -> dict[str, Any]:
        """What a model is asked."""
        return {"messages": [dict(one) for one in self.prompt], "tools": [dict(one) for one in self.tools]}


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """A prompt with a better and a worse answer."""

    id: int
    messages: tuple[Message, ...]
    chosen: str
    rejected: str

    @property
    def text(self) -> str:
        """The question by which rows are told apart."""
        return "\n".join(str(one["content"]) for one in self.messages)


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A text, one that means the same, and one that does not ('' where there is none)."""

    id: int
    anchor: str
    positive: str
    negative: str

    @property
    def text(self) -> str:
        """The text by which rows are told apart."""
        return self.anchor

    @property
    def input(self) -> str:
        """What a model is asked."""
        return self.anchor


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """Two texts and how alike they are, on whatever scale."""

    id: int
    sentence1: str
    sentence2: str
    score: float

    @property
    def text(self) -> str:
        """Both texts: rows with one of them in common may say different things."""
        return f"{self.sentence1}\n{self.sentence2}"

    @property
    def input(self) -> str:
        """What a model is asked."""
        return self.sentence1


@dataclass(frozen=True, slots=True)
class Packed:
    """A file in the pack of a part. name: what its source calls it; facts: what its medium's `facts` say of it."""

    pack: Path
    at: int
    size: int
    digest: str
    name: str
    facts: Mapping[str, float]

    def read(self) -> bytes:
        """Return the content; raises PlatformError when the pack has lost it."""
        with self.pack.open("rb") as stream:
            stream.seek(self.at)
            content = stream.read(self.size)
        if len(content) != self.size:
            raise PlatformError(
                f"{self.pack} is cut off.", remedy="Prepare the data again: engram train makes it anew."
            )
        return content


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file; its class where it has one, an index into the split's labels, else -1; the texts beside it by role.

    boxes: what is to be found on a picture: left, top, width, height in its pixels. tags: the class of each.
    asks: the role of the text that a model is asked about, where it makes the file; empty where it is asked about that.
    """

    id: int
    file: Packed
    label: int = -1
    beside: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    tags: tuple[int, ...] = ()
    asks: str = ""

    @property
    def text(self) -> str:
        """The digest by which rows are told apart."""
        return self.file.digest

    @property
    def input(self) -> str:
        """What a model is asked: the file as a ``data:`` URL, or the text of which it makes one."""
        return self.beside[self.asks] if self.asks else to_url(self.file.read())


@dataclass(frozen=True, slots=True)
class SeedRow:
    """An episode, by the seed that it begins with. input: what is observed first, as plain numbers."""

    id: int
    seed: int
    input: Any

    @property
    def text(self) -> str:
        """The seed by which episodes are told apart."""
        return str(self.seed)


AnyRow = SeedRow | Row | TagRow | ChatRow | PreferenceRow | AnchorRow | ScoredRow | FileRow


def row_line(number: int, text: str, label: int) -> str:
    """Return the line of a labelled row: canonical JSON, by hand: a general encoder takes five times as long.

    >>> row_line(7, 'say "hi"', 1)
    '{"id":7,"label":1,"text":"say \\\\"hi\\\\""}\\n'
    """
    return f'{{"id":{number},"label":{label},"text":{encode_basestring(text)}}}\n'


def body_line(number: int, body: Mapping[str, Any]) -> str:
    """Return the line of any other row.

    >>> body_line(7, {"tokens": ["Rome"], "tags": [1]})
    '{"id":7,"tags":[1],"tokens":["Rome"]}\\n'
    """
    return json.dumps({"id": number, **body}, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_part(folder: Path, part: Part) -> Iterator[Any]:
    """Stream the rows of one part; nothing is verified here (see `engram.data.cache.is_sound`)."""
    decode = json.JSONDecoder().raw_decode
    make: Callable[[dict[str, Any]], AnyRow] | None = None
    with (folder / part.file).open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            record, _ = decode(line)
            make = make or _maker(record, folder / part.pack)  # all rows of a part have one form
            yield make(record)


def sample_inputs(rows: Iterable[Any], most: int) -> list[Any]:
    """Return what a model may be asked: the inputs of the first rows, at most `most` and 64 MB of files together.

    A file that is larger than what a request may hold is passed over: nobody could ask about it.
    """
    found: list[Any] = []
    size = 0
    for row in rows:
        own = row.file.size if isinstance(row, FileRow) and not row.asks else 0
        if own > MOST_ASKED_BYTES:
            continue
        size += own
        if len(found) == most or size > MOST_SAMPLE_BYTES:
            break
        found.append(row.input)
    return found


def _maker(record: Mapping[str, Any], pack: Path) -> Callable[[dict[str, Any]], AnyRow]:
    if "boxes" in record:
        return lambda one: FileRow(
            one["id"],
            Packed(pack, **one["file"]),
            boxes=tuple(tuple(box) for box in one["boxes"]),
            tags=tuple(one["tags"]),
        )
    if "seed" in record:
        return lambda one: SeedRow(one["id"], one["seed"], one["input"])
    if "file" in record:
        return lambda one: FileRow(
            one["id"],
            Packed(pack, **one["file"]),
            one.get("label", -1),
            one.get("beside", {}),
            asks=one.get("asks", ""),
        )
    if "label" in record:
        return lambda one: Row(one["id"], one["text"], one["label"])
    if "tags" in record:
        return lambda one: TagRow(one["id"], tuple(one["tokens"]), tuple(one["tags"]))
    if "chosen" in record:
        return lambda one: PreferenceRow(one["id"], tuple(one["messages"]), one["chosen"], one["rejected"])
    if "score" in record:
        return lambda one: ScoredRow(one["id"], one["sentence1"], one["sentence2"], one["score"])
    if "anchor" in record:
        return lambda one: AnchorRow(one["id"], one["anchor"], one["positive"], one["negative"])
    return lambda one: ChatRow(one["id"], tuple(one["messages"]), tuple(one.get("tools", ())))
