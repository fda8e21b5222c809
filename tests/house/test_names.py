"""Public names say what they are, and each idea has one word."""

from __future__ import annotations

import ast
import re

import pytest
from house.tree import LAUNCHER, parse, shown, sources

# One word per idea; on the left what the same idea is called elsewhere.
ONE_WORD = {
    "job": "run", "jobs": "run", "session": "run", "sessions": "run", "pilot": "recipe", "specialist": "recipe",
    "endpoint": "deployment", "relay": "deployment", "phase": "stage or kind",
}  # fmt: skip
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree):
    """Return the public functions and classes of a module, and the public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (child for child in node.body if is_public_function(child))


def is_public_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")


def docstring_problems(path):
    """Return the public names without a docstring whose first sentence ends with a full stop."""
    tree = parse(path)
    if tree.body and not ast.get_docstring(tree):
        yield f"{shown(path)}: the module has no docstring"
    for node in definitions(tree):
        said = ast.get_docstring(node) or ""
        if not re.search(r"[.!?](\s|$)", said.split("\n\n")[0]):
            yield f"{shown(path)}:{node.lineno} {node.name}: no docstring with a first sentence that ends"


def word_problems(path):
    """Return the public names of modules, functions and classes that use a second word for an idea that has one."""
    found = [node for node in ast.walk(parse(path)) if isinstance(node, Definition) and not node.name.startswith("_")]
    names = [(1, path.stem), *((node.lineno, node.name) for node in found)]
    for line, name in names:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        for word, right in ONE_WORD.items():
            if re.search(rf"(^|_){word}(_|$)", snake):
                yield f"{shown(path)}:{line} {name}: say {right} instead of {word}"


def test_public_names_are_documented():
    assert [said for path in [*sources(), *LAUNCHER] for said in docstring_problems(path)] == []


def test_one_word_per_idea():
    assert [said for path in sources() for said in word_problems(path)] == []


@pytest.mark.parametrize(
    "code",
    [
        '"""Module."""\ndef run(): pass\n',
        '"""Module."""\ndef run():\n    """Do it"""\n',
        '"""Module."""\nclass Run:\n    """A run."""\n    def stop(self): pass\n',
        "def _private(): pass\n",
    ],
)
def test_a_name_without_a_sentence_is_found(tmp_path, code):
    (tmp_path / "x.py").write_text(code)
    assert len(list(docstring_problems(tmp_path / "x.py"))) == 1


def test_documented_and_private_names_pass(tmp_path):
    (tmp_path / "x.py").write_text('"""A module."""\ndef run():\n    """Do it; see\n    RFC 6962."""\ndef _p(): pass\n')
    assert list(docstring_problems(tmp_path / "x.py")) == []


@pytest.mark.parametrize(
    ("file", "code", "count"),
    [
        ("x.py", "class TrainJob: pass", 1),
        ("x.py", "def start_session(): pass", 1),
        ("jobs.py", "", 1),
        ("x.py", "class Jobless: pass\ndef jobbing(): pass\ndef _job(): pass\nstart_new_session = 1", 0),
    ],
)
def test_a_second_word_is_found(tmp_path, file, code, count):
    (tmp_path / file).write_text(code)
    assert len(list(word_problems(tmp_path / file))) == count
