"""What is installed: torch exact, nothing that drags CUDA in, every direct dependency pinned by the constraints."""

from __future__ import annotations

import re
import tomllib

import pytest
from house.tree import ROOT

NEVER = {
    "torchvision", "torchaudio", "timm", "ultralytics", "norse", "torch-audiomentations", "audiomentations",
    "python-jose", "pymerkle", "slowapi",
}  # fmt: skip
# Installed on request only, and not with the launcher: `bench` holds the tools that we race against.
UNPINNED_EXTRAS = {"bench"}


def normal(name):
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[@]", name.strip(), maxsplit=1)[0]).lower()


def forbidden(lines):
    """Return the requirements that may never be ours."""
    return [line for line in lines if normal(line) in NEVER]


def pins(text):
    """Return name → version of a constraints file; raises ValueError for a line that is no exact public version."""
    found = {}
    for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
        name, exact, version = line.partition("==")
        if not exact or not re.fullmatch(r"[0-9][0-9A-Za-z.]*", version):
            raise ValueError(f"{line!r} is not an exact version")
        found[normal(name)] = version
    return found


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ALL = [*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
PINS = pins((ROOT / "constraints.txt").read_text())


def test_nothing_forbidden_is_required_or_pinned():
    assert forbidden(ALL) == []
    assert forbidden(PINS) == []


def test_torch_is_exact_everywhere_and_the_same():
    from launcher import environment

    exact = [line for line in ALL if normal(line) == "torch"]
    assert exact == [environment.TORCH]
    assert f"torch=={PINS['torch']}" == environment.TORCH


def test_the_base_installation_is_light():
    assert {normal(line) for line in PROJECT["dependencies"]} == {"cryptography", "numpy", "pyyaml", "rich", "typer"}


def test_every_direct_dependency_is_pinned():
    wanted = [*PROJECT["dependencies"], *(line for name in EXTRAS.keys() - UNPINNED_EXTRAS for line in EXTRAS[name])]
    assert len(wanted) > 15
    assert [line for line in wanted if normal(line) not in PINS] == []


def test_no_file_of_the_installation_names_an_index():
    files = [
        "pyproject.toml",
        "constraints.txt",
        "run_all.py",
        "start.sh",
        "launch.bat",
        ".ci/run",
        "tests/run_tests.sh",
    ]
    files += [str(path.relative_to(ROOT)) for path in (ROOT / "launcher").glob("*.py")]
    named = [name for name in files if re.search(r"https?://|--(extra-)?index-url", (ROOT / name).read_text())]
    assert named == []


def test_a_forbidden_requirement_is_found():
    assert forbidden(["torchvision>=0.1", "Torch_Audiomentations", "torch==2.13.0"]) == [
        "torchvision>=0.1",
        "Torch_Audiomentations",
    ]


@pytest.mark.parametrize("line", ["torch", "torch>=2", "torch==2.13.0+cpu", "torch==2.*"])
def test_an_inexact_pin_is_found(line):
    with pytest.raises(ValueError, match="not an exact version"):
        pins(line)
