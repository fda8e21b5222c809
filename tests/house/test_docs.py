"""What the documents name exists: commands, paths, links, decisions and settings."""

from __future__ import annotations

import re

import pytest
from house.tree import LAUNCHER, ROOT, SOURCE, python_files, subcommands

HISTORY = {ROOT / "docs" / "log.md", ROOT / "CHANGELOG.md"}
DOCS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - HISTORY)
FOLDERS = "src|tests|docs|launcher|benchmarks|examples|notebooks|ui"
MAP_WORDS = 8


def code_of(text):
    """Return the code of a document: fenced blocks and spans between backticks."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*blocks, *re.findall(r"`([^`\n]+)`", rest)]


def commands_of(text):
    """Return the words after `engram` wherever the code of a document runs it."""
    return [
        (found[1], found[2] or "")
        for code in code_of(text)
        for found in re.finditer(
            r"(?:^|[\s/;&|$])engram ([a-z][a-z-]*)(?: ([a-z][a-z-]+)(?=\s|$))?", code, re.MULTILINE
        )
    ]


def command_problems(text, below_of):
    """Return the commands and subcommands that do not exist; `below_of` gives a command's subcommands, or None."""
    for name, below in commands_of(text):
        known = below_of(name)
        if known is None:
            yield f"engram {name}"
        elif below and known and below not in known:
            yield f"engram {name} {below}"


def path_problems(text, root):
    """Return the paths between backticks, and the targets of links, that do not exist."""
    spans = [span for span in re.findall(r"`([^`\n]+)`", text) if re.fullmatch(rf"({FOLDERS})/[\w./-]+", span)]
    return [span for span in spans if not (root / span).exists()]


def link_problems(path):
    """Return the relative links of a document that lead nowhere."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    return [target for target in local if not (path.parent / target).exists()]


def map_problems(text, root):
    """Return what is wrong with the lines of ```map blocks: a path, then at most eight words about it."""
    for block in re.findall(r"^```map\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in filter(str.strip, block.splitlines()):
            path, _, words = line.strip().partition(" ")
            if not (root / path).exists():
                yield f"{path} does not exist"
            if len(words.split()) > MAP_WORDS:
                yield f"{path}: more than {MAP_WORDS} words"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_what_exists(path):
    text = path.read_text()
    assert list(command_problems(text, subcommands)) == []
    assert path_problems(text, ROOT) == []
    assert link_problems(path) == []
    assert list(map_problems(text, ROOT)) == []


def test_every_command_of_the_table_exists():
    from engram.cli.commands import COMMANDS

    assert [name for name in COMMANDS if subcommands(name) is None] == []


def test_the_documents_are_there():
    names = {str(path.relative_to(ROOT)) for path in DOCS}
    assert names >= {
        "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/user-guide.md", "docs/developer-guide.md",
        "docs/coverage.md", "docs/ci-budget.md", "docs/decisions/README.md",
    }  # fmt: skip
    assert all((ROOT / name).exists() for name in ("LICENSE", "CHANGELOG.md"))


def test_every_decision_is_listed_once_and_numbered():
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name[:4] for name in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]
    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text())
    assert sorted(listed) == records


def variables(texts):
    """Return the ENGRAM_* variables that some code names; a value of a recipe, as ENGRAM_TRAIN__SEED, is none."""
    return {name for text in texts for name in re.findall(r"\bENGRAM_[A-Z_]*[A-Z]\b", text) if "__" not in name}


def test_every_setting_is_in_the_user_guide():
    code = [*python_files(SOURCE), *SOURCE.rglob("*.yaml"), *LAUNCHER, ROOT / "start.sh"]
    found = variables(path.read_text() for path in code)
    assert found >= {"ENGRAM_HOME", "ENGRAM_VENV"}
    assert found - variables([(ROOT / "docs" / "user-guide.md").read_text()]) == set()


def test_no_setting_of_the_user_guide_is_invented():
    code = [*python_files(SOURCE), *SOURCE.rglob("*.yaml"), *LAUNCHER, ROOT / "start.sh"]
    known = variables(path.read_text() for path in code)
    assert variables([(ROOT / "docs" / "user-guide.md").read_text()]) - known == set()


def test_an_unknown_command_is_found():
    table = {"runs": {"list"}, "train": set()}
    text = (
        "`engram runs list` and `engram train x.yaml`\n```\n$ engram fly\nengram runs lost\n```\nAn engram is a trace."
    )
    assert list(command_problems(text, table.get)) == ["engram fly", "engram runs lost"]


def test_a_path_a_link_or_a_map_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "a.md").write_text("[b](b.md) [a](a.md#top) [w](https://example.org)\n```\n[x](no.md)\n```\n")
    assert path_problems("`src/` `src/gone.py` `src/<name>.py`", tmp_path) == ["src/gone.py"]
    assert link_problems(tmp_path / "a.md") == ["b.md"]
    text = "```map\nsrc   the code\na.md  one two three four five six seven eight nine\ngone  x\n```\n"
    assert list(map_problems(text, tmp_path)) == ["a.md: more than 8 words", "gone does not exist"]


def test_an_undocumented_setting_would_be_seen():
    assert variables(['os.environ["ENGRAM_NEW"]', "ENGRAM_* and ENGRAM_", "ENGRAM_TRAIN__SEED=1"]) == {"ENGRAM_NEW"}
