"""Text that was decoded with the wrong encoding: mended where the recipe asks for it, counted, and never by stealth."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.clean import Repair
from engram.data.prepare import Prepared, prepare_split
from engram.data.rows import read_part
from engram.errors import MissingExtra
from engram.schema.recipe import Clean, Data, Source

MEND = Clean(repair_encoding=True)


def broken(text: str) -> str:
    return text.encode().decode("cp1252")


def prepare(folder: Path, rows: list[str], clean: Clean = MEND, **more) -> Prepared:
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *((text, "a") for text in rows)])
    data = Data((Source(path="rows.csv"),), clean=clean)
    return prepare_split(data, folder=folder, cache=folder / "cache", **more)


def texts(made: Prepared) -> set[str]:
    return {row.text for part in made.split.parts.values() for row in read_part(made.folder, part)}


def test_rows_are_mended_before_they_are_compared_and_counted(tmp_path):
    rows = [f"row {i}" for i in range(30)] + ["café — naïve fiancé", "naïve é"]
    made = prepare(tmp_path, [*rows, broken("naïve fiancée"), broken("café — naïve fiancé"), "x"])
    assert texts(made) == {*rows, "naïve fiancée", "x"}
    mended = [said for said in made.report.said if "encoding" in said]
    assert len(mended) == 1
    assert mended[0].startswith("repaired the encoding of 2 rows (ftfy 6.")


def test_off_it_changes_nothing_and_says_nothing(tmp_path):
    rows = [f"row {i}" for i in range(30)] + [broken("café")]
    made = prepare(tmp_path, rows, Clean())
    assert texts(made) == set(rows)
    assert not any("encoding" in said for said in made.report.said)


def test_a_conversation_with_two_broken_messages_is_one_row(tmp_path):
    lines = [{"prompt": f"q{i}", "response": f"a{i}"} for i in range(20)]
    lines.append({"prompt": broken("où?"), "response": broken("là")})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = Data((Source(path="rows.jsonl"),), clean=MEND)
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("prompt_response",))
    assert any(said.startswith("repaired the encoding of 1 row (") for said in made.report.said)
    assert "où?" in texts(made)


def test_another_version_of_the_library_is_another_split(tmp_path, monkeypatch):
    import ftfy

    rows = [f"row {i}" for i in range(30)]
    first = prepare(tmp_path, rows).folder
    monkeypatch.setattr(ftfy, "__version__", "999")
    assert prepare(tmp_path, rows).folder != first


@given(st.lists(st.sampled_from(["“Ça", "va?”", "naïve", "déjà", "—", "größer", "日本語", "año", "5 €", "ok"])))
def test_whole_text_stays_whole(words):
    mend, text = Repair(), " ".join(words)
    assert mend(text) == text
    assert mend.changed == 0


@pytest.mark.parametrize("text", ["café", "“so”", "naïve — déjà", "日本語", "Ünïcödé", "👍 ok"])
def test_what_latin_1_or_windows_made_of_utf_8_is_undone(text):
    mend = Repair()
    assert mend(text.encode().decode("latin-1")) == text
    assert mend.changed == 1


def test_only_the_encoding_is_mended():
    assert Repair()("&lt;b&gt; “it’s” \u001b[31mﬁ é") == "&lt;b&gt; “it’s” \u001b[31mﬁ é"


CHILD = """
import sys
from pathlib import Path
from engram.data.prepare import prepare_split
from engram.schema.recipe import Clean, Data, Source
folder, mend = Path(sys.argv[1]), sys.argv[2] == "on"
data = Data((Source(path="rows.csv"),), clean=Clean(deduplicate="near", repair_encoding=mend))
prepare_split(data, folder=folder, cache=folder / "cache")
print("ftfy" in sys.modules)
"""


@pytest.mark.parametrize(("asked", "loaded"), [("off", "False"), ("on", "True")])
def test_the_library_is_imported_only_when_asked_for(tmp_path, asked, loaded):
    prepare(tmp_path, [f"é row {i}" for i in range(30)], Clean())
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loaded


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ftfy", None)
    with pytest.raises(MissingExtra, match="repair_encoding") as caught:
        prepare(tmp_path, ["a row"])
    assert "[train]" in caught.value.remedy
