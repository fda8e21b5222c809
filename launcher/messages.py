"""What can go wrong before Engram runs, each with what to do about it. Pure functions."""

from __future__ import annotations

import re
import sys

OLDEST = (3, 11)
GIB = 1024**3
REFUSE_BELOW_GIB, WARN_BELOW_GIB = 3, 10

PIP_FAILURES = (
    (
        r"No space left on device|Errno 28\b",
        "The disk is full. Free some space (10 GB is comfortable) and run this again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The certificate of the package index is not trusted here. Behind a company proxy, give pip its certificate: "
        "pip config set global.cert /path/to/certificate.pem",
    ),
    (
        r"name resolution|NewConnectionError|Failed to establish|getaddrinfo failed|ConnectTimeout|ReadTimeout|"
        r"ProxyError|Max retries exceeded|Network is unreachable|Connection refused",
        "There is no way to the package index from here. Connect to the network, or point pip at an index or a folder "
        "of wheels that you can reach: pip config set global.index-url URL, or global.find-links FOLDER.",
    ),
    (
        r"No matching distribution found for torch\b|Cannot install torch==",
        "There is no build of torch 2.13.0 for this Python and this system. Use a 64-bit Python from 3.11 to 3.13 "
        "(as in: python3.12 run_all.py demo), or "
        "give pip an index or a folder of wheels that has one: pip config set global.find-links FOLDER.",
    ),
    (
        r"No matching distribution found for ",
        "The package index has no fitting version of the package named above. Give pip an index that has it: "
        "pip config set global.index-url URL.",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "Two requirements contradict each other, as when constraints.txt was edited. Restore it and run this again.",
    ),
    (
        r"Permission denied|Errno 13\b",
        "A folder may not be written. Mend its owner, or set ENGRAM_VENV to a folder of yours.",
    ),
    (
        r"command '\S*(gcc|cc|cl\.exe|c\+\+)\S*' failed|Microsoft Visual C\+\+",
        "A package had to be compiled and no compiler worked. Use Python 3.11 to 3.13: ready-made packages exist.",
    ),
)

NPM_FAILURES = (
    (r"\bENOSPC\b", "The disk is full. Free some space and run this again."),
    (
        r"SELF_SIGNED_CERT|UNABLE_TO_\w*(ISSUER|VERIFY)|CERT_\w+|certificate",
        "The certificate of the registry of Node packages is not trusted here. Behind a company proxy, give npm its "
        "certificate: npm config set cafile /path/to/certificate.pem",
    ),
    (
        r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT",
        "There is no way to the registry of Node packages from here. Connect to the network, or point npm at a "
        "registry that you can reach: npm config set registry URL.",
    ),
    (r"\bEACCES\b|\bEPERM\b", "A folder may not be written. Mend the owner of the folder ui and of ~/.npm."),
    (
        r"npm ci. can only install",
        "package.json and package-lock.json in the folder ui contradict each other. Restore them and run this again.",
    ),
)


class Problem(Exception):
    """Something that the user can mend; its text says what was wrong and what to do."""


def say(text: str) -> None:
    """Write a line for the user at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def python_problem(version: tuple[int, ...]) -> str:
    """Return what is wrong with a Python version, as ``(3, 8)``, or an empty string.

    >>> python_problem((3, 12))
    ''
    """
    if tuple(version[:2]) >= OLDEST:
        return ""
    return (
        f"Engram needs Python 3.11 or newer, and this is Python {version[0]}.{version[1]}. Install a newer one: "
        "'sudo apt install python3.11 python3.11-venv' on Debian and Ubuntu, 'sudo dnf install python3.11' on Fedora, "
        "'brew install python@3.11' on macOS, 'winget install Python.Python.3.11' on Windows."
    )


def venv_problem(*, has_venv: bool, has_ensurepip: bool) -> str:
    """Return what keeps this Python from making environments, or an empty string."""
    if has_venv and has_ensurepip:
        return ""
    missing = " and ".join(name for name, has in (("venv", has_venv), ("ensurepip", has_ensurepip)) if not has)
    return (
        f"This Python can't make environments: its {missing} module is not installed. "
        "On Debian and Ubuntu: sudo apt install python3-venv"
    )


def space_problem(free_bytes: int) -> tuple[str, bool]:
    """Return a warning about free disk space (empty when there is enough) and whether it forbids installing.

    >>> space_problem(20 * GIB)
    ('', False)
    """
    free = free_bytes / GIB
    if free < REFUSE_BELOW_GIB:
        need = f"the installation needs {REFUSE_BELOW_GIB} GB; {WARN_BELOW_GIB} GB are comfortable"
        return f"Only {free:.1f} GB of disk are free here and {need}. Free some space, or set ENGRAM_VENV.", True
    if free < WARN_BELOW_GIB:
        return f"Only {free:.1f} GB of disk are free; {WARN_BELOW_GIB} GB are comfortable for models and runs.", False
    return "", False


def explain_pip(output: str) -> str:
    """Translate pip's output into what is wrong and what to do."""
    return _explain(output, PIP_FAILURES, "pip")


def explain_npm(output: str) -> str:
    """Translate npm's output into what is wrong and what to do."""
    return _explain(output, NPM_FAILURES, "npm")


def _explain(output: str, failures: tuple[tuple[str, str], ...], who: str) -> str:
    for pattern, said in failures:
        if re.search(pattern, output):
            return said
    return f"{who} failed for a reason that is not known here. --debug shows all it says."
