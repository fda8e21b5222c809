"""The door of `engram`: finds the command, runs it, and turns every error into words and an exit code.

Exit codes: 0 ok, 1 failed, 2 wrong usage or recipe, 3 a gate refused, 4 a gate wants a person; 130 after Ctrl-C and
141 when the reader of a pipe went away, as shells have it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from engram import __version__
from engram.cli import output
from engram.cli.commands import COMMANDS, Command
from engram.cli.light import lighten
from engram.errors import EngramError, did_you_mean
from engram.settings import load_settings

INTERRUPTED, PIPE_CLOSED = 130, 141

# The command-line parser's own errors; typer keeps their module private, so they are reached through a public child.
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]
ParserProblem: type[Exception] = typer.BadParameter.__mro__[2]


class LazyGroup(TyperGroup):
    """A group whose help comes from the table of commands, and whose commands are imported when they are run."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command; None when there is none by that name."""
        command = COMMANDS.get(cmd_name)
        return load_command(cmd_name, command) if command else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or fail with the nearest name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = did_you_mean(args[0], COMMANDS) or "See: engram --help"
            ctx.fail(f"There is no command {args[0]!r}. {near}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])


def load_command(name: str, command: Command) -> Any:
    """Import a command of the table and make it one that the parser can run."""
    found = getattr(importlib.import_module(command.module), command.attribute)
    if not isinstance(found, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, help=found.__doc__ or command.help)(found)
        found = app
    loaded = get_command(found)
    loaded.name = name
    _finish(loaded)
    return loaded


def _finish(command: Any) -> None:
    """Give ``--json`` to every command below that does not declare it, and make plain values cheap."""
    below = getattr(command, "commands", None)
    if below is not None:
        for child in below.values():
            _finish(child)
    elif not any("--json" in option.opts for option in command.params):
        command.params.append(_json_option())
    lighten(command)


def _json_option() -> Any:
    carrier = typer.Typer(add_completion=False, rich_markup_mode=None)

    @carrier.command()
    def carry(json: output.Json = False) -> None:
        """Carry the option."""

    option = get_command(carrier).params[0]
    option.expose_value = False
    return option


def _say_version(wanted: bool) -> None:
    if wanted:
        output.emit({"version": __version__}, f"engram {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True)
    ] = False,
    json: output.Json = False,
) -> None:
    """Trains specialist models, admits those that pass their gates, and certifies each one."""


def build() -> Any:
    """Make the parser of the whole command line; no command is imported."""
    app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True)
    app.callback()(_root)
    group = get_command(app)
    lighten(group)
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; tracebacks are for ENGRAM_DEBUG=1 only."""
    given = list(arguments)
    output.use_json("--json" in (given[: given.index("--")] if "--" in given else given))
    try:
        return _guarded(lambda: _dispatch(given))
    except BrokenPipeError:
        # Nobody reads any more: what is still buffered goes nowhere, so that the interpreter ends in silence.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _dispatch(arguments: list[str]) -> int:
    group = build()
    try:
        with group.make_context("engram", arguments) as context:
            result = group.invoke(context)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    # A command may return its exit code; anything else it returns is of no interest here.
    return result if type(result) is int else 0


def _guarded(work: Callable[[], int]) -> int:
    try:
        code = work()
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        raise
    except (KeyboardInterrupt, typer.Abort):
        output.show_error("Interrupted.")
        return INTERRUPTED
    except ParserProblem as problem:
        return _usage(problem)
    except EngramError as error:
        if _debug():
            raise
        return _problem(type(error).__name__, error.message, error.remedy, error.exit_code)
    except OSError as error:
        if _debug():
            raise
        return _problem(type(error).__name__, f"{error.strerror or error}: {error.filename or 'no file'}", "", 1)
    except Exception as error:
        if _debug():
            raise
        text = f"{type(error).__name__}: {error}"
        return _problem("Unexpected", text, "This is a fault of Engram's; ENGRAM_DEBUG=1 shows where it happened.", 1)
    return code


def _debug() -> bool:
    """Tell whether tracebacks are wanted; settings that can't be read must not hide the error that is being told."""
    try:
        return load_settings().debug
    except EngramError:
        return False


def _usage(problem: Any) -> int:
    if type(problem).__name__ == "NoArgsIsHelpError":
        output.say(problem.format_message())
        return 2
    context = getattr(problem, "ctx", None)
    remedy = f"See: {context.command_path} --help" if context else ""
    text = problem.format_message()
    return _problem("UsageError", text, "" if "--help" in text else remedy, int(problem.exit_code))


def _problem(kind: str, message: str, remedy: str, code: int) -> int:
    if output.json_wanted():
        output.emit_json({"error": kind, "message": message, "remedy": remedy})
        sys.stdout.flush()
    output.show_error(f"{message} {remedy}".strip())
    return code


if __name__ == "__main__":
    main()
