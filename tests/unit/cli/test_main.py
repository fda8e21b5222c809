"""The door of the command line: errors in words, exit codes, `--json` everywhere, commands that exist."""

from __future__ import annotations

import ast
import json
import sys
import types
from pathlib import Path

import pytest
import typer

from engram.cli import main, output
from engram.cli.commands import COMMANDS, Command
from engram.errors import (
    Cancelled,
    DataError,
    Diverged,
    MissingExtra,
    NeedsReview,
    NotFound,
    Paused,
    PlatformError,
    RecipeError,
    Refused,
    UnknownName,
    VerificationFailed,
)

RAISES: list[BaseException] = []


def broken() -> None:
    """Fail on purpose."""
    raise RAISES[0]


def answer(code: int = 0) -> int:
    """Return a number."""
    return code


nested = typer.Typer()


@nested.command()
def inner(word: str, times: int = 1) -> None:
    """Say a word."""
    output.emit({"word": word, "times": times}, word * times)


@nested.command()
def other() -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Put three commands of this file into the table, as a module of their own."""
    module = types.ModuleType("commands_of_this_test")
    vars(module).update(broken=broken, answer=answer, nested=nested)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("broken", "answer", "nested"):
        monkeypatch.setitem(COMMANDS, name, Command(module.__name__, name, f"The command {name}."))
    yield
    output.use_json(False)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecipeError("r.yaml:1: bad"), 2),
        (UnknownName.of("metric", "acc", ["accuracy"]), 2),
        (DataError("bad", file="a", line=3), 1),
        (MissingExtra("m"), 1),
        (NotFound("n"), 1),
        (VerificationFailed("v"), 1),
        (Refused("r"), 3),
        (NeedsReview("n"), 4),
        (Diverged("d"), 1),
        (Cancelled("c"), 1),
        (Paused("p"), 0),
        (PlatformError("p"), 1),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (typer.Exit(7), 7),
        (ZeroDivisionError("x"), 1),
        (typer.BadParameter("no"), 2),
    ],
)
def test_every_error_has_its_exit_code_and_no_traceback(monkeypatch, capsys, error, code):
    monkeypatch.delenv("ENGRAM_DEBUG", raising=False)
    RAISES[:] = [error]
    assert main.run(["broken"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_is_one_line_with_its_remedy_and_json_has_both_apart(capsys):
    RAISES[:] = [NotFound("There is no run x.", remedy="See: engram runs list")]
    main.run(["broken"])
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", "error: There is no run x. See: engram runs list\n")
    main.run(["broken", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told == {"error": "NotFound", "message": "There is no run x.", "remedy": "See: engram runs list"}


def test_every_line_of_a_long_error_is_marked(capsys):
    RAISES[:] = [RecipeError("r.yaml:1: a\nr.yaml:2: b")]
    main.run(["broken"])
    assert capsys.readouterr().err == "error: r.yaml:1: a\nerror: r.yaml:2: b\n"


def test_a_fault_of_ours_says_so_and_shows_where_with_debug(monkeypatch, capsys):
    monkeypatch.delenv("ENGRAM_DEBUG", raising=False)
    RAISES[:] = [ZeroDivisionError("by zero")]
    main.run(["broken"])
    assert "ZeroDivisionError: by zero" in capsys.readouterr().err
    monkeypatch.setenv("ENGRAM_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main.run(["broken"])


def test_an_error_of_the_machine_names_the_file_and_blames_nobody(capsys):
    RAISES[:] = [PermissionError(13, "Permission denied", "/x/y")]
    assert main.run(["broken"]) == 1
    assert capsys.readouterr().err == "error: Permission denied: /x/y\n"


def test_settings_that_can_not_be_read_do_not_hide_the_error(monkeypatch, capsys):
    monkeypatch.setenv("ENGRAM_THREADS", "many")
    RAISES[:] = [NotFound("There is no run x.")]
    assert main.run(["broken"]) == 1
    assert capsys.readouterr().err == "error: There is no run x.\n"


def test_a_number_that_a_command_returns_is_its_exit_code(capsys):
    assert main.run(["answer", "--code", "3"]) == 3
    assert main.run(["answer"]) == 0


def test_every_command_takes_json_though_it_does_not_declare_it(capsys):
    assert main.run(["nested", "inner", "ha", "--times", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"word": "ha", "times": 2}
    assert main.run(["nested", "inner", "ha", "--times", "2"]) == 0
    assert capsys.readouterr().out == "haha\n"
    assert main.run(["--json", "nested", "inner", "ha"]) == 0
    assert json.loads(capsys.readouterr().out)["word"] == "ha"
    assert main.run(["nested", "inner", "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_json_after_two_dashes_is_a_word_and_no_option(capsys):
    assert main.run(["nested", "inner", "--", "--json"]) == 0
    assert capsys.readouterr().out == "--json\n"


def test_values_that_are_no_text_are_still_checked(capsys):
    assert main.run(["nested", "inner", "ha", "--times", "two"]) == 2
    assert "--times" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_answered_with_the_nearest(capsys):
    assert main.run(["nestd"]) == 2
    assert "There is no command 'nestd'. Did you mean 'nested'?" in capsys.readouterr().err
    assert main.run(["zzzz"]) == 2
    assert "See: engram --help" in capsys.readouterr().err


def test_help_lists_every_command_with_its_line(capsys):
    assert main.run(["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.help}" in out


def test_the_version_is_the_packages(capsys):
    from engram import __version__

    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"engram {__version__}\n"
    assert main.run(["--json", "--version"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_registered_command_exists_and_shows_its_help(name, capsys):
    assert main.run([name, "--help"]) == 0
    assert f"Usage: engram {name}" in capsys.readouterr().out


def test_no_command_is_left_out_of_the_table():
    """A file of the room holds a command when it has an `app`, or a function named as the file."""
    folder = Path(main.__file__).parent
    found = set()
    for file in folder.glob("*.py"):
        names = {
            one.name for one in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(one, ast.FunctionDef)
        }
        app = "\napp = typer.Typer(" in file.read_text(encoding="utf-8")
        if file.stem != "main" and (app or file.stem in names):
            found.add(f"engram.cli.{file.stem}")
    assert found == {one.module for one in COMMANDS.values() if one.module.startswith("engram.cli.")}
