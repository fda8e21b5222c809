"""Every named crash point of the code is provoked by a test."""

from __future__ import annotations

import ast

from house.tree import ROOT, parse, python_files, shown, sources

HERE = ROOT / "tests" / "house"


def crashpoints(path):
    """Return (name, place) of each call of crashpoint in a file; the name is empty where it is no literal."""
    found = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "crashpoint":
            first = node.args[0] if node.args else None
            name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            found.append((name, f"{shown(path)}:{node.lineno}"))
    return found


def unprovoked(points, test_texts):
    """Return the places of crash points that no test names, or that are not literals."""
    return [
        f"{place}: crash point {name!r} is {'in no test' if name else 'not a literal'}"
        for name, place in points
        if not name or not any(f'"{name}"' in text or f'"{name}:' in text for text in test_texts)
    ]


def test_every_crash_point_is_in_a_test():
    points = [point for path in sources() for point in crashpoints(path)]
    tests = [path.read_text() for path in python_files(ROOT / "tests") if not path.is_relative_to(HERE)]
    assert points, "the code names no crash point"
    assert unprovoked(points, tests) == []


def test_two_crash_points_never_share_a_name():
    names = [name for path in sources() for name, _ in crashpoints(path)]
    assert len(names) == len(set(names))


def test_an_unprovoked_crash_point_is_found(tmp_path):
    (tmp_path / "x.py").write_text('crashpoint("a")\nproc.crashpoint("b")\ncrashpoint("c")\ncrashpoint(name)\n')
    points = crashpoints(tmp_path / "x.py")
    assert [name for name, _ in points] == ["a", "b", "c", ""]
    said = unprovoked(points, ['provoke("a")', 'provoke("b:3")'])
    assert len(said) == 2
    assert "'c' is in no test" in said[0]
    assert "not a literal" in said[1]
