"""A room imports only the rooms below it; a new room needs a place in the drawing (pyproject.toml)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib

import pytest
from house.tree import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in SETTINGS["contracts"]}
LAYERS = CONTRACTS["rooms"]["layers"]
RUN = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(config, cwd, search=None):
    environment = {**os.environ, "PYTHONPATH": str(search)} if search else dict(os.environ)
    command = [sys.executable, "-c", RUN, "--config", str(config), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def rooms(layer):
    """Return the rooms of one line of the drawing."""
    return [name.strip().strip("()") for name in layer.split("|")]


def test_every_arrow_points_down():
    done = lint(ROOT / "pyproject.toml", ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout


def test_the_drawing_is_exhaustive_and_kinds_are_independent():
    assert CONTRACTS["rooms"]["exhaustive"] is True
    assert CONTRACTS["rooms"]["containers"] == ["engram"]
    assert CONTRACTS["kinds"]["modules"] == ["engram.kinds.*"]
    assert not any("ignore_imports" in contract for contract in CONTRACTS.values())


def test_architecture_md_draws_the_same_rooms_in_the_same_order():
    drawn = re.search(r"```arrows\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.DOTALL)
    assert drawn, "ARCHITECTURE.md has no block ```arrows"
    lines = [sorted(rooms(line)) for line in drawn[1].strip().splitlines()]
    assert lines == [sorted(rooms(layer)) for layer in LAYERS]


@pytest.fixture
def probe(tmp_path):
    """A small house with the same drawing, where arrows can be drawn wrong."""
    for layer in LAYERS:
        for room in rooms(layer):
            (tmp_path / "probe" / room).mkdir(parents=True)
            (tmp_path / "probe" / room / "__init__.py").write_text("")
    (tmp_path / "probe" / "__init__.py").write_text("")
    quoted = ", ".join(f'"{layer}"' for layer in LAYERS)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_package = "probe"\n[[tool.importlinter.contracts]]\nname = "rooms"\n'
        f'type = "layers"\ncontainers = ["probe"]\nexhaustive = true\nlayers = [{quoted}]\n'
    )

    def draw(room, line):
        folder = tmp_path / "probe" / room
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(line)
        return lint(tmp_path / "pyproject.toml", tmp_path, search=tmp_path)

    return draw


def test_a_right_arrow_passes(probe):
    assert probe("cli", "import probe.pipeline").returncode == 0


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("errors", "import probe.schema"),
        ("train", "import probe.gate"),
        ("data", "from probe.ledger import x"),
        ("gate", "def late():\n    import probe.pipeline\n"),
    ],
)
def test_a_wrong_arrow_is_found(probe, room, line):
    done = probe(room, line)
    assert done.returncode == 1
    assert f"probe.{room}" in done.stdout


def test_a_room_without_a_place_in_the_drawing_is_found(probe):
    done = probe("attic", "")
    assert done.returncode == 1
    assert "attic" in done.stdout
