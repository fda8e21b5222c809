"""Rows with boxes: COCO's document, tables, and what is wrong with them, by file and entry."""

from __future__ import annotations

import csv
import json

import pytest
from support import pictures

from engram.data.prepare import prepare_split
from engram.data.reader import choose_reader
from engram.data.rows import read_part
from engram.errors import DataError
from engram.schema.recipe import Data, Source, SplitPlan

SPLIT = SplitPlan(0.5, 0.25, 0.25, seed=3)


def prepared(folder, path, **more):
    data = Data(sources=(Source(path=path),), split=SPLIT, **more)
    return prepare_split(data, folder=folder, cache=folder / "cache", forms=("image_boxes",))


def rows_of(made):
    return [row for part in made.split.parts.values() for row in read_part(made.folder, part)]


def test_cocos_document_is_read_with_the_images_beside_it(tmp_path):
    path = pictures.write_coco(tmp_path, 12)
    made = prepared(tmp_path, path.name)
    assert made.split.labels == pictures.SHAPES
    rows = rows_of(made)
    assert len(rows) == 12
    for row in rows:
        number = int(row.file.name.removeprefix("images/").removesuffix(".png"))
        pixels, box = pictures.shape(pictures.SHAPES[number % 2], (32, 32), number)
        assert row.boxes == (tuple(map(float, box)),)
        assert made.split.labels[row.tags[0]] == pictures.SHAPES[number % 2]
        assert row.file.read() == pictures.png(pixels)
        assert row.input.startswith("data:;base64,")


def test_a_look_says_how_much_there_is_and_what_is_left_out(tmp_path):
    path = pictures.write_coco(tmp_path, 4)
    document = json.loads(path.read_text())
    document["annotations"][0]["iscrowd"] = 1
    path.write_text(json.dumps({"info": {"year": 2026}, "licenses": [], **document}))
    source = Source(path=path.name)
    said = choose_reader(path, source).look(path, source).said
    assert "COCO, 4 images with 3 boxes of 2 classes, 1 regions of crowds left out" in said
    assert sum(len(row.boxes) for row in rows_of(prepared(tmp_path, path.name))) == 3


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_table_has_boxes_in_a_cell_and_images_by_name_or_in_the_cell(tmp_path, suffix):
    listed = []
    for place in range(8):
        pixels, box = pictures.shape("disc", (32, 32), place)
        (tmp_path / f"{place}.png").write_bytes(pictures.png(pixels))
        name = f"{place}.png" if place % 2 else pictures.url(pictures.png(pixels))
        listed.append({"image": name, "boxes": [{"label": "disc", "box": box}] if place else []})
    path = tmp_path / f"rows.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in listed))
    else:
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["image", "boxes"])
            writer.writerows([one["image"], json.dumps(one["boxes"])] for one in listed)
    rows = rows_of(prepared(tmp_path, path.name))
    assert sorted(len(row.boxes) for row in rows) == [0] + [1] * 7


BAD_BOXES = {
    "no label": ([{"box": [0, 0, 4, 4]}], "entry 1 has no label"),
    "no box": ([{"label": "disc"}], "the box of entry 1 is None"),
    "three numbers": ([{"label": "disc", "box": [0, 0, 4]}], "the box of entry 1"),
    "no area": ([{"label": "disc", "box": [0, 0, 0, 4]}], "has no area"),
    "outside": ([{"label": "disc", "box": [0, 0, 4, 4]}, {"label": "disc", "box": [30, 0, 9, 4]}], "entry 2.*leaves"),
    "text": ("disc", "no JSON"),
    "number": (7, "expected a list"),
}


@pytest.mark.parametrize("case", BAD_BOXES)
def test_boxes_that_are_none_are_named_by_file_line_column_and_entry(tmp_path, case):
    boxes, told = BAD_BOXES[case]
    good = {"image": pictures.url(pictures.png(pictures.shape("disc", (32, 32), 0)[0])), "boxes": []}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(good) + "\n" + json.dumps({**good, "boxes": boxes}) + "\n")
    with pytest.raises(DataError, match=told) as caught:
        prepared(tmp_path, path.name)
    assert (caught.value.line, caught.value.column) == (2, "boxes")
    assert not any(entry.is_dir() for entry in (tmp_path / "cache").glob("*"))


def test_a_pixel_too_much_is_cut_off(tmp_path):
    good = pictures.url(pictures.png(pictures.shape("disc", (32, 32), 0)[0]))
    listed = [{"image": good, "boxes": [{"label": "disc", "box": [-0.5, 20, 33, 12.7]}]}]
    for place in range(1, 8):
        listed.append({"image": pictures.url(pictures.png(pictures.shape("disc", (32, 32), place)[0])), "boxes": []})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in listed))
    found = [row.boxes[0] for row in rows_of(prepared(tmp_path, "rows.jsonl")) if row.boxes]
    assert found == [(0.0, 20.0, 32.0, 12.0)]


BROKEN = {
    "annotation of no image": (lambda d: d["annotations"][1].update(image_id=99), "entry 2 of 'annotations'.*99"),
    "annotation of no class": (lambda d: d["annotations"][0].update(category_id=9), "entry 1 of 'annotations'.*9"),
    "image without a name": (lambda d: d["images"][2].pop("file_name"), "entry 3 of 'images': it lacks file_name"),
    "annotation without a box": (lambda d: d["annotations"][0].pop("bbox"), "it lacks bbox"),
    "an id twice": (lambda d: d["images"][1].update(id=0), "entry 2 of 'images'.*twice"),
    "no categories": (lambda d: d.pop("categories"), "no list 'categories'"),
    "no file": (lambda d: d["images"][0].update(file_name="gone.png"), "no file 'gone.png'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_document_is_named_by_file_and_entry(tmp_path, case):
    change, told = BROKEN[case]
    path = pictures.write_coco(tmp_path, 6)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=told) as caught:
        prepared(tmp_path, path.name)
    assert str(caught.value.file).endswith("boxes.json")


def test_a_picture_that_is_cut_off_ends_the_import_with_its_name(tmp_path):
    path = pictures.write_coco(tmp_path, 6)
    damaged = tmp_path / "images" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:-80])
    with pytest.raises(DataError, match=r"images/3\.png' is not an image file: .*cut off"):
        prepared(tmp_path, path.name)


def test_other_json_is_still_a_table_of_rows(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"rows": [{"image": "a.png", "boxes": []}]}))
    assert choose_reader(path, Source(path=str(path))).name == "json"
