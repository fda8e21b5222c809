# The commands of a working day. `just` lists them.

python := env("ENGRAM_VENV", ".venv") / "bin/python"

default:
    @just --list

# Install what is missing and run the demonstration
demo:
    ./start.sh demo

# Lint, types, arrows, unit, house and contract tests (≤ 5 minutes)
quick:
    ./start.sh test quick

# Everything that .ci/run tests
all:
    ./start.sh test all

# What the continuous integration runs, on this clone
ci:
    .ci/run

# Format and mend what can be mended
fmt:
    {{python}} -m ruff format .
    {{python}} -m ruff check --fix .

# The tests below one path, as in: just test tests/unit/gate
test *paths:
    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 {{python}} -m pytest {{paths}}

# Types of the package and of the launcher
types:
    {{python}} -m mypy
    {{python}} -m mypy run_all.py launcher

# The arrows between the rooms
arrows:
    {{python}} -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
