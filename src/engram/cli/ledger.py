"""`engram ledger`: read what happened in this home, and prove it to others. Reads only, so it needs no lock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engram.cli import output
from engram.cli.verify import choose_key, conclude, printable
from engram.ledger.checkpoint import open_checkpoint
from engram.ledger.encoding import to_base64
from engram.ledger.log import Ledger
from engram.ledger.merkle import leaf_hash, verify_consistency
from engram.ledger.verify import verify_ledger
from engram.schema.codec import to_dict
from engram.schema.entry import Entry
from engram.settings import load_settings

app = typer.Typer(help="Read the ledger and prove what it says.", no_args_is_help=True, rich_markup_mode=None)
Index = Annotated[int, typer.Argument(help="The entry's number, from 0.", min=0)]


@app.command()
def log(
    last: Annotated[int, typer.Option("--last", "-n", help="How many entries, newest last.", min=1)] = 20,
    json: output.Json = False,
) -> None:
    """Show the last entries."""
    ledger = _ledger()
    entries = list(ledger.entries(ledger.size - last))
    if output.json_wanted():
        output.emit_json([to_dict(entry) for entry in entries])
        return
    output.table(("index", "time", "type", "subject", "actor"), [_row(entry) for entry in entries])
    output.say(f"{len(entries)} of {ledger.size} entries", "dim")


@app.command()
def show(index: Index, json: output.Json = False) -> None:
    """Show one entry whole."""
    entry = _ledger().entry(index)
    if output.json_wanted():
        output.emit_json(to_dict(entry))
        return
    values = {**to_dict(entry), **{f"body.{name}": value for name, value in entry.body.items()}}
    del values["body"]
    output.pairs({name: printable(str(value)) for name, value in values.items()})


@app.command()
def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A signed checkpoint that you hold: the ledger must continue it."),
    ] = None,
    json: output.Json = False,
) -> int:
    """Verify the ledger of this home from end to end."""
    key, _ = choose_key("")
    held = None if checkpoint is None else checkpoint.read_bytes()
    checks = list(verify_ledger(_folder(), key, held))
    for check in checks:
        output.say(f"{'ok' if check.ok else 'WRONG':5}  {printable(check.name)}  {printable(check.detail)}")
    return conclude(str(_folder()), key, checks)


@app.command()
def prove(index: Index, json: output.Json = False) -> None:
    """Print the proof that an entry is in the ledger, as JSON: leaf, path and signed checkpoint."""
    ledger = _ledger()
    leaf = ledger.leaf(index)
    output.emit_json(
        {
            "format": "engram.inclusion-proof/1",
            "leaf": to_base64(leaf),
            "leaf_hash": to_base64(leaf_hash(leaf)),
            "leaf_index": index,
            "proof": [to_base64(step) for step in ledger.inclusion_proof(index)],
            "checkpoint": ledger.checkpoint.decode(),
        }
    )


@app.command()
def consistency(
    held: Annotated[Path, typer.Argument(help="A signed checkpoint that you kept.")], json: output.Json = False
) -> int:
    """Prove that the ledger only grew since a checkpoint that you kept; exit 1 when it was rewritten."""
    ledger = _ledger()
    old, new = open_checkpoint(held.read_bytes(), ledger.key), open_checkpoint(ledger.checkpoint, ledger.key)
    grew = old.size <= new.size
    proof = ledger.consistency_proof(old.size) if grew else []
    grew = grew and verify_consistency(old.size, old.root, new.size, new.root, proof)
    output.emit(
        {
            "format": "engram.consistency-proof/1",
            "consistent": grew,
            "old": held.read_bytes().decode(),
            "new": ledger.checkpoint.decode(),
            "proof": [to_base64(step) for step in proof],
        },
        f"{old.size} → {new.size} entries, {len(proof)} hashes of proof",
        "CONSISTENT" if grew else "NOT CONSISTENT: this ledger is not a continuation of the checkpoint that you kept",
    )
    return 0 if grew else 1


@app.command()
def checkpoint(json: output.Json = False) -> None:
    """Print the newest signed checkpoint; keep it elsewhere, and nobody can put an old ledger back unseen."""
    ledger = _ledger()
    if output.json_wanted():
        output.emit_json({"size": ledger.size, "key": ledger.key.vkey, "note": ledger.checkpoint.decode()})
    else:
        typer.echo(ledger.checkpoint, nl=False)


def _folder() -> Path:
    return load_settings().home / "ledger"


def _ledger() -> Ledger:
    return Ledger.read(_folder(), choose_key("")[0])


def _row(entry: Entry) -> tuple[str, ...]:
    return tuple(map(printable, (str(entry.index), entry.time, entry.type, entry.subject, entry.actor)))
