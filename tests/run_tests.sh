#!/usr/bin/env bash
# Runs the tests by suite. One pytest for all of them, so its own summary line comes last.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

usage() {
  cat <<'TEXT'
usage: tests/run_tests.sh [quick|all|browser|loader|metrics|training] [--slow] [pytest options]

  quick     lint, types, arrows, the pages, unit, house and contract tests, and every example in the docs (≤ 5 minutes;
            default)
  all       quick, and invariants, security, faults, end to end and the pages in Chromium
  browser   the pages in Chromium; without one they are left out, or fail with ENGRAM_BROWSER=required
  loader    reading, cleaning and splitting data
  metrics   metrics, intervals and gates
  training  the training loop, its invariants and the kinds
  --slow    the tests of minutes too

One process more than there are cores, at most four, because many tests wait for a process of their own; -n 0 keeps all in one.
TEXT
}

wanted=quick
filter=(-m "not slow")
options=()
for argument in "$@"; do
  case "$argument" in
    quick | all | browser | loader | metrics | training) wanted=$argument ;;
    --slow) filter=() ;;
    -h | --help) usage && exit 0 ;;
    -*) options+=("$argument") ;;
    *) echo "Unknown suite '$argument'. Known: quick, all, browser, loader, metrics, training." >&2 && exit 2 ;;
  esac
done

python=python3
for candidate in "${ENGRAM_VENV:-.venv}/bin/python" "${ENGRAM_VENV:-.venv}/Scripts/python.exe"; do
  [ -x "$candidate" ] && python=$candidate && break
done
if ! "$python" -c 'import pytest, xdist, engram' 2>/dev/null; then
  echo "The test tools are not installed for $python. Install them with: ./start.sh test" >&2
  exit 2
fi

# One thread, so that results do not hang on the number of cores; no network; nothing of the user's home is touched.
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 NO_COLOR=1
export PYTHONPATH="tests${PYTHONPATH:+:$PYTHONPATH}"
unset ENGRAM_DEBUG ENGRAM_LAUNCHER
# Tests start hundreds of processes; where compiled files aren't kept, each would compile the whole of Engram again.
unset PYTHONDONTWRITEBYTECODE
home=$(mktemp -d) || exit 2
trap 'rm -rf "$home"' EXIT
export ENGRAM_HOME="$home/home"

check() {
  local name=$1 began=$SECONDS output
  shift
  if output=$("$@" 2>&1); then
    printf '%-22s ok      %4d s\n' "$name" $((SECONDS - began))
  else
    printf '%s\n%-22s FAILED  %4d s\n' "$output" "$name" $((SECONDS - began))
    echo "$name" >>"$home/failed"
  fi
}

lint() {
  check "ruff check" "$python" -m ruff check .
  check "ruff format" "$python" -m ruff format --check .
  check "types" "$python" -m mypy
  check "types of the launcher" "$python" -m mypy run_all.py launcher
  check "arrows" "$python" -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo
}

# The client that is committed is the one that the server's own description gives.
client_in_step() {
  "$python" .ci/openapi.py "$home/openapi.json" || return 1
  (cd ui && npx --no openapi-typescript "$home/openapi.json" -o "$home/schema.d.ts") || return 1
  diff -u ui/src/api/schema.d.ts "$home/schema.d.ts" && return
  echo "ui/src/api/schema.d.ts is not what the server says. Write it again: .ci/openapi.py, then npm run types in ui." >&2
  return 1
}

pages() {
  local venv=${ENGRAM_VENV:-$PWD/.venv} with_node
  with_node=$("$python" -c 'import pathlib, sys; from launcher import pages; print(pages.path_with_node(pathlib.Path(sys.argv[1])))' "$venv")
  if [ -z "$with_node" ]; then
    printf '%-22s skipped: there is no Node 20.19 here; ./start.sh test brings one\n' "pages"
    return
  fi
  local PATH=$with_node
  check "pages build" "$python" -c 'import pathlib, sys; from launcher import pages; pages.ensure(pathlib.Path(sys.argv[1]), debug=False); sys.exit(pages.state() != "built")' "$venv"
  check "pages client" client_in_step
  check "pages lint" npm --prefix ui run --silent lint
  check "pages types" npm --prefix ui exec --no -- tsc -b ui
  check "pages tests" npm --prefix ui test --silent
  check "pages size" npm --prefix ui run --silent budget
}

# The types are one process and the pages mostly another: neither waits for the other. The pages' lines come first.
lint_and_pages() {
  local beside
  lint >"$home/lint" 2>&1 &
  beside=$!
  pages
  wait "$beside"
  cat "$home/lint"
}

# What takes longest comes first, so that no process is left alone with it in the end.
quick=(tests/contract tests/unit tests/house src launcher)
case "$wanted" in
  quick) lint_and_pages && suites=("${quick[@]}") ;;
  all) lint_and_pages && suites=(tests/e2e tests/faults tests/browser tests/invariant tests/security "${quick[@]}") ;;
  browser) suites=(tests/browser) ;;
  loader) suites=(tests/unit/data tests/security/test_datasets.py) ;;
  metrics) suites=(tests/unit/evaluate tests/unit/gate tests/contract/test_every_metric.py) ;;
  training) suites=(tests/unit/train tests/invariant tests/unit/kinds) ;;
esac
[ ! -s "$home/failed" ] || printf 'failed before the tests: %s\n' "$(paste -sd ' ' "$home/failed")"

processes=$("$python" -c 'import os; print(min(4, 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)))')
"$python" -m pytest -p suites -n "$processes" --dist loadscope --no-loadscope-reorder ${filter[@]+"${filter[@]}"} ${options[@]+"${options[@]}"} "${suites[@]}"
tests=$?
[ ! -s "$home/failed" ] || exit 1
exit $tests
