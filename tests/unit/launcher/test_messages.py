"""What can go wrong before Engram runs is said in words, with a remedy."""

from __future__ import annotations

import pytest


@pytest.fixture
def messages(run_all):
    import sys

    return sys.modules["launcher.messages"]


@pytest.mark.parametrize("version", [(2, 7), (3, 7), (3, 10)])
def test_an_old_python_is_told_what_to_install(messages, version):
    said = messages.python_problem(version)
    assert f"this is Python {version[0]}.{version[1]}" in said
    assert "3.11 or newer" in said
    assert "apt install" in said


@pytest.mark.parametrize("version", [(3, 11), (3, 14), (4, 0)])
def test_a_new_python_is_fine(messages, version):
    assert messages.python_problem(version) == ""


def test_debian_without_venv_is_told_the_package(messages):
    assert messages.venv_problem(has_venv=True, has_ensurepip=True) == ""
    said = messages.venv_problem(has_venv=True, has_ensurepip=False)
    assert "sudo apt install python3-venv" in said
    assert "its ensurepip module" in said
    assert "venv and ensurepip" in messages.venv_problem(has_venv=False, has_ensurepip=False)


@pytest.mark.parametrize(
    ("gigabytes", "warns", "forbids"),
    [(2.9, True, True), (3.0, True, False), (9.9, True, False), (10.0, False, False)],
)
def test_disk_space_warns_below_ten_and_refuses_below_three(messages, gigabytes, warns, forbids):
    said, refused = messages.space_problem(int(gigabytes * messages.GIB))
    assert bool(said) is warns
    assert refused is forbids


NO_NETWORK = """WARNING: Retrying after connection broken by 'NewConnectionError: Temporary failure in name resolution'
ERROR: No matching distribution found for torch==2.13.0"""


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (NO_NETWORK, "no way to the package index"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build of torch 2.13.0"),
        (
            "ERROR: Cannot install torch==2.13.0 because these have conflicting dependencies.",
            "no build of torch 2.13.0",
        ),
        ("ERROR: No matching distribution found for torchtext", "no fitting version of the package"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED)", "certificate"),
        ("ERROR: ResolutionImpossible: see the docs", "constraints.txt"),
        ("error: command '/usr/bin/gcc' failed with exit code 1", "compiler"),
        ("PermissionError: [Errno 13] Permission denied: '/opt/x'", "ENGRAM_VENV"),
        ("Segmentation fault", "not known here"),
    ],
)
def test_pip_is_translated(messages, output, says):
    assert says in messages.explain_pip(output)
