"""Short commands in a fresh interpreter: right exit code, no heavy import, no escape codes where none are wanted."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "peft", "sklearn", "scipy", "numpy", "pydantic", "rich")
PROBE = (
    "import sys, json; from engram.cli.main import run; code = run(sys.argv[1:]); sys.stdout.flush(); "
    "modules = sorted({name.split('.')[0] for name in sys.modules}); "
    "print(json.dumps({'code': code, 'modules': modules}), file=sys.stderr)"
)
KNOWN = "Known: audio, embedding, language, rl, stt, tts, vision."
BAD = "name: bad\nkind: languag\ntask: classify\nmodel: {source: x}\ndata: {sources: [{path: a}]}\ntrain: {sed: 1}\n"


def fresh(folder: Path, *arguments: str, **environment: str) -> tuple[int, list[str], str, str]:
    """Run a command line in a new interpreter: exit code, top-level modules, standard output, standard error."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("ENGRAM_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder,
        env={**env, "ENGRAM_HOME": str(folder / "home"), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said, _, told = done.stderr.rstrip("\n").rpartition("\n")
    seen = json.loads(told)
    return seen["code"], seen["modules"], done.stdout, said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("", 2),
        ("recipes list", 0),
        ("recipes list --json", 0),
        ("recipes show quickstart", 0),
        ("recipes show quickstart --json", 0),
        ("recipes validate quickstart sentiment_analysis intent_classification", 0),
        ("recipes validate bad.yaml", 2),
        ("recipes validate nope.yaml", 2),
        ("recipes new mine", 0),
        ("recipes schema", 0),
        ("recipes --help", 0),
        ("kinds list", 0),
        ("kinds show language", 0),
        ("kinds show languag", 2),
        ("config", 0),
        ("config --explain home", 0),
        ("config quickstart --explain train.seed", 0),
        ("config quickstart --explain train.sed", 2),
        ("recipse list", 2),
        ("recipes lst", 2),
        ("recipes validate", 2),
        ("--nope", 2),
    ],
)
def test_it_ends_with_the_right_code_and_imports_nothing_heavy(folder, arguments, code):
    ended, modules, out, said = fresh(folder, *arguments.split())
    assert ended == code, out + said
    assert not set(HEAVY) & set(modules)
    assert "Traceback" not in said
    assert bool(said) == (code != 0 and bool(arguments))


def test_help_imports_no_command_at_all(folder):
    env = {**os.environ, "ENGRAM_HOME": str(folder)}
    probe = (
        "import sys; from engram.cli.main import run; from engram.cli.commands import COMMANDS; run(['--help']); "
        "print([one.module for one in COMMANDS.values() if one.module in sys.modules], 'yaml' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[] False"


def test_a_bad_recipe_is_told_line_by_line_and_as_json(folder):
    _, _, out, said = fresh(folder, "recipes", "validate", "bad.yaml")
    assert out == ""
    assert said.splitlines() == [
        f"error: bad.yaml:2: Unknown kind 'languag'. {KNOWN} Did you mean 'language'?",
        next(line for line in said.splitlines() if line.startswith("error: bad.yaml:6: unknown key 'sed' in 'train'.")),
    ]
    code, _, out, _ = fresh(folder, "recipes", "validate", "bad.yaml", "quickstart", "--json")
    told = json.loads(out)
    assert code == 2
    assert (told["valid"], [one["valid"] for one in told["files"]]) == (False, [False, True])
    assert [problem["line"] for problem in told["files"][0]["problems"]] == [2, 6]
    assert told["files"][0]["problems"][1]["key"] == "train.sed"


def test_validate_checks_every_profile_and_gates_that_loosen_the_cards(folder):
    text = (folder / "bad.yaml").read_text().replace("languag\n", "language\n").replace("train: {sed: 1}\n", "")
    (folder / "p.yaml").write_text(text + "profiles:\n  a: {train: {sed: 1}}\n", encoding="utf-8")
    code, _, _, said = fresh(folder, "recipes", "validate", "p.yaml")
    assert (code, said.split(":")[2]) == (2, "7")
    loose = "gates: {simulate: [{metric: error_rate, at_most: 0.5}]}\n"
    (folder / "g.yaml").write_text(text + loose, encoding="utf-8")
    code, _, _, said = fresh(folder, "recipes", "validate", "g.yaml")
    assert code == 2
    assert "loosens the gate" in said


def test_errors_with_json_are_one_document_with_the_remedy(folder):
    code, _, out, said = fresh(folder, "kinds", "show", "languag", "--json")
    assert code == 2
    assert json.loads(out) == {
        "error": "UnknownName",
        "message": f"Unknown kind 'languag'. {KNOWN}",
        "remedy": "Did you mean 'language'?",
    }
    assert said == f"error: Unknown kind 'languag'. {KNOWN} Did you mean 'language'?"
    assert json.loads(fresh(folder, "recipse", "--json")[2])["error"] == "UsageError"


def test_a_new_recipe_is_valid_at_once_and_never_replaces_a_file(folder):
    assert fresh(folder, "recipes", "new", "mine")[0] == 0
    text = (folder / "mine.yaml").read_text(encoding="utf-8")
    assert fresh(folder, "recipes", "validate", "mine.yaml")[2] == "valid  mine.yaml\n"
    code, _, _, said = fresh(folder, "recipes", "new", "mine")
    assert (code, said) == (2, "error: mine.yaml exists already. Choose another name, or remove the file.")
    assert (folder / "mine.yaml").read_text(encoding="utf-8") == text
    assert fresh(folder, "recipes", "new", "../x")[0] == 2
    assert fresh(folder, "recipes", "new", "x", "--in", "nowhere")[0] == 1


def test_a_traceback_is_shown_only_when_it_is_asked_for(folder):
    env = {**os.environ, "ENGRAM_DEBUG": "1"}
    command = [sys.executable, "-m", "engram.cli.main", "kinds", "show", "x"]
    assert "Traceback" in subprocess.run(command, env=env, capture_output=True, text=True, check=False).stderr
    env["ENGRAM_DEBUG"] = "0"
    assert "Traceback" not in subprocess.run(command, env=env, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("arguments", ["recipes list", "kinds show language", "recipes validate bad.yaml", "--help"])
def test_a_terminal_gets_colour_and_with_no_color_it_does_not(folder, arguments):
    def on_terminal(**environment: str) -> bytes:
        master, slave = pty.openpty()
        env = {**os.environ, "TERM": "xterm-256color", **environment}
        env.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
        command = [sys.executable, "-m", "engram.cli.main", *arguments.split()]
        with subprocess.Popen(command, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave) as child:
            os.close(slave)
            out = b""
            try:
                while block := os.read(master, 65536):
                    out += block
            except OSError:
                pass  # Linux says so when the other end is closed
            child.wait()
        os.close(master)
        return out

    assert (b"\x1b[" in on_terminal()) == (arguments != "--help")
    assert b"\x1b[3" not in on_terminal(NO_COLOR="1")
    assert b"\x1b" not in on_terminal(TERM="dumb")


def test_a_closed_pipe_ends_the_command_in_silence(folder):
    command = [sys.executable, "-m", "engram.cli.main", "recipes", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        told = child.stderr.read()
        assert (child.wait(), told) == (141, b"")
