"""Files stay small: none over 400 lines, 95 % within 300, and the median of the package within 120."""

from __future__ import annotations

import statistics

from house.tree import LAUNCHER, ROOT, python_files, shown, sources

MOST, COMMON, MEDIAN = 400, 300, 120
COMMON_SHARE = 0.95


def lines_of(paths):
    """Return the lines of each file that has any."""
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return {path: count for path, count in counts.items() if count}


def size_problems(paths):
    """Return what is too large, in words."""
    counts = lines_of(paths)
    said = [f"{shown(path)} has {count} lines, more than {MOST}" for path, count in counts.items() if count > MOST]
    long = [f"{shown(path)} ({count})" for path, count in counts.items() if count > COMMON]
    if len(long) > (1 - COMMON_SHARE) * len(counts):
        said.append(f"{len(long)} of {len(counts)} files have more than {COMMON} lines: {', '.join(long)}")
    return said


def test_no_file_is_too_large():
    found = [*sources(), *LAUNCHER, *python_files(ROOT / "tests", ROOT / "benchmarks")]
    assert size_problems(found) == []


def test_the_median_file_of_the_package_is_short():
    assert statistics.median(lines_of(sources()).values()) <= MEDIAN


def test_a_file_that_is_too_large_is_found(tmp_path):
    fine, large = tmp_path / "fine.py", tmp_path / "large.py"
    fine.write_text("x = 1\n" * MOST)
    large.write_text("x = 1\n" * (MOST + 1))
    assert any("large.py has 401 lines" in said for said in size_problems([fine, large]))
    assert not any("fine.py has" in said for said in size_problems([fine, large]))


def test_too_many_long_files_are_found(tmp_path):
    paths = [tmp_path / f"f{index}.py" for index in range(20)]
    for index, path in enumerate(paths):
        path.write_text("x = 1\n" * (301 if index < 1 else 10))
    assert size_problems(paths) == []
    paths[1].write_text("x = 1\n" * 301)
    assert len(size_problems(paths)) == 1
