"""Near duplicates among the rows of a split: which go, which stay together, and that none leaks into test."""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.clean import fold
from engram.data.leakage import leaked_rows
from engram.data.near import Near, learn
from engram.data.prepare import Prepared, check_data, prepare_split
from engram.data.rows import read_part
from engram.data.sketch import Sketcher, words_of
from engram.schema.recipe import Clean, Data, Source, SplitPlan

NAMES = ("train", "valid", "test")
NEAR = Clean(deduplicate="near")
PLAIN = [" ".join(f"w{n}x{i}" for i in range(20)) for n in range(60)]


def changed(text: str, words: int = 1, word: str = "other") -> str:
    said = text.split()
    return " ".join([*said[:3], *(f"{word}{i}" for i in range(words)), *said[3 + words :]])


def write(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def prepare(
    folder: Path, rows: list[tuple[str, ...]], *, name: str = "rows.csv", clean: Clean = NEAR, **more
) -> Prepared:
    header = more.pop("header", ("text", "label"))
    write(folder / name, rows, header)
    data = Data((Source(path=name),), clean=clean, **more)
    return prepare_split(data, folder=folder, cache=folder / "cache")


def texts(made: Prepared, *names: str) -> list[str]:
    return [row.text for name in names or NAMES for row in read_part(made.folder, made.split.parts[name])]


def labelled(some: list[str], label: str = "a") -> list[tuple[str, str]]:
    return [(text, label) for text in some]


def alike(one: str, other: str) -> float:
    bags = []
    for text in (one, other):
        words = ["<", *words_of(fold(text)), ">"]
        bags.append(Counter(pairwise(words)))
    return sum((bags[0] & bags[1]).values()) / sum((bags[0] | bags[1]).values())


def test_a_row_with_one_changed_word_of_twenty_is_dropped_and_counted(tmp_path):
    made = prepare(tmp_path, labelled([*PLAIN, changed(PLAIN[0]), f"{PLAIN[1]}!", PLAIN[2].upper()]))
    assert made.report.dropped == {"near_duplicate": 3}
    assert made.report.rows_kept == 60
    assert made.report.leaked_test_rows == 0
    assert any(
        said == "near duplicates: 2 pairs of texts with a similarity of 0.8 or more" for said in made.report.said
    )


def test_other_ways_to_deduplicate_keep_it(tmp_path):
    rows = labelled([*PLAIN, changed(PLAIN[0]), PLAIN[1]])
    assert prepare(tmp_path, rows, clean=Clean()).report.dropped == {"duplicate": 1}
    assert prepare(tmp_path, rows, clean=Clean(deduplicate="none")).report.dropped == {}
    assert prepare(tmp_path, rows).report.dropped == {"duplicate": 1, "near_duplicate": 1}


def test_the_threshold_is_the_recipes(tmp_path):
    rows = labelled([*PLAIN, changed(PLAIN[0], 4)])
    assert prepare(tmp_path, rows).report.dropped == {}
    assert prepare(tmp_path, rows, clean=Clean("near", near_threshold=0.6)).report.dropped == {"near_duplicate": 1}


def test_rows_of_another_class_stay_and_stay_together(tmp_path):
    rows = labelled(PLAIN) + labelled([changed(text, word="un") for text in PLAIN], "b")
    made = prepare(tmp_path, rows, split=SplitPlan(0.5, 0.25, 0.25))
    assert made.report.dropped == {}
    assert made.report.leaked_test_rows == 0
    for name in NAMES:
        here = texts(made, name)
        assert here
        assert all(changed(text, word="un") in here for text in here if "un0" not in text)


def test_a_chain_of_texts_each_a_little_different_does_not_shrink_to_one(tmp_path):
    chain = [PLAIN[0]]
    for place in range(1, 18):
        said = chain[-1].split()
        said[place] = f"new{place}"
        chain.append(" ".join(said))
    made = prepare(tmp_path, labelled(chain + PLAIN[1:]))
    kept = [text for text in texts(made) if text in chain]
    assert 3 <= len(kept) < len(chain)
    assert all(alike(one, other) < 0.8 for one in kept for other in kept if one != other)
    assert all(max(alike(text, one) for one in kept) >= 0.8 for text in chain)


def test_parts_as_given_lose_the_copy_that_is_learned_from(tmp_path):
    write(tmp_path / "test.csv", labelled([PLAIN[0], changed(PLAIN[0]), PLAIN[1]]))
    write(tmp_path / "valid.csv", labelled([changed(PLAIN[1]), PLAIN[2]]))
    # The row of train that is near a row of valid stays, because that row is near one of test and goes.
    write(
        tmp_path / "train.csv",
        [*labelled(PLAIN[5:]), *labelled([changed(PLAIN[0], word="more"), changed(PLAIN[2])], "b")],
    )
    sources = tuple(Source(path=f"{name}.csv", part=name) for name in NAMES)
    made = prepare_split(Data(sources, clean=NEAR), folder=tmp_path, cache=tmp_path / "cache")
    assert made.report.dropped == {"near_leaked": 3}
    assert texts(made, "test") == [PLAIN[0], changed(PLAIN[0]), PLAIN[1]]
    assert texts(made, "valid") == [PLAIN[2]]
    assert texts(made, "train") == PLAIN[5:]
    assert made.report.leaked_test_rows == 0


def test_what_is_near_a_row_that_goes_stays(tmp_path):
    middle = changed(PLAIN[0], 2, "middle")
    far = " ".join([*middle.split()[:10], "far0", "far1", *middle.split()[12:]])
    assert alike(PLAIN[0], middle) > 0.7 < alike(middle, far)
    assert alike(PLAIN[0], far) < 0.7
    for name, rows in (("test", [PLAIN[0]]), ("valid", [middle, PLAIN[1]]), ("train", [far, *PLAIN[2:]])):
        write(tmp_path / f"{name}.csv", labelled(rows))
    sources = tuple(Source(path=f"{name}.csv", part=name) for name in NAMES)
    data = Data(sources, clean=Clean("near", near_threshold=0.7))
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache")
    assert made.report.dropped == {"near_leaked": 1}
    assert far in texts(made, "train")


def test_the_order_of_the_file_does_not_change_what_is_kept(tmp_path):
    draw = random.Random(3)
    near = [changed(text, draw.randint(1, 3), f"v{i}") for i in range(3) for text in PLAIN]
    rows = [(text, draw.choice("ab"), f"g{draw.randint(0, 30)}") for text in (*PLAIN, *near)]
    header = ("text", "label", "g")
    for plan, limit in ((SplitPlan(), None), (SplitPlan(group="g"), None), (SplitPlan(), 70)):
        one, two = (
            prepare(tmp_path, order, name=name, header=header, split=plan, limit=limit)
            for name, order in (("one.csv", rows), ("two.csv", draw.sample(rows, len(rows))))
        )
        assert one.report.dropped["near_duplicate"] > 20
        assert all(sorted(texts(one, name)) == sorted(texts(two, name)) for name in NAMES)


WORDS = st.lists(st.sampled_from([f"w{i}" for i in range(12)]), min_size=1, max_size=7)
ROW = st.tuples(WORDS.map(" ".join), st.sampled_from("ab"), st.sampled_from(["", "train", "valid", "test"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40), st.sampled_from([0.5, 0.6, 0.8, 1.0]), st.integers(0, 9))
def test_no_row_of_test_is_near_a_row_that_is_learned_from_and_none_goes_without_a_neighbour(rows, threshold, seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = []
        for part in ("", *NAMES):
            filler = [(f"{part} filler{i} {part}{i}a {part}{i}b {part}{i}c", "ab"[i % 2]) for i in range(6)]
            write(folder / f"{part}rows.csv", [row[:2] for row in rows if row[2] == part] + filler)
            sources.append(Source(path=f"{part}rows.csv", part=part or None))
        clean = Clean("near", near_threshold=threshold)
        data = Data(tuple(sources), clean=clean, split=SplitPlan(seed=seed))
        made = prepare_split(data, folder=folder, cache=folder / "cache")
        report = made.report
        assert report.rows_read == len(rows) + 24 == report.rows_kept + sum(report.dropped.values())
        assert report.leaked_test_rows == 0
        kept = {part: [fold(text) for text in texts(made, part)] for part in NAMES}
        learned = [*kept["train"], *kept["valid"]]
        assert not {one for one in kept["test"] for other in learned if alike(one, other) >= threshold - 1e-9}
        given_texts = list(dict.fromkeys(fold(row[0]) for row in rows))
        lost = [text for text in given_texts if not any(text in some for some in kept.values())]
        if report.dropped.get("conflicting_label"):
            return
        for text in lost:
            assert any(alike(text, other) >= threshold - 1e-9 for some in kept.values() for other in some)


def test_conversations_are_compared_by_their_question_and_go_only_with_the_same_answer(tmp_path):
    lines = [{"prompt": text, "completion": "Yes."} for text in PLAIN]
    lines += [{"prompt": changed(PLAIN[0]), "completion": "yes. "}, {"prompt": changed(PLAIN[1]), "completion": "No."}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = Data((Source(path="rows.jsonl"),), clean=NEAR, format="prompt_response", columns={"response": "completion"})
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("prompt_response",))
    assert made.report.dropped == {"near_duplicate": 1}
    home = {row.text: name for name in NAMES for row in read_part(made.folder, made.split.parts[name])}
    assert home[PLAIN[1]] == home[changed(PLAIN[1])]
    assert made.report.leaked_test_rows == 0


def test_texts_to_continue_are_compared_whole(tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in (*PLAIN, changed(PLAIN[0]))))
    data = Data((Source(path="rows.jsonl"),), clean=NEAR)
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("text",))
    assert made.report.dropped == {"near_duplicate": 1}


def test_triples_go_only_with_the_same_positive(tmp_path):
    lines = [{"anchor": text, "positive": f"p{i}"} for i, text in enumerate(PLAIN)]
    lines += [{"anchor": changed(PLAIN[0]), "positive": "P0"}, {"anchor": changed(PLAIN[1]), "positive": "p0"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = Data((Source(path="rows.jsonl"),), clean=NEAR)
    made = prepare_split(data, folder=tmp_path, cache=tmp_path / "cache", forms=("anchors",))
    assert made.report.dropped == {"near_duplicate": 1}


@pytest.mark.parametrize("words", [0, 1, 6])
def test_the_check_finds_a_near_leak_that_somebody_wrote(tmp_path, words):
    made = prepare(tmp_path, labelled(PLAIN))
    train, test = (made.folder / made.split.parts[name].file for name in ("train", "test"))
    stolen = json.loads(test.read_text().splitlines()[0])
    with train.open("a") as stream:
        stream.write(json.dumps({**stolen, "text": changed(stolen["text"], words) if words else stolen["text"]}) + "\n")
    sketcher = Sketcher()
    for text in PLAIN:
        sketcher.add(text)
    near: Near = learn(sketcher.done(), 0.8)
    assert leaked_rows(made.folder, made.split.parts, near) == (words < 6)
    assert leaked_rows(made.folder, made.split.parts) == (words == 0)


def test_a_check_of_a_file_counts_near_duplicates_too(tmp_path):
    write(tmp_path / "rows.csv", labelled([*PLAIN, changed(PLAIN[0])]))
    report = check_data(Data((Source(path="rows.csv"),), clean=NEAR), folder=tmp_path)
    assert report.dropped == {"near_duplicate": 1}


def test_rows_without_any_text_are_told_as_ever(tmp_path):
    from engram.errors import DataError

    with pytest.raises(DataError, match="left none for the part"):
        prepare(tmp_path, labelled(["", " "]))
