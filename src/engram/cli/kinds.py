"""engram kinds: what families of model there are. Cards only; the code of a kind is never imported here."""

from __future__ import annotations

from typing import Annotated

import typer

from engram.cli import output
from engram.cli.output import Json
from engram.schema.card import KindCard, TaskCard
from engram.schema.criterion import Criterion
from engram.schema.form import FORMS

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def kinds() -> None:
    """List and show the kinds of model."""


@app.command("list")
def list_kinds(json: Json = False) -> None:
    """List the kinds."""
    from engram import registry

    cards: list[KindCard] = [registry.get("kind", name) for name in registry.names("kind")]
    columns = ("kind", "title", "tasks", "default_model", "extra")
    rows = [[card.name, card.title, ", ".join(card.tasks), card.default_model, card.extra] for card in cards]
    output.table(columns, rows)
    if output.json_wanted():
        output.emit_json(
            [
                dict(zip(columns, [*row[:2], list(card.tasks), *row[3:]], strict=True))
                for row, card in zip(rows, cards, strict=True)
            ]
        )


@app.command()
def show(name: Annotated[str, typer.Argument(help="The name of a kind.")], json: Json = False) -> None:
    """Show a kind's card: tasks, columns, measures, gates and exports."""
    from engram import registry
    from engram.schema.codec import to_dict

    card: KindCard = registry.get("kind", name)
    if output.json_wanted():
        output.emit_json(to_dict(card))
        return
    output.say(f"{card.name}: {card.title}", "bold")
    output.pairs({"default model": card.default_model, "extra": card.extra, "invariants": ", ".join(card.invariants)})
    for task, details in card.tasks.items():
        _show_task(task, details)


def _show_task(name: str, task: TaskCard) -> None:
    output.say()
    output.say(f"task {name}: {task.title}", "bold")
    measures = [
        f"{kpi.name} {'↑' if kpi.better == 'max' else '↓'}{' (primary)' if kpi.primary else ''}" for kpi in task.kpis
    ]
    output.pairs(
        {
            "rows": "; ".join(
                f"{name} ({', '.join(FORMS[name].known)})" if name in FORMS else name for name in task.forms
            ),
            "measures": ", ".join(measures),
            "baseline": task.reference_baseline,
            "exports": ", ".join(task.exports),
        }
    )
    output.say()
    rows = [[stage, one.metric, _demand(one), one.severity] for stage, gate in task.gates.items() for one in gate]
    output.table(("stage", "metric", "asked", "severity"), rows)


def _demand(criterion: Criterion) -> str:
    op, threshold = criterion.demand()
    return f"{op} {threshold:g}"
