"""The pages are built when their source has changed, whole or not at all, and Engram starts without them too."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

SH = shutil.which("sh")
unix = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
# As much of npm as is asked for: `ci` makes the folder afresh, `run bundle` writes a build; each is written down.
NPM = """#!{python}
import os, pathlib, shutil, sys
pathlib.Path("{log}").open("a").write(" ".join(sys.argv[1:3]) + "\\n")
if pathlib.Path("{log}.fails").exists():
    sys.exit("npm error code ENOTFOUND")
if sys.argv[1] == "ci":
    shutil.rmtree("node_modules", ignore_errors=True)
    os.mkdir("node_modules")
else:
    out = pathlib.Path(sys.argv[sys.argv.index("--outDir") + 1])
    (out / "assets").mkdir(parents=True)
    (out / "index.html").write_text(pathlib.Path("src/main.tsx").read_text())
    if pathlib.Path("{log}.halts").exists():
        sys.exit(1)
"""


@pytest.fixture
def checkout(tmp_path, pages, monkeypatch):
    """A checkout with pages that were never built, and an environment."""
    ui = tmp_path / "ui"
    for name in ("package.json", "package-lock.json", "src/main.tsx", "src/main.test.tsx", "openapi.json"):
        (ui / name).parent.mkdir(parents=True, exist_ok=True)
        (ui / name).write_text("one")
    (tmp_path / "src" / "engram" / "ui").mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    return tmp_path


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def put_node(folder, version, log):
    folder.mkdir(exist_ok=True)
    write_program(folder / "node", f"#!{SH}\necho {version}\n")
    write_program(folder / "npm", NPM.format(python=sys.executable, log=log))


@pytest.fixture
def asked(checkout, monkeypatch):
    """A PATH with nothing but a Node that fits; returns what was asked of its npm."""
    log = checkout / "npm.log"
    put_node(checkout / "node", "v24.19.0", log)
    monkeypatch.setenv("PATH", str(checkout / "node"))
    return lambda: log.read_text().splitlines() if log.exists() else []


def ensure(pages, checkout):
    pages.ensure(checkout / "venv", debug=False)
    return checkout / "src" / "engram" / "ui"


def left_beside(folder):
    return sorted(path.name for path in folder.iterdir())


@unix
def test_a_second_start_builds_nothing(pages, checkout, asked):
    target = ensure(pages, checkout)
    assert pages.state() == "built"
    ensure(pages, checkout)
    assert asked() == ["ci --no-audit", "run bundle"]
    assert (target / "built" / "index.html").read_text() == "one"
    assert left_beside(target) == ["built"]


@unix
@pytest.mark.parametrize("name", ["src/main.tsx", "package-lock.json", "public/assets/new.js"])
def test_what_the_pages_are_made_from_builds_them_again(pages, checkout, asked, name):
    ensure(pages, checkout)
    (checkout / "ui" / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / "ui" / name).write_text("two")
    assert "older than their source" in pages.state()
    ensure(pages, checkout)
    again = ["ci --no-audit"] if name == "package-lock.json" else []
    assert asked() == ["ci --no-audit", "run bundle", *again, "run bundle"]
    assert pages.state() == "built"


@unix
def test_a_file_that_moved_counts_as_a_change(pages, checkout, asked):
    ensure(pages, checkout)
    (checkout / "ui" / "src" / "main.tsx").rename(checkout / "ui" / "src" / "other.tsx")
    assert "older than their source" in pages.state()


@unix
@pytest.mark.parametrize("name", ["src/main.test.tsx", "openapi.json", "node_modules/react/index.js", ".cache/x"])
def test_what_is_no_part_of_a_build_builds_nothing(pages, checkout, asked, name):
    ensure(pages, checkout)
    (checkout / "ui" / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / "ui" / name).write_text("two")
    assert pages.state() == "built"


@unix
def test_a_build_without_its_document_is_none(pages, checkout, asked):
    target = ensure(pages, checkout)
    (target / "built" / "index.html").unlink()
    assert "not built yet" in pages.state()
    ensure(pages, checkout)
    assert (target / "built" / "index.html").exists()


@unix
def test_without_a_way_to_the_registry_it_is_said_and_kept_and_mended_later(pages, checkout, asked, capsys):
    fails = checkout / "npm.log.fails"
    fails.touch()
    target = ensure(pages, checkout)
    said = capsys.readouterr().out
    assert "There is no way to the registry of Node packages" in said
    assert "Engram works without its pages." in said
    kept = (target / "not-built.txt").read_text()
    assert kept.startswith("Installing what builds the pages failed. There is no way")
    assert "\n" not in kept and str(checkout) not in kept
    fails.unlink()
    ensure(pages, checkout)
    assert left_beside(target) == ["built"]


@unix
def test_a_build_that_fails_leaves_the_older_pages_whole(pages, checkout, asked, capsys):
    target = ensure(pages, checkout)
    (checkout / "ui" / "src" / "main.tsx").write_text("two")
    (checkout / "npm.log.halts").touch()
    ensure(pages, checkout)
    assert "The older pages are used." in capsys.readouterr().out
    assert (target / "built" / "index.html").read_text() == "one"
    assert left_beside(target) == ["built", "not-built.txt"]


@unix
def test_an_interrupted_build_leaves_nothing_half(pages, checkout, asked, monkeypatch):
    whole = pages.run_step

    def interrupted(title, command, log, **more):
        whole(title, command, log, **more)
        if title == "Building the pages":
            raise KeyboardInterrupt

    monkeypatch.setattr(pages, "run_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure(pages, checkout)
    assert left_beside(checkout / "src" / "engram" / "ui") == []
    assert "not built yet" in pages.state()


@unix
def test_what_a_killed_build_left_is_swept_and_a_living_one_s_is_not(pages, checkout, asked):
    target = checkout / "src" / "engram" / "ui"
    (target / ".building-4194999").mkdir()
    (target / ".building-4194999-old").mkdir()
    (target / f".building-{os.getppid()}").mkdir()
    ensure(pages, checkout)
    assert left_beside(target) == [f".building-{os.getppid()}", "built"]


@unix
@pytest.mark.parametrize("version", ["v18.20.4", "v22.11.0", "no version"])
def test_an_old_node_is_passed_over_for_the_one_from_pip(pages, checkout, asked, monkeypatch, version):
    put_node(checkout / "node", version, checkout / "old.log")
    added = []

    def add(venv, title, requirement, *, debug):
        added.append((title, requirement))
        put_node(venv / "bin", "v24.19.0", checkout / "npm.log")

    monkeypatch.setattr(pages.environment, "add", add)
    ensure(pages, checkout)
    (checkout / "ui" / "src" / "main.tsx").write_text("two")
    ensure(pages, checkout)
    assert added == [("Installing Node", pages.NODE)]
    assert asked() == ["ci --no-audit", "run bundle", "run bundle"]
    assert not (checkout / "old.log").exists()


@unix
def test_where_neither_node_is_to_be_had_engram_starts_all_the_same(pages, checkout, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(checkout / "nothing"))
    monkeypatch.setattr(pages.environment, "add", lambda venv, title, requirement, *, debug: None)
    target = ensure(pages, checkout)
    assert "Install Node 20.19 or newer" in capsys.readouterr().out
    assert "Install Node 20.19 or newer" in (target / "not-built.txt").read_text()
    assert pages.path_with_node(checkout / "venv") == ""


def test_without_their_source_nothing_is_built(pages, checkout, monkeypatch):
    (checkout / "ui" / "package.json").unlink()
    monkeypatch.setattr(pages, "build", lambda venv, *, debug: pytest.fail("built"))
    ensure(pages, checkout)
    assert "no source" in pages.state()


def test_the_node_from_pip_is_pinned_as_the_constraints_say(pages, root):
    assert pages.NODE in (root / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("npm error code EAI_AGAIN", "no way to the registry"),
        ("npm error code ENOSPC", "disk is full"),
        ("npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "npm config set cafile"),
        ("npm error `npm ci` can only install packages when", "contradict each other"),
        ("npm error code EACCES", "may not be written"),
        ("something else", "--debug"),
    ],
)
def test_what_npm_says_is_told_in_other_words(run_all, output, remedy):
    assert remedy in sys.modules["launcher.messages"].explain_npm(output)


def test_the_build_is_a_part_of_the_package_though_git_ignores_it(root):
    text = (root / "pyproject.toml").read_text()
    assert 'artifacts = ["src/engram/ui/built/"]' in text
    assert "/src/engram/ui/built/" in (root / ".gitignore").read_text()
    assert (Path(root) / "src" / "engram" / "ui" / "__init__.py").exists()
