"""R13 counts only entries that are there and verify; R14 tells the page and the readiness apart."""

from __future__ import annotations

import json

import pytest
import r13_ledger as r13
import r14_start as r14
import race
from race import Lap, RaceFailed

from engram.ledger.scan import LedgerBroken


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Where a contestant writes what it measured, and where a race writes its figures."""
    monkeypatch.setenv(race.RESULT, str(tmp_path / "result.json"))
    monkeypatch.setattr(race, "FOLDER", tmp_path / "results")
    return lambda: json.loads((tmp_path / "result.json").read_text())


def test_what_was_written_is_verified_entry_by_entry(tmp_path, told):
    r13.write(tmp_path, 30, 10)
    r13.measure(r13.VERIFIED, 30, tmp_path)
    assert told()["entries"] == 30


@pytest.mark.parametrize("what", [r13.ONE, r13.BATCHED])
def test_a_writer_leaves_nothing_and_tells_how_much_it_wrote(tmp_path, told, what):
    r13.measure(what, 100, tmp_path)
    assert told()["entries"] == 100
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_ledger_with_a_flipped_byte_gives_no_figure(tmp_path, told):
    r13.write(tmp_path, 30, 10)
    leaves = max((tmp_path / "ledger").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(leaves.read_bytes())
    content[100] ^= 1
    leaves.write_bytes(content)
    with pytest.raises((RaceFailed, LedgerBroken), match="index 0"):
        r13.measure(r13.VERIFIED, 30, tmp_path)


def test_goals_of_the_ledger_are_told(told, capsys):
    def laps(entries, seconds):
        return [Lap(seconds, seconds, 0.0, {"entries": entries})]

    r13.finish(
        {r13.ONE: laps(300, 1.0), r13.BATCHED: laps(3000, 1.0), r13.VERIFIED: laps(1000, 0.02)}, 1000, quick=True
    )
    said = capsys.readouterr().out
    assert "goal: 1500 durable entries a second in batches: reached" in said
    assert "goal: a million verified in 10 s: missed" in said
    assert "ratio: batches write 2.00 x of 1500 entries a second" in said


def test_a_start_tells_page_and_readiness(told, capsys):
    r14.finish([Lap(0.0, 1.5, 0.0, {"page_s": 1.5, "ready_s": 6.0})], quick=True)
    said = capsys.readouterr().out
    assert "ready: 6.000" in said
    assert "goal: a served page in 3 s: reached" in said
    assert "ratio: the page is there after 0.50 x of 3 s" in said
