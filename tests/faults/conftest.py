"""A prepared folder and the weights of an uninterrupted run, to hold interrupted ones against."""

import shutil

import pytest
from support.home import Home, make_home


def weights(home: Home) -> dict[str, bytes]:
    """Return the exported weights of the only artifact."""
    (artifact,) = home.artifacts()
    return {path.name: path.read_bytes() for path in sorted(artifact.rglob("*.safetensors"))}


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory) -> tuple[Home, dict[str, bytes]]:
    """A home in which a run went through without a fault, and what came out."""
    home = make_home(tmp_path_factory.mktemp("uninterrupted"), rows=150)
    done = home.engram("train", "toy.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    return home, weights(home)


@pytest.fixture
def fresh(uninterrupted, tmp_path) -> Home:
    """The same folder, with an empty home."""
    shutil.copytree(uninterrupted[0].folder, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("home"))
    recipe = tmp_path / "toy.yaml"  # the model stays where it is: its path is part of the recipe's digest
    assert str(uninterrupted[0].folder) in recipe.read_text()
    return Home(tmp_path)
