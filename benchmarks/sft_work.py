"""What R3 (SFT) and R4 share: the plan, the columns of the table and the checks that make work equal."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import race
from race import Contestant, Lap, RaceFailed
from sft import Plan

ROWS, VALID_ROWS, QUICK_ROWS, QUICK_VALID_ROWS = 192, 96, 32, 16
BATCH, TOKENS, LONGEST, LEARNING_RATE = 8, 768, 384, 2e-3
# A loss that barely moved would be equal for any two loops, so it must fall by this share at least.
LEAST_LEARNED = 0.05
# Steps that hold a number of tokens are never quite as many as steps that hold a number of rows.
STEPS_APART = 0.15
# Logits of a row among others may differ from those of the row alone by this share of the largest: rounding only.
MIXED = 1e-3
# Processors that multiply in bf16 say so by one of these words.
BF16_WORDS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
# What our loop asks of the allocator (engram.train.host_memory), as settings that any program can be started with.
KEEP_FREED = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
PACKAGES = ("engram", "torch", "transformers", "peft", "trl", "accelerate", "datasets")


def plan_of(base: str, *, precision: str, threads: int, quick: bool) -> Plan:
    """Return the plan of a race."""
    return Plan(
        base=base,
        rows=QUICK_ROWS if quick else ROWS,
        valid_rows=QUICK_VALID_ROWS if quick else VALID_ROWS,
        batch=BATCH,
        tokens=TOKENS,
        longest=LONGEST,
        learning_rate=LEARNING_RATE,
        precision=precision,
        threads=threads,
    )


def make_base(folder: str) -> None:
    """Save the base model of both races, in a process of its own: this one stays light."""
    made = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("sft_data.py")), folder], capture_output=True, check=False
    )
    if made.returncode:
        raise RaceFailed(f"The base model could not be made:\n{made.stderr.decode(errors='replace')[-1000:]}")


def contestants(titles: Mapping[str, str], plan: Plan, *more: str) -> list[Contestant]:
    """Return the contestants, each a child process that trains once by the plan. titles: name → title."""
    file, said = str(Path(__file__).with_name("sft.py")), json.dumps(asdict(plan))
    return [Contestant(title, (sys.executable, file, name, said, *more)) for name, title in titles.items()]


def environment(threads: int, *, keep_freed: bool = False) -> dict[str, str]:
    """Return what is set for every contestant alike. keep_freed: glibc keeps freed memory for the peer as for us."""
    count = str(threads)
    return {
        **(KEEP_FREED if keep_freed else {}),
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }


def best_precision(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return bf16 where the processor multiplies in it, else fp32.

    Where it doesn't, bf16 is emulated and ten and more times as slow as fp32: no one should train in it there.
    """
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return "bf16" if words & BF16_WORDS else "fp32"


def check_same(laps: race.Laps, rows: int, *, quick: bool) -> None:
    """Raise RaceFailed unless all contestants trained on the same rows, tokens and targets in about as many steps.

    The validation loss before training must be one too. A quick run has too few steps to compare their number.
    """
    for key in ("rows", "tokens", "targets"):
        seen = {lap.result[key] for of in laps.values() for lap in of}
        if len(seen) != 1:
            raise RaceFailed(f"NOT EQUAL: the contestants trained on different numbers of {key}: {sorted(seen)}.")
    if seen_rows := {lap.result["rows"] for of in laps.values() for lap in of} - {rows}:
        raise RaceFailed(f"NOT EQUAL: {rows} rows were planned, {sorted(seen_rows)} were trained on.")
    if not quick:
        race.check_equal("number of optimizer steps", means(laps, "steps"), STEPS_APART)
    first = {name: float(of[0].result["first_loss"]) for name, of in laps.items()}
    race.check_equal("validation loss before training", first, 1e-6)
    for name, of in laps.items():
        if mixes(of):
            raise RaceFailed(f"NOT EQUAL: {name} lets the rows of a batch see each other.")


def mixes(laps: Sequence[Lap]) -> bool:
    """Tell whether rows of one batch see each other; what is no number is no proof that they don't."""
    return not all(lap.result["mixed"] <= MIXED for lap in laps)


def check_learned(laps: race.Laps) -> None:
    """Raise RaceFailed when a loss barely fell: equal losses prove nothing then."""
    first = max(float(of[0].result["first_loss"]) for of in laps.values())
    fell = 1 - max(means(laps, "loss").values()) / first
    if not fell >= LEAST_LEARNED:
        raise RaceFailed(f"NOT EQUAL: the loss fell by {fell:.1%} only; equal losses that did not fall prove nothing.")


def means(laps: race.Laps, key: str) -> dict[str, float]:
    """Return the mean over the rounds of something that the contestants reported."""
    return {name: statistics.fmean(float(lap.result[key]) for lap in of) for name, of in laps.items()}


def speeds(laps: race.Laps) -> dict[str, float]:
    """Return each contestant's median real tokens per CPU second."""
    return {name: statistics.median(lap.result["tokens"] / lap.cpu_s for lap in of) for name, of in laps.items()}


def columns(laps: race.Laps) -> dict[str, dict[str, str]]:
    """Return the columns beside CPU and wall seconds: speeds, padding, steps, losses and whether rows mix."""

    def cells(of: Sequence[Lap]) -> dict[str, str]:
        rates = race.spread(lap.result["tokens"] / lap.cpu_s for lap in of)
        real = statistics.median(lap.result["tokens"] / lap.result["padded"] for lap in of)
        return {
            "real tokens/CPU s": f"{rates.median:.0f} ({rates.least:.0f} to {rates.most:.0f})",
            "real share": f"{real:.2f}",
            "steps": f"{statistics.median(lap.result['steps'] for lap in of):.0f}",
            "mean loss": f"{statistics.fmean(lap.result['loss'] for lap in of):.4f}",
            "rows mix": "yes" if mixes(of) else "no",
        }

    found = {name: cells(of) for name, of in laps.items()}
    return {column: {name: told[column] for name, told in found.items()} for column in next(iter(found.values()))}
