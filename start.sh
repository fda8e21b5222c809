#!/usr/bin/env bash
# Finds a Python that is new enough and hands over to run_all.py, which holds the logic.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
for python in python3.14 python3.13 python3.12 python3.11 python3 python; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    ENGRAM_LAUNCHER="${ENGRAM_LAUNCHER:-./start.sh}" exec "$python" "$here/run_all.py" "$@"
  fi
done
echo "Engram needs Python 3.11 or newer, and none was found. Install one, then run this again:" >&2
echo "  Debian, Ubuntu   sudo apt install python3.11 python3.11-venv   (or python3 python3-venv)" >&2
echo "  Fedora           sudo dnf install python3.11" >&2
echo "  macOS            brew install python@3.11" >&2
exit 1
