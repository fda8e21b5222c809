"""Every command of `engram`: where it lives and one line about it. Help reads this table and imports none of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: the module and attribute that hold it (a function or a Typer app) and its line in the help."""

    module: str
    attribute: str
    help: str


COMMANDS = {
    "train": Command("engram.cli.train", "train", "Train a recipe: baseline, training, gates, export, certificate."),
    "recipes": Command("engram.cli.recipes", "app", "List, show, check and start recipes."),
    "kinds": Command("engram.cli.kinds", "app", "List and show the kinds of model."),
    "data": Command("engram.cli.data", "app", "Check data before a run spends time on it, and keep datasets."),
    "template": Command("engram.cli.template", "app", "Register, list and show certified templates."),
    "runs": Command("engram.cli.runs", "app", "List, watch, compare, pause, cancel and review runs."),
    "report": Command("engram.cli.report", "report", "Show what a run measured, as text or as one HTML file."),
    "deploy": Command("engram.cli.deploy", "deploy", "Let an artifact answer under a name, on the home's server."),
    "rollback": Command("engram.cli.deploy", "rollback", "Let the artifact answer that answered before."),
    "predict": Command("engram.cli.predict", "predict", "Answer inputs with a deployment or a certified artifact."),
    "verify": Command("engram.cli.verify", "verify", "Verify an artifact, certificate or ledger offline."),
    "reproduce": Command("engram.cli.reproduce", "reproduce", "Derive an artifact again and compare the digests."),
    "ledger": Command("engram.cli.ledger", "app", "Read the ledger and prove what it says."),
    "config": Command("engram.cli.config", "config", "Say where a setting or a recipe's value comes from."),
    "doctor": Command("engram.cli.doctor", "doctor", "Say what is missing here, and the command that mends it."),
    "backup": Command("engram.cli.backup", "backup", "Copy this home into a folder, each file with its digest."),
    "restore": Command("engram.cli.backup", "restore", "Make an empty home from a backup, after checking all of it."),
    "upgrade": Command("engram.cli.backup", "upgrade", "Bring this home to this release, after a backup."),
    "gc": Command("engram.cli.gc", "gc", "Remove what nothing refers to."),
    "bench": Command("engram.cli.bench", "bench", "Run the races against other tools."),
    "seal": Command("engram.cli.seal", "seal", "Seal this home's artifacts and datasets on the disk."),
    "up": Command("engram.cli.up", "up", "Start server and core, and keep them in front."),
    "down": Command("engram.cli.up", "down", "End the server of this home and its core."),
    "status": Command("engram.cli.up", "status", "Say whether a server of this home runs, and what it lacks."),
    "trainer": Command("engram.cli.trainer", "trainer", "Work on a run of a server, as the process of an attempt."),
    "users": Command("engram.cli.users", "app", "List, add and change the users of a server."),
    "roles": Command("engram.cli.roles", "app", "List, make and change custom roles of a server."),
    "audit": Command("engram.cli.audit", "app", "Read the audit of a server, and prove that it is whole."),
    "keys": Command("engram.cli.keys", "app", "List, make and revoke API keys; rotate the home's own."),
    "policy": Command("engram.cli.policy", "policy", "Show what each role may do on a server."),
    "settings": Command("engram.cli.settings", "app", "List, read and change the settings of a server."),
    "demo": Command("engram.cli.demo", "demo", "Train, judge, sign, verify and use a small model."),
}
