"""What the card of every kind must keep, so that server, CLI and forms can live by cards alone."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engram import registry
from engram.data.media import LOOKS
from engram.export.format import BaseRef
from engram.schema.card import FileIn, KindCard, TaskCard
from engram.schema.codec import to_dict
from engram.schema.form import FORMS, MEDIA, SEED

KINDS = registry.names("kind")
STAGES = {"data", "train", "evaluate", "export", "simulate"}


def card(kind: str) -> KindCard:
    found = registry.get("kind", kind)
    assert isinstance(found, KindCard)
    return found


def tasks() -> list[tuple[str, str, TaskCard]]:
    return [(kind, name, task) for kind in KINDS for name, task in card(kind).tasks.items()]


EVERY_TASK = pytest.mark.parametrize(("kind", "name", "task"), tasks(), ids=[f"{k}-{n}" for k, n, _ in tasks()])


def test_the_kinds_of_this_release_are_all_here():
    assert KINDS == ["audio", "embedding", "language", "rl", "stt", "tts", "vision"]


@pytest.mark.parametrize("kind", KINDS)
def test_its_card_imports_the_standard_library_and_engram_only(kind):
    code = (
        "import sys, json; from engram import registry; before = set(sys.modules); "
        f"registry.get('kind', {kind!r}); print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    outside = {name.split(".")[0] for name in json.loads(out)} - set(sys.stdlib_module_names)
    assert outside <= {"engram"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_wants_imported_once_a_run_is_there_and_starts_no_thread(kind):
    """A fork would lose the thread, and whoever waits for it would hang."""
    code = (
        "import importlib, os, sys; [importlib.import_module(name) for name in sys.argv[1:]]; "
        "print(len(os.listdir('/proc/self/task')) if os.path.isdir('/proc/self/task') else 1)"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # OpenBLAS stops its own before a fork
    done = subprocess.run(
        [sys.executable, "-c", code, *card(kind).preload],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_its_card_is_plain_data_and_names_code_that_exists(kind):
    found = card(kind)
    assert found.name == kind
    assert found.title
    assert found.default_model
    assert found.tasks
    assert json.loads(json.dumps(to_dict(found)))["name"] == kind
    assert found.code.startswith(f"engram.kinds.{kind}.")
    assert importlib.util.find_spec(found.code) is not None


@EVERY_TASK
def test_one_measure_decides_and_each_is_registered(kind, name, task):
    assert sum(kpi.primary for kpi in task.kpis) == 1
    assert card(kind).primary(name).primary
    assert {kpi.name for kpi in task.kpis} <= set(registry.names("metric"))


@EVERY_TASK
def test_the_direction_on_the_card_is_the_metrics_own(kind, name, task):
    for kpi in task.kpis:
        metric = registry.get("metric", kpi.name)
        assert metric.scalar
        assert metric.better == kpi.better


@EVERY_TASK
def test_every_stage_has_a_gate_of_criteria_that_can_fail(kind, name, task):
    assert set(task.gates) == STAGES
    for criteria in task.gates.values():
        assert criteria
        assert all(criterion.is_complete() for criterion in criteria)
        assert len({(criterion.metric, criterion.demand()[0]) for criterion in criteria}) == len(criteria)


@EVERY_TASK
def test_the_model_must_beat_its_reference_baseline_beyond_chance(kind, name, task):
    assert task.reference_baseline
    gains = [criterion for criterion in task.gates["evaluate"] if criterion.gain_over == "baseline"]
    primary = card(kind).primary(name).name
    assert [(one.metric, one.severity) for one in gains if one.by >= 0] == [(primary, "critical")]


@EVERY_TASK
def test_nothing_is_exported_without_parity_licence_and_secrets_checks(kind, name, task):
    asked = {criterion.metric: criterion for criterion in task.gates["export"]}
    for metric in ("parity_metric_difference", "parity_max_logit_difference", "reloads"):
        assert asked[metric].severity == "critical"
    assert asked["executable_files"].equals == 0
    assert asked["secrets_found"].equals == 0
    assert asked["licence_allows_use"].equals == 1


@EVERY_TASK
def test_its_columns_and_exports_are_known(kind, name, task):
    assert task.forms
    assert set(task.forms) <= set(FORMS) or task.forms == (SEED,)
    assert task.exports
    assert set(task.exports) <= set(registry.names("export"))


@EVERY_TASK
def test_rows_that_are_files_are_asked_about_as_files(kind, name, task):
    """What a row holds and what a prediction takes is of one medium, and that medium can be looked into."""
    media = {form.file[1] for form in (FORMS[one] for one in task.forms if one in FORMS) if form.file}
    if isinstance(task.predict_in, FileIn):
        assert {task.predict_in.medium} == media
    assert media <= set(LOOKS)
    assert media <= set(MEDIA)


@EVERY_TASK
def test_clients_can_tell_what_it_takes_and_gives(kind, name, task):
    said = json.loads(json.dumps(to_dict(task)))
    assert said["predict_in"]["takes"]
    assert said["predict_out"]["gives"]


@EVERY_TASK
def test_its_model_card_says_how_each_export_is_opened_without_engram(kind, name, task):
    assert task.pipeline_tag
    assert task.limits.format(labels=3)
    use = importlib.import_module(task.use)
    base = BaseRef(Path("/nowhere"), "org/base", "abc", "sha256:0")
    for one in task.exports:
        code = use.how_to_use(one, name, {}, base)
        compile(code, one, "exec")
        assert "engram" not in code.replace("`engram verify`", "").lower()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_its_folder_names_it(kind):
    """A kind is a folder: server, pipeline and exports know it by its card alone."""
    source = Path(registry.__file__).parent
    own = f"engram.kinds.{kind}"
    named = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if own in path.read_text(encoding="utf-8") and path.relative_to(source).parts[:2] != ("kinds", kind)
    ]
    assert named == []
