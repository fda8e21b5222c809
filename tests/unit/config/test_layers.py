"""Layers of plain data: what merges, what is replaced, and that positions follow the values."""

from __future__ import annotations

from engram.config.tree import Mark, Tree, leaves, overlay, put


def mark(where: str) -> Mark:
    return Mark(where, where)


BASE = Tree(
    {"a": {"x": 1, "l": [1, 2]}, "b": 2},
    {(): mark("0"), ("a",): mark("1"), ("a", "x"): mark("2"), ("a", "l"): mark("3"), ("a", "l", 1): mark("4")},
)


def test_a_list_that_is_replaced_takes_its_positions_along():
    top = Tree(
        {"a": {"l": [9], "n": {"m": 1}}}, {("a",): mark("t1"), ("a", "l"): mark("t2"), ("a", "n", "m"): mark("t3")}
    )
    merged = overlay(BASE, top)
    assert merged.data == {"a": {"x": 1, "l": [9], "n": {"m": 1}}, "b": 2}
    where = {path: one.where for path, one in merged.marks.items()}
    assert where == {(): "0", ("a",): "1", ("a", "x"): "2", ("a", "l"): "t2", ("a", "n", "m"): "t3"}


def test_nothing_and_a_block_replace_each_other():
    assert overlay(Tree({"a": {"x": 1}}), Tree({"a": None})).data == {"a": None}
    assert overlay(Tree({"a": None}), Tree({"a": {"x": 1}})).data == {"a": {"x": 1}}


def test_putting_a_value_forgets_what_stood_below_and_leaves_the_base_alone():
    changed = put(BASE, ("a",), 5, mark("set"))
    assert changed.data == {"a": 5, "b": 2}
    assert set(changed.marks) == {(), ("a",)}
    assert changed.mark(("a", "l", 1)).where == "set"
    assert put(BASE, ("a", "l", 0), 7, mark("set")).data["a"]["l"] == [7, 2]
    assert BASE.data == {"a": {"x": 1, "l": [1, 2]}, "b": 2}


def test_leaves_go_through_blocks_and_lists():
    assert list(leaves(BASE.data)) == [(("a", "x"), 1), (("a", "l", 0), 1), (("a", "l", 1), 2), (("b",), 2)]
